"""Form fields for readers: addresses, time zones, and lists in common notations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from email_validator import EmailNotValidError

from papers.metadata import categories
from papers.metadata.authors import parse_authors
from papers.metadata.identifiers import parse_arxiv_id
from subscriptions.mail.addresses import normalize_address
from subscriptions.profiles.references import MAX_EXAMPLES, split_ids
from subscriptions.readers import time_zones
from web.language import active_language

ADDRESS_LENGTH = 254  # RFC 5321
MAX_ENTRIES = 100
ENTRY_LENGTH = 200  # characters
QUOTED_LENGTH = 60  # characters of the input in an error message
ENTRIES = re.compile(r"[\n,;，、；]")
LINES = re.compile(r"[\n;；]")
BRACKETS = "[](){}<>"


class AddressField(forms.CharField):
    """An email address, normalized. It is not verified, so there is no DNS lookup."""

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
            address = normalize_address(typed)
        except EmailNotValidError as error:
            raise ValidationError(_describe_address_error(typed, error)) from error
        if len(address) > ADDRESS_LENGTH:
            raise ValidationError(_("This address is too long."))
        return address


def _describe_address_error(typed: str, error: EmailNotValidError) -> str:
    """Return the message for a malformed address.

    It includes the library's reason only in English, since the library is not translated.
    """
    if "@" not in typed:
        return gettext("That doesn't look like an email address: the @ is missing.")
    if active_language() == "en":
        return gettext("That doesn't look like an email address: %(reason)s") % {"reason": error}
    return gettext("That doesn't look like an email address. Try you@university.edu.")


class PermanentAddressField(AddressField):
    """An address that is not at a disposable domain."""

    def clean(self, value: Any) -> str:
        address = super().clean(value)
        labels = address.rpartition("@")[2].lower().split(".")
        domains = disposable_domains(settings.DISPOSABLE_DOMAINS_FILE)
        if any(".".join(labels[start:]) in domains for start in range(len(labels))):
            raise ValidationError(_("Please don't use a disposable address."))
        return address


@lru_cache
def disposable_domains(path: str) -> frozenset[str]:
    """Return the domains listed in a file, one per line with # comments; none without a file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines() if path else ()
    return frozenset(
        name for line in lines if (name := line.partition("#")[0].strip().lower().strip("."))
    )


class ZoneField(forms.CharField):
    """A time zone, by its current or former name or by a place in it. Empty input means UTC."""

    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        if not typed:
            return time_zones.UTC
        if zone := time_zones.find_zone(typed):
            return zone
        raise ValidationError(_unknown_zone_error(typed))


def _unknown_zone_error(typed: str) -> ValidationError:
    params = {"typed": typed[:QUOTED_LENGTH], "near": ", ".join(time_zones.suggest_places(typed))}
    if params["near"]:
        return ValidationError(
            _("We can't tell which time zone “%(typed)s” is in. Did you mean %(near)s?"),
            params=params,
        )
    return ValidationError(
        _("We don't know the place or time zone “%(typed)s”. Try a large city near you."),
        params=params,
    )


class GuessedZoneField(forms.CharField):
    """A time zone reported by a browser. An unknown one becomes UTC, so that sign-up succeeds."""

    def clean(self, value: Any) -> str:
        return time_zones.current_name(str(value or "")) or time_zones.UTC


class RangeField(forms.IntegerField):
    """A whole number whose error messages state the range."""

    def clean(self, value: Any) -> int:
        try:
            number: int = super().clean(value)
        except ValidationError as error:
            raise ValidationError(
                _("Enter a whole number from %(least)s to %(most)s."),
                params={"least": self.min_value, "most": self.max_value},
            ) from error
        return number


class ListField(forms.CharField):
    """Words or phrases, separated by commas, semicolons or lines."""

    widget = forms.Textarea(attrs={"rows": 2})
    separator = ENTRIES

    def __init__(self, *, max_entries: int = MAX_ENTRIES, **options: Any) -> None:
        super().__init__(required=False, **options)
        self.max_entries = max_entries

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), self.prepare_value(data))

    def clean(self, value: Any) -> Any:
        entries = list(dict.fromkeys(self.parse(super().clean(value))))
        if len(entries) > self.max_entries:
            raise ValidationError(
                _("%(count)s entries are too many. The maximum is %(most)s."),
                params={"count": len(entries), "most": self.max_entries},
            )
        return entries

    def parse(self, typed: str) -> Iterable[str]:
        """Yield the entries; raise ValidationError for an invalid one."""
        for part in self.separator.split(typed):
            entry = " ".join(part.split())
            if len(entry) > ENTRY_LENGTH:
                raise ValidationError(
                    _("“%(start)s…” is too long. The maximum is %(most)s characters."),
                    params={"start": entry[:40], "most": ENTRY_LENGTH},
                )
            if entry:
                yield entry


class NamesField(ListField):
    """Names of people, in any common order: "Ann One, Bo Two", "One, Ann; Two, Bo", or by line."""

    separator = re.compile(r"\n")

    def parse(self, typed: str) -> Iterable[str]:
        for line in super().parse(typed):
            yield from parse_authors([line])


class CategoriesField(ListField):
    """arXiv categories by ID or name, separated by spaces, commas or lines."""

    def parse(self, typed: str) -> Iterable[str]:
        for entry in super().parse(typed):
            yield from _parse_categories(entry)


def _parse_categories(entry: str) -> list[str]:
    """Return the categories of an entry: IDs separated by spaces, or one name."""
    parts = [part for part in (part.strip(BRACKETS) for part in entry.split()) if part]
    found = [categories.canonical_category(part.removeprefix("arXiv:")) for part in parts]
    if all(found):
        return found
    named = [code for code, name in categories.NAMES.items() if name.casefold() == entry.casefold()]
    if len(named) == 1:
        return named
    wrong = (
        entry if not any(found) and categories.nearest_categories(entry) else parts[found.index("")]
    )
    raise ValidationError(_unknown_category_error(wrong))


def _unknown_category_error(typed: str) -> ValidationError:
    params = {
        "typed": typed[:QUOTED_LENGTH],
        "near": ", ".join(categories.nearest_categories(typed)),
    }
    if params["near"]:
        return ValidationError(
            _("“%(typed)s” isn't an arXiv category. Did you mean %(near)s?"), params=params
        )
    return ValidationError(
        _("“%(typed)s” isn't an arXiv category. Try cs.CL or quant-ph."), params=params
    )


class PapersField(ListField):
    """Papers by arXiv ID or link, separated by spaces, commas or lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_entries=MAX_EXAMPLES, **options)

    def parse(self, typed: str) -> Iterable[str]:
        ids, rest = split_ids(typed)
        if wrong := next(_leftover_words(rest), ""):
            raise ValidationError(
                _("“%(typed)s” isn't an arXiv ID or link. IDs look like 2401.00001."),
                params={"typed": wrong[:QUOTED_LENGTH]},
            )
        return ids


def _leftover_words(rest: str) -> Iterator[str]:
    """Yield the words beside the IDs, except categories, which arXiv citations contain."""
    for part in re.split(r"[\s,;，、；]+", rest):
        bare = part.strip(f"{BRACKETS}.:'\"“”")
        if bare and not categories.canonical_category(bare):
            yield bare


def clean_paper_id(typed: str) -> str:
    """Return the arXiv ID from an ID or a link; raise ValidationError for anything else."""
    name, _version = parse_arxiv_id(typed)
    if not name:
        raise ValidationError(
            _("“%(typed)s” isn't an arXiv ID or link. IDs look like 2401.00001."),
            params={"typed": typed[:QUOTED_LENGTH]},
        )
    return name
