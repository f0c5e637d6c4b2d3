"""Forms of the Zotero page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from subscriptions.models import Topic, ZoteroAccount
from subscriptions.zotero.connecting import API_KEY


class TopicField(forms.ModelChoiceField):
    """A topic of a reader, by its title."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.title)


class KeyForm(forms.Form):
    """An API key. The page never shows it again."""

    key = forms.CharField(
        label=_("API key"),
        max_length=100,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        if not API_KEY.fullmatch(key):
            raise ValidationError(
                _("This isn't an API key. Copy its 24 letters and digits from Zotero's page.")
            )
        return key


class CollectionField(forms.ChoiceField):
    """A collection of the connected account, by its name."""

    def __init__(self, **options: Any) -> None:
        self.none = options.pop("none", "")
        super().__init__(
            error_messages={"invalid_choice": _("Choose a collection from the list.")}, **options
        )

    def offer(self, account: ZoteroAccount) -> None:
        named = [(one["key"], one["name"]) for one in account.collections]
        self.choices = [("", self.none), *named] if self.none else named


class ExamplesForm(forms.Form):
    """A collection and the topic whose examples its papers become."""

    collection = CollectionField(label=_("Collection"))
    topic = TopicField(label=_("Topic"), queryset=Topic.objects.none(), empty_label=None)

    def __init__(self, account: ZoteroAccount, data: Any = None) -> None:
        super().__init__(data, auto_id="examples-%s")
        self.fields["collection"].offer(account)  # type: ignore[attr-defined]
        # Searches have no examples.
        topics = account.subscriber.topics.filter(query="").order_by("position")
        self.fields["topic"].queryset = topics  # type: ignore[attr-defined]


class KeptForm(forms.Form):
    """The collection that gets kept papers."""

    collection = CollectionField(
        label=_("Collection for kept papers"), required=False, none=_("None: don't send them")
    )

    def __init__(self, account: ZoteroAccount, data: Any = None) -> None:
        initial = {"collection": account.out_collection}
        super().__init__(data, initial=initial, auto_id="kept-%s")
        self.fields["collection"].offer(account)  # type: ignore[attr-defined]
