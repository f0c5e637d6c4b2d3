"""Forms on readers' pages. Every error message says how to correct the input."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from papers.metadata.identifiers import parse_arxiv_id
from subscriptions.models import TOPICS_LENGTH, Interests, Subscriber
from subscriptions.profiles.library_import import parse_author_id
from subscriptions.profiles.references import MAX_BYTES, split_ids
from subscriptions.profiles.saved_searches import SavedSearch
from subscriptions.readers import challenge
from subscriptions.readers.fields import (
    ADDRESS_LENGTH,
    ENTRY_LENGTH,
    AddressField,
    CategoriesField,
    GuessedZoneField,
    ListField,
    NamesField,
    PapersField,
    PermanentAddressField,
    RangeField,
    ZoneField,
    clean_paper_id,
)


class SignUpForm(forms.Form):
    """Sign-up with an address. The browser adds the time zone, a preview adds the interests."""

    email = PermanentAddressField(max_length=ADDRESS_LENGTH)
    nickname = forms.CharField(required=False)  # honeypot, hidden from people
    altcha = forms.CharField(required=False)
    timezone = GuessedZoneField(required=False, widget=forms.HiddenInput)
    topics = forms.CharField(
        required=False, max_length=TOPICS_LENGTH, widget=forms.HiddenInput, label=_("Interests")
    )
    examples = PapersField(widget=forms.HiddenInput, label=_("Papers"))
    categories = CategoriesField(widget=forms.HiddenInput, label=_("Categories"))

    @classmethod
    def initial_from_query(cls, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the valid values of a query string as initial values; drop the others.

        The visitor did not type them, so there is no use in showing errors.
        """
        form = cls(dict(query.items()))
        form.full_clean()
        names = ("topics", "examples", "categories")
        return {name: value for name in names if (value := form.cleaned_data.get(name))}

    def clean_altcha(self) -> str:
        answer: str = self.cleaned_data["altcha"]
        if settings.CHALLENGE and not challenge.is_solved(answer):
            raise ValidationError(
                _(
                    "Please press the button again. Your browser first solves a small puzzle, "
                    "so that bots can't sign up strangers. This needs JavaScript."
                )
            )
        return answer

    def interest_values(self) -> dict[str, Any]:
        """Return the non-empty interests as field values of Interests."""
        names = ("topics", "examples", "categories")
        return {name: value for name in names if (value := self.cleaned_data[name])}


