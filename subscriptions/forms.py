"""The forms of readers. Every refusal says what is wrong and what to do."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from email_validator import EmailNotValidError, validate_email

from config.language import spoken
from papers.feeds.identifiers import arxiv_id
from subscriptions import challenge
from subscriptions.following import Search
from subscriptions.library import author_id
from subscriptions.models import Interests, Subscriber
from subscriptions.references import MAX_BYTES, MOST_KEPT, split_ids
from subscriptions.schedule import zones

ARCHIVES = frozenset(
    "astro-ph cond-mat cs econ eess gr-qc hep-ex hep-lat hep-ph hep-th math math-ph nlin nucl-ex "
    "nucl-th physics q-bio q-fin quant-ph stat".split()
)
CATEGORY = re.compile(r"([a-z-]+)(\.[A-Za-z-]{2,})?")
ADDRESS_LENGTH = 254  # RFC 5321
MOST_LINES = 100
LINE_LENGTH = 200
TOPICS_LENGTH = 2000


class AddressField(forms.CharField):
    """An e-mail address in its normal form; mail is not tried here, so no look-up is made."""

    widget = forms.EmailInput(
        attrs={
            "autocomplete": "email",
            "placeholder": "you@university.edu",
            "maxlength": ADDRESS_LENGTH,
        }
    )

    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        try:
            found = validate_email(typed, check_deliverability=False)
        except EmailNotValidError as error:
            raise ValidationError(_not_an_address(error)) from error
        if len(found.normalized) > ADDRESS_LENGTH:
            raise ValidationError(_("This address is longer than any mail system takes."))
        return found.normalized


def _not_an_address(error: EmailNotValidError) -> str:
    """With the reason where it is told in the language of the moment: the library's is English."""
    if spoken() == "en":
        return gettext("This is not an e-mail address: %(why)s") % {"why": error}
    return gettext("This is not an e-mail address; they look like you@university.edu.")


class LastingAddressField(AddressField):
    """An address at no domain of those that are thrown away after use."""

    def clean(self, value: Any) -> str:
        address = super().clean(value)
        labels = address.rpartition("@")[2].lower().split(".")
        domains = disposable_domains(settings.DISPOSABLE_DOMAINS_FILE)
        if any(".".join(labels[start:]) in domains for start in range(len(labels))):
            raise ValidationError(
                _("This address is made to be thrown away. Use one that you read.")
            )
        return address


