"""Forms of the library."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from subscriptions.library.changes import split_tags
from subscriptions.models import MAX_TAGS, NOTE_LENGTH, TAG_LENGTH, LibraryEntry
from subscriptions.pages.forms.readers import UploadForm


class TagsField(forms.CharField):
    """Tags, separated by commas."""

    def __init__(self, **options: Any) -> None:
        longest = MAX_TAGS * (TAG_LENGTH + 2)
        super().__init__(required=False, max_length=longest, **options)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        return split_tags(super().clean(value))


class EntryForm(forms.ModelForm):
    """The note, tags and read state of a kept paper."""

    tags = TagsField(label=_("Tags"), help_text=_("Separate them with commas."))
    is_read = forms.BooleanField(label=_("Read"), required=False)

    class Meta:
        model = LibraryEntry
        fields = ["note", "tags"]
        labels = {"note": _("Your note")}
        help_texts = {
            "note": _(
                "Only you see it. **Bold**, *italics* and links work. At most 2,000 characters."
            )
        }
        widgets = {"note": forms.Textarea(attrs={"rows": 6, "maxlength": NOTE_LENGTH})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["is_read"].initial = self.instance.read_at is not None

    def clean_note(self) -> str:
        note: str = self.cleaned_data["note"].replace("\r\n", "\n").replace("\0", "").strip()
        if len(note) > NOTE_LENGTH:
            raise ValidationError(_("At most 2,000 characters."))
        return note


class LibraryFileForm(UploadForm):
    """Upload of a file of a reference manager to the library."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["file"].help_text = _(
            "Zotero, Mendeley, EndNote, JabRef and others export these formats. At most 10 MB and "
            "5,000 papers; from a longer list we take the newest. Papers that you have already "
            "keep your note and tags."
        )