class PreviewForm(forms.Form):
    """Interests of a visitor: text that may contain arXiv IDs and links, and categories."""

    interests = forms.CharField(
        required=False,
        max_length=TOPICS_LENGTH,
        label=_("What do you work on?"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    categories = CategoriesField(
        label=_("arXiv categories"),
        widget=forms.TextInput(
            attrs={"placeholder": "cs.CL stat.ML", "maxlength": 500, "autocomplete": "off"}
        ),
    )

    def clean_interests(self) -> str:
        typed: str = self.cleaned_data["interests"]
        if "\0" in typed or not typed.strip():
            raise ValidationError(_("Type a few words, or paste the arXiv IDs of papers you like."))
        return typed

    def interest_values(self) -> dict[str, Any]:
        """Return the interests as field values of Interests."""
        examples, topics = split_ids(self.cleaned_data["interests"])
        categories = self.cleaned_data["categories"]
        return {"topics": topics, "examples": examples, "categories": categories}


class SearchForm(forms.Form):
    """A search to follow, from a link or hidden fields. Invalid values are dropped."""

    topics = forms.CharField(required=False, max_length=TOPICS_LENGTH)
    categories = CategoriesField()

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> SavedSearch:
        """Return the search that these values describe; it may be empty."""
        form = cls({name: data.get(name, "") for name in cls.base_fields})
        form.full_clean()
        words = re.sub(r"[,;\s]+", " ", form.cleaned_data.get("topics", ""))  # one list entry
        shortened = textwrap.shorten(words, ENTRY_LENGTH, placeholder="")
        return SavedSearch(shortened, tuple(form.cleaned_data.get("categories", ())))


class UploadForm(forms.Form):
    """Upload of a library file."""

    file = forms.FileField(
        label=_("BibTeX, RIS or CSL JSON file"),
        help_text=_(
            "Zotero, Mendeley, EndNote and others export these formats. At most 10 "
            "MB. From a longer list we take the newest 200 papers."
        ),
        widget=forms.FileInput(attrs={"accept": ".bib,.bibtex,.ris,.json,.txt"}),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise ValidationError(_("The file is larger than 10 MB. Please upload part of it."))
        return file


class AuthorPageForm(forms.Form):
    """An author, usually the reader, whose papers become examples."""

    author = forms.CharField(
        label=_("arXiv author page or ORCID"),
        max_length=200,
        help_text=_("For example https://arxiv.org/a/doe_j_1 or 0000-0002-1825-0097."),
    )

    def clean_author(self) -> str:
        name = parse_author_id(self.cleaned_data["author"])
        if not name:
            raise ValidationError(
                _("This isn't an arXiv author page (arxiv.org/a/doe_j_1) or an ORCID.")
            )
        return name


class WhyForm(forms.Form):
    """A paper whose absence from the digest is to be explained."""

    paper = forms.CharField(label=_("arXiv ID or link"), max_length=ENTRY_LENGTH)

    def clean_paper(self) -> str:
        return clean_paper_id(self.cleaned_data["paper"].strip())


class ProposalForm(forms.Form):
    """Proposal of a paper to the curators."""

    paper = forms.CharField(
        label=_("arXiv link or ID"),
        max_length=200,
        help_text=_("For example https://arxiv.org/abs/2401.00001"),
    )
    note = forms.CharField(label=_("Why? (for the curator)"), max_length=500, required=False)

    def clean_paper(self) -> str:
        arxiv_id, _version = parse_arxiv_id(self.cleaned_data["paper"])
        if not arxiv_id:
            raise ValidationError(_("This isn't an arXiv link or ID."))
        return arxiv_id


class ReportForm(forms.Form):
    """Report of a paper to the curators."""

    why = forms.CharField(
        label=_("What's wrong with it? (for the curator)"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class LinkForm(forms.Form):
    """Request for a link by email."""

    email = AddressField(max_length=ADDRESS_LENGTH)


class FoldingForm(forms.ModelForm):
    """A form that folds some of its fields, except when they have errors or changed values."""

    FOLDED: tuple[str, ...] = ()

    @property
    def is_unfolded(self) -> bool:
        """Return True if a folded field has an error or a value other than the default."""
        return any(self.errors.get(name) or self._is_changed(name) for name in self.FOLDED)

    def _is_changed(self, name: str) -> bool:
        default = self._meta.model._meta.get_field(name).get_default()
        return self.fields[name].has_changed(default, self[name].value())


class RhythmForm(FoldingForm):
    """Schedule, number of papers and language."""

    FOLDED = ("max_papers",)

    timezone = ZoneField(
        label=_("Time zone"),
        help_text=_("A city near you, such as Berlin, or the name of a time zone."),
        widget=forms.TextInput(attrs={"list": "places", "autocomplete": "off"}),
    )
    hour = forms.TypedChoiceField(
        label=_("Delivery time"),
        help_text=_("In your time zone."),
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
    )
    max_papers = RangeField(
        label=_("Maximum papers per digest"),
        help_text=_("From 1 to 30. You get fewer if fewer match."),
        min_value=1,
        max_value=30,
    )

    class Meta:
        model = Subscriber
        fields = ["frequency", "weekday", "hour", "timezone", "max_papers", "language"]
        labels = {
            "frequency": _("How often"),
            "weekday": _("Day (weekly digests)"),
            "language": _("Language of the emails"),
        }
        help_texts = {
            "frequency": _("Each digest has the best papers since the last one."),
            "weekday": _("Only used for weekly digests."),
            "language": _("Papers are not translated."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].required = False

    def clean_language(self) -> str:
        return self.cleaned_data["language"] or self.instance.language


class InterestsForm(FoldingForm):
    """Interests of a reader."""

    FOLDED = (
        *("words", "authors", "excluded_words", "muted_authors", "strictness", "shared_authors"),
    )

    words = ListField(
        label=_("Keywords or phrases"),
        help_text=_(
            "Separate them with commas or line breaks. Papers that contain one of them move up."
        ),
    )
    excluded_words = ListField(
        label=_("Never send papers that contain"),
        help_text=_(
            "Words or phrases, separated by commas or line breaks. These override everything else."
        ),
    )
    categories = CategoriesField(
        label=_("arXiv categories"),
        help_text=_(
            "For example cs.CL stat.ML quant-ph, separated by spaces, commas or line breaks."
        ),
    )
    authors = NamesField(
        label=_("Authors to follow"),
        help_text=_("Full names, separated by commas or line breaks."),
    )
    muted_authors = NamesField(
        label=_("Never send papers by"),
        help_text=_("Full names, separated by commas or line breaks."),
    )
    strictness = forms.ChoiceField(
        label=_("How selective should your digest be?"),
        choices=Interests.Strictness.choices,
        required=False,
        help_text=_(
            "The strictest setting also leaves out trending papers that don't match your interests."
        ),
    )
    examples = PapersField(
        label=_("Papers you like"),
        help_text=_(
            "arXiv IDs or links, separated by spaces, commas or line breaks. Three "
            "good examples say more than thirty words."
        ),
    )

    class Meta:
        model = Interests
        fields = [
            *("topics", "examples", "categories", "words", "authors"),
            *("excluded_words", "muted_authors", "strictness", "shared_authors"),
        ]
        labels = {
            "topics": _("What do you work on?"),
            "shared_authors": _("Also papers by authors of papers you like"),
        }
        help_texts = {
            "topics": _("A sentence or two in your own words."),
            "shared_authors": _("Papers that share an author with a paper you like move up."),
        }
        widgets = {
            "topics": forms.Textarea(
                attrs={
                    "rows": 3,
                    "maxlength": TOPICS_LENGTH,
                    "placeholder": _("Efficient long-context language models; memory in agents"),
                }
            )
        }

    def clean_topics(self) -> str:
        topics: str = self.cleaned_data["topics"]
        if len(topics) > TOPICS_LENGTH:
            raise ValidationError(
                _("At most 2,000 characters. The most distinctive words matter most.")
            )
        return topics

    def clean_strictness(self) -> str:
        return self.cleaned_data["strictness"] or self.instance.strictness

    def clean(self) -> dict[str, Any]:
        """Move arXiv IDs from the text to the examples, as the preview does."""
        cleaned: dict[str, Any] = super().clean() or {}
        ids, rest = split_ids(cleaned.get("topics", ""))
        if ids and "examples" in cleaned:
            cleaned["topics"] = rest
            cleaned["examples"] = list(dict.fromkeys([*cleaned["examples"], *ids]))
        return cleaned