@lru_cache
def disposable_domains(path: str) -> frozenset[str]:
    """The domains of a file, one a line, # before a comment; none without a file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines() if path else ()
    return frozenset(
        name for line in lines if (name := line.partition("#")[0].strip().lower().strip("."))
    )


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
        self,
        *,
        commas: bool = True,
        parse_line: Callable[[str], str] = str,
        most: int = MOST_LINES,
        **options: Any,
    ) -> None:
        super().__init__(required=False, **options)
        self.most = most
        self.separator = re.compile(r"[\n,;]" if commas else r"\n")
        self.parse_line = parse_line

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in self.separator.split(super().clean(value))]
        entries = list(dict.fromkeys(self._parsed(filter(None, lines))))
        if len(entries) > self.most:
            raise ValidationError(
                _("%(count)s entries are too many; at most %(most)s fit."),
                params={"count": len(entries), "most": self.most},
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
    found = CATEGORY.fullmatch(line)
    if not found or found[1] not in ARCHIVES:
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
    """One field to fill in; the browser tells the time zone, a preview what was typed before."""

    email = LastingAddressField(max_length=ADDRESS_LENGTH)
    nickname = forms.CharField(required=False)  # a trap: people do not see it
    altcha = forms.CharField(required=False)
    timezone = GuessedZoneField(required=False, widget=forms.HiddenInput)
    topics = forms.CharField(
        required=False, max_length=TOPICS_LENGTH, widget=forms.HiddenInput, label=_("Interests")
    )
    examples = LinesField(
        parse_line=example, most=MOST_KEPT, widget=forms.HiddenInput, label=_("Papers")
    )
    categories = LinesField(parse_line=category, widget=forms.HiddenInput, label=_("Categories"))

    @classmethod
    def brought(cls, query: Mapping[str, str]) -> dict[str, Any]:
        """Initial values from a link's query; whoever follows it did not type them, so what is not
        valid is left out instead of refused."""
        form = cls(dict(query.items()))
        form.full_clean()
        names = ("topics", "examples", "categories")
        return {name: value for name in names if (value := form.cleaned_data.get(name))}

    def clean_altcha(self) -> str:
        answer: str = self.cleaned_data["altcha"]
        if settings.CHALLENGE and not challenge.is_solved(answer):
            raise ValidationError(
                _(
                    "Please press the button once more: your browser solves a riddle first, so "
                    "that no machine signs up strangers. It needs JavaScript for that."
                )
            )
        return answer

    def said(self) -> dict[str, Any]:
        """What the preview was made of, as fields of Interests; empty where nothing was said."""
        names = ("topics", "examples", "categories")
        return {name: value for name in names if (value := self.cleaned_data[name])}


class PreviewForm(forms.Form):
    """What a visitor cares about: words, and arXiv ids or links among them."""

    interests = forms.CharField(
        required=False,
        max_length=TOPICS_LENGTH,
        label=_("What do you work on?"),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    categories = LinesField(
        label=_("arXiv categories, if you like"),
        parse_line=category,
        widget=forms.TextInput(
            attrs={"placeholder": "cs.CL, stat.ML", "maxlength": 500, "autocomplete": "off"}
        ),
    )

    def clean_interests(self) -> str:
        typed: str = self.cleaned_data["interests"]
        if "\0" in typed or not typed.strip():
            raise ValidationError(_("Type a few words, or paste the arXiv ids of papers you like."))
        return typed

    def said(self) -> dict[str, Any]:
        """As fields of Interests."""
        examples, topics = split_ids(self.cleaned_data["interests"])
        categories = self.cleaned_data["categories"]
        return {"topics": topics, "examples": examples, "categories": categories}


class SearchForm(forms.Form):
    """A search to follow, as links and hidden fields bring it; what is not valid is left out."""

    topics = forms.CharField(required=False, max_length=TOPICS_LENGTH)
    categories = LinesField(parse_line=category)

    @classmethod
    def read(cls, said: Mapping[str, str]) -> Search:
        form = cls({name: said.get(name, "") for name in cls.base_fields})
        form.full_clean()
        words = re.sub(r"[,;\s]+", " ", form.cleaned_data.get("topics", ""))  # one entry of a list
        shown = textwrap.shorten(words, LINE_LENGTH, placeholder="")
        return Search(shown, tuple(form.cleaned_data.get("categories", ())))


class UploadForm(forms.Form):
    """A file of references."""

    file = forms.FileField(
        label=_("BibTeX, RIS or CSL JSON file"),
        help_text=_("Zotero, Mendeley, EndNote and others export these. At most 2 MB."),
        widget=forms.FileInput(attrs={"accept": ".bib,.bibtex,.ris,.json,.txt"}),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise ValidationError(_("The file is larger than 2 MB; upload a part of it."))
        return file


class AuthorPageForm(forms.Form):
    """An author whose own papers are good examples: mostly the reader."""

    author = forms.CharField(
        label=_("arXiv author page or ORCID"),
        max_length=200,
        help_text=_("Such as https://arxiv.org/a/doe_j_1 or 0000-0002-1825-0097."),
    )

    def clean_author(self) -> str:
        name = author_id(self.cleaned_data["author"])
        if not name:
            raise ValidationError(
                _("This is no arXiv author page (arxiv.org/a/doe_j_1) and no ORCID.")
            )
        return name


class WhyForm(forms.Form):
    """Which paper is missed."""

    paper = forms.CharField(label=_("arXiv id or link"), max_length=LINE_LENGTH)

    def clean_paper(self) -> str:
        return example(self.cleaned_data["paper"].strip())


class ProposalForm(forms.Form):
    """A paper that others should see."""

    paper = forms.CharField(
        label=_("arXiv link or id"),
        max_length=200,
        help_text=_("Such as https://arxiv.org/abs/2401.00001"),
    )
    note = forms.CharField(label=_("Why? (for the curator)"), max_length=500, required=False)

    def clean_paper(self) -> str:
        found, _version = arxiv_id(self.cleaned_data["paper"])
        if not found:
            raise ValidationError(_("This is no link or id of a paper on arXiv."))
        return found


class ReportForm(forms.Form):
    """Why a paper should not be here."""

    why = forms.CharField(
        label=_("What is wrong with it? (for the curator)"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class LinkForm(forms.Form):
    """Ask for the link to the preferences."""

    email = AddressField(max_length=ADDRESS_LENGTH)


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
        fields = ["frequency", "weekday", "hour", "timezone", "max_papers", "language"]
        labels = {
            "frequency": _("How often"),
            "weekday": _("On (weekly digests)"),
            "max_papers": _("Papers in a digest, at most"),
            "language": _("Language of the mails"),
        }
        help_texts = {"weekday": "", "language": _("Papers stay in their own.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].required = False

    def clean_language(self) -> str:
        return self.cleaned_data["language"] or self.instance.language


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
    muted_authors = LinesField(
        label=_("Never send papers by"), commas=False, help_text=_("One name a line.")
    )
    strictness = forms.ChoiceField(
        label=_("How strict should the choice be?"),
        choices=Interests.Strictness.choices,
        required=False,
        help_text=_("The strictest leaves out trending papers too, unless they are for you."),
    )
    examples = LinesField(
        label=_("Papers you like"),
        parse_line=example,
        most=MOST_KEPT,
        help_text=_("arXiv ids or links. Three good examples say more than thirty words."),
    )

    class Meta:
        model = Interests
        fields = [
            *("topics", "examples", "categories", "words", "authors"),
            *("excluded_words", "muted_authors", "strictness", "shared_authors"),
        ]
        labels = {
            "topics": _("What do you work on, in your own words?"),
            "shared_authors": _("Also papers by people who wrote the papers you like"),
        }
        help_texts = {
            "topics": "",
            "shared_authors": _("Papers that share an author with one of yours move up."),
        }
        widgets = {
            "topics": forms.Textarea(
                attrs={
                    "rows": 3,
                    "maxlength": TOPICS_LENGTH,
                    "placeholder": "Efficient long-context language models; memory in agents",
                }
            )
        }

    def clean_topics(self) -> str:
        topics: str = self.cleaned_data["topics"]
        if len(topics) > TOPICS_LENGTH:
            raise ValidationError(_("At most 2,000 characters; the strongest words matter most."))
        return topics

    def clean_strictness(self) -> str:
        return self.cleaned_data["strictness"] or self.instance.strictness
