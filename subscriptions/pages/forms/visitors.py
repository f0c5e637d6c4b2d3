"""Forms that need no sign-in. Every error message says how to correct the input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from papers.metadata.identifiers import parse_arxiv_id
from subscriptions.models import QUERY_LENGTH, TOPIC_TEXT_LENGTH
from subscriptions.profiles.references import split_ids
from subscriptions.profiles.saved_searches import SavedSearch
from subscriptions.readers import challenge
from subscriptions.readers.fields import (
    ADDRESS_LENGTH,
    AddressField,
    CategoriesField,
    GuessedZoneField,
    PapersField,
    PermanentAddressField,
)


class SignUpForm(forms.Form):
    """Sign-up with an address. The browser adds the time zone, a preview adds the interests."""

    email = PermanentAddressField(max_length=ADDRESS_LENGTH)
    nickname = forms.CharField(required=False)  # honeypot, hidden from people
    altcha = forms.CharField(required=False)
    timezone = GuessedZoneField(required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        required=False, max_length=TOPIC_TEXT_LENGTH, widget=forms.HiddenInput, label=_("Interests")
    )
    examples = PapersField(widget=forms.HiddenInput, label=_("Papers"))
    categories = CategoriesField(widget=forms.HiddenInput, label=_("Categories"))
    query = forms.CharField(
        required=False, max_length=QUERY_LENGTH, widget=forms.HiddenInput, label=_("Search")
    )

    @classmethod
    def initial_from_query(cls, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the valid values of a query string as initial values; drop the others.

        The visitor did not type them, so there is no use in showing errors.
        """
        form = cls(dict(query.items()))
        form.full_clean()
        names = ("text", "examples", "categories", "query")
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
        """Return the non-empty interests as field values of a topic."""
        names = ("text", "examples", "categories", "query")
        return {name: value for name in names if (value := self.cleaned_data[name])}


class PreviewForm(forms.Form):
    """Interests of a visitor: text that may contain arXiv IDs and links, and categories."""

    interests = forms.CharField(
        required=False,
        max_length=TOPIC_TEXT_LENGTH,
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
        """Return the interests as field values of a topic."""
        examples, text = split_ids(self.cleaned_data["interests"])
        categories = self.cleaned_data["categories"]
        return {"text": text, "examples": examples, "categories": categories}


class SearchForm(forms.Form):
    """A search to follow, from a link or a hidden field. An invalid value is dropped."""

    q = forms.CharField(required=False, max_length=QUERY_LENGTH)

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> SavedSearch:
        """Return the search that the value describes; it may be empty."""
        form = cls({"q": data.get("q", "")})
        form.full_clean()
        return SavedSearch.of_query(form.cleaned_data.get("q", ""))


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
