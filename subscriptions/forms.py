"""The forms of readers. Every refusal says what is wrong and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from email_validator import EmailNotValidError, validate_email

from papers.feeds.identifiers import arxiv_id
from subscriptions.models import Interests, Subscriber
from subscriptions.schedule import zones

CATEGORY = re.compile(r"[a-z-]+(\.[A-Za-z-]{2,})?")
MOST_LINES = 100
LINE_LENGTH = 200


class AddressField(forms.CharField):
    """An e-mail address in its normal form; mail is not tried here, so no look-up is made."""

    widget = forms.EmailInput(
        attrs={"autocomplete": "email", "placeholder": "you@university.edu", "maxlength": 254}
    )

    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        try:
            return validate_email(typed, check_deliverability=False).normalized
        except EmailNotValidError as error:
            raise ValidationError(
                _("This is not an e-mail address: %(why)s"), params={"why": str(error)}
            ) from error


class ZoneField(forms.CharField):
    """An IANA time zone; UTC where the browser did not tell."""

    def clean(self, value: Any) -> str:
        name = super().clean(value) or "UTC"
        if name not in zones():
            raise ValidationError(
                _("“%(name)s” is no time zone. Choose one such as Europe/Berlin."),
                params={"name": name},
            )
        return name


class GuessedZoneField(ZoneField):
    """A time zone that nobody typed: an unknown one must not keep a reader from signing up."""

    def clean(self, value: Any) -> str:
        try:
            return super().clean(value)
        except ValidationError:
            return "UTC"


class LinesField(forms.CharField):
    """A list, one entry a line (or separated by commas), each checked by `parse_line`."""

    widget = forms.Textarea(attrs={"rows": 3})

    def __init__(
        self, *, commas: bool = True, parse_line: Callable[[str], str] = str, **options: Any
    ) -> None:
        super().__init__(required=False, **options)
        self.separator = re.compile(r"[\n,;]" if commas else r"\n")
        self.parse_line = parse_line

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in self.separator.split(super().clean(value))]
        entries = list(dict.fromkeys(self._parsed(filter(None, lines))))
        if len(entries) > MOST_LINES:
            raise ValidationError(
                _("%(count)s entries are too many; at most %(most)s fit."),
                params={"count": len(entries), "most": MOST_LINES},
            )
        return entries

    def _parsed(self, lines: Iterable[str]) -> Iterable[str]:
        for line in lines:
            if len(line) > LINE_LENGTH:
                raise ValidationError(
                    _("“%(start)s…” is too long; at most %(most)s characters a line."),
                    params={"start": line[:40], "most": LINE_LENGTH},
                )
            yield self.parse_line(line)


def category(line: str) -> str:
    if not CATEGORY.fullmatch(line):
        raise ValidationError(
            _("“%(line)s” is no arXiv category; they look like cs.CL or quant-ph."),
            params={"line": line[:40]},
        )
    return line


def example(line: str) -> str:
    name, _version = arxiv_id(line)
    if not name:
        raise ValidationError(
            _("“%(line)s” is no arXiv id or link; they look like 2401.00001."),
            params={"line": line[:60]},
        )
    return name


class SignUpForm(forms.Form):
    """One field to fill in; the browser tells the time zone."""

    email = AddressField(max_length=254)
    timezone = GuessedZoneField(required=False, widget=forms.HiddenInput)


class LinkForm(forms.Form):
    """Ask for the link to the preferences."""

    email = AddressField(max_length=254)


class RhythmForm(forms.ModelForm):
    """When, and how much."""

    timezone = ZoneField(
        label=_("Time zone"), widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"})
    )
    hour = forms.TypedChoiceField(
        label=_("At"), coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)]
    )

    class Meta:
        model = Subscriber
        fields = ["frequency", "weekday", "hour", "timezone", "max_papers"]
        labels = {
            "frequency": _("How often"),
            "weekday": _("On (weekly digests)"),
            "max_papers": _("Papers in a digest, at most"),
        }
        help_texts = {"weekday": ""}


class InterestsForm(forms.ModelForm):
    """What a reader cares about."""

    words = LinesField(label=_("Words or phrases that matter"))
    excluded_words = LinesField(
        label=_("Never send papers that say"),
        help_text=_("Whole words or phrases. They win over everything else."),
    )
    categories = LinesField(
        label=_("arXiv categories"),
        parse_line=category,
        help_text=_("Such as cs.CL, stat.ML, quant-ph."),
    )
    authors = LinesField(
        label=_("Authors to follow"), commas=False, help_text=_("One name a line.")
    )
    examples = LinesField(
        label=_("Papers you like"),
        parse_line=example,
        help_text=_("arXiv ids or links. Three good examples say more than thirty words."),
    )

    class Meta:
        model = Interests
        fields = ["topics", "examples", "categories", "words", "authors", "excluded_words"]
        labels = {"topics": _("What do you work on, in your own words?")}
        help_texts = {"topics": ""}
        widgets = {
            "topics": forms.Textarea(
                attrs={
                    "rows": 3,
                    "maxlength": 2000,
                    "placeholder": "Efficient long-context language models; memory in agents",
                }
            )
        }

    def clean_topics(self) -> str:
        topics: str = self.cleaned_data["topics"]
        if len(topics) > 2000:
            raise ValidationError(_("At most 2,000 characters; the strongest words matter most."))
        return topics
