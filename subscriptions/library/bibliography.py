"""The works of an uploaded BibTeX, RIS or CSL JSON file, with what a reader noted on them. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from django.utils.translation import gettext as _

from papers.metadata.categories import canonical_category
from papers.text.shortening import truncate
from subscriptions.profiles.reference_files import (
    MAX_ENTRY_LENGTH,
    RawEntry,
    split_file,
    within_limits,
)
from subscriptions.profiles.references import (
    Reference,
    html_line,
    plain_line,
    read_reference,
    tex_line,
)

MAX_WORKS = 5_000  # per file, the newest
MAX_CHARACTERS = 10_000_000  # per file
MAX_VENUE = 500  # characters
MAX_CACHED_NAME = 100  # characters of an author

_VENUE_FIELDS = (
    *("journal", "journaltitle", "booktitle", "container-title", "secondary_title"),
    *("journal_name", "alternate_title2", "alternate_title3"),
)
_URL_FIELDS = ("url", "urls", "link", "ee", "bdsk-url-1")
_NOTE_FIELDS = ("annote", "annotation", "comment", "notes")
_TAG_FIELDS = ("keywords", "keyword")
_URL = re.compile(r"https?://[^\s{}<>\"]{1,2000}", re.I)
_URL_ESCAPES = re.compile(r"\\(?=[_&%#$~])")
_KEY = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][\w.:+-]{0,99}", re.A)
_AND = re.compile(r"\s+and\s+", re.I)
_BREAK = re.compile(r"<br\s{0,4}/?>|</p>|</div>", re.I)
_BLOCK = re.compile(r"</?(?:p|div|span)(?:\s[^<>]{0,200})?>", re.I)
_SEPARATOR = re.compile(r"[,;\n]")


@dataclass(frozen=True, slots=True)
class CitedWork:
    """A work in a file; unknown fields are empty or 0."""

    reference: Reference
    authors: tuple[str, ...] = ()
    year: int = 0
    venue: str = ""
    url: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    citation_key: str = ""
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Bibliography:
    """The newest works of a file, reasons for the unusable ones, and the number left out."""

    works: tuple[CitedWork, ...]
    refused: tuple[str, ...] = ()
    left_out: int = 0


def parse_bibliography(data: bytes, filename: str) -> Bibliography:
    """Parse a file, detected by content, in its order; raise `ReferencesError` if unusable."""
    entries = split_file(data, filename)
    newest = sorted(entries, key=lambda raw: raw.year, reverse=True)
    taken = set(map(id, within_limits(newest, MAX_WORKS, MAX_CHARACTERS)))
    works, refused = [], []
    for raw in entries:
        if id(raw) not in taken:
            continue
        work = _read(raw)
        if isinstance(work, str):
            refused.append(f"{raw.where()}: {work}")
        else:
            works.append(work)
    return Bibliography(tuple(works), tuple(refused), len(entries) - len(taken))


def _read(raw: RawEntry) -> CitedWork | str:
    """Return the work of an entry, or the reason why there is none."""
    fields = raw.read() if raw.length <= MAX_ENTRY_LENGTH else _("too long")
    if isinstance(fields, str):
        return fields
    reference = read_reference(fields)
    if not reference.title:
        return _("no title")
    if not _is_tex(fields):
        # Braces are part of the title. `read_reference` removes them, as matching ignores them.
        reference = replace(reference, title=html_line(fields.get("title", "")) or reference.title)
    return CitedWork(
        reference=reference,
        authors=tuple(_authors(fields)),
        year=raw.year,
        venue=truncate(_line(_first(fields, _VENUE_FIELDS), fields), MAX_VENUE),
        url=_url(fields),
        note=_note(fields),
        tags=tuple(_tags(fields)),
        citation_key=key[0] if (key := _KEY.fullmatch(fields.get("id", ""))) else "",
        is_read=fields.get("readstatus", "").strip().lower() == "read",
    )


def _is_tex(fields: Mapping[str, str]) -> bool:
    """Return whether the fields are those of BibTeX, not of RIS or CSL JSON."""
    return "type_of_reference" not in fields and "names" not in fields


def _line(raw: str, fields: Mapping[str, str]) -> str:
    return plain_line(raw) if _is_tex(fields) else html_line(raw)


def _first(fields: Mapping[str, str], names: Iterable[str]) -> str:
    return next((text for name in names if (text := fields.get(name, "").strip())), "")


def _authors(fields: Mapping[str, str]) -> Iterator[str]:
    """Yield names, the given name first."""
    if fields.get("names"):  # CSL JSON
        yield from fields["names"].split("\n")
        return
    if fields.get("author"):  # BibTeX
        names = (_bibtex_name(name) for name in _split_names(fields["author"]))
    else:
        ris = (fields.get("authors") or fields.get("first_authors", "")).split("\n")
        names = (_inverted_ris(name) for name in ris)
    yield from (name for name in names if name and name.lower() != "others")


def _split_names(raw: str) -> list[str]:
    """Split at each "and" outside of braces."""
    return _split_outside(raw, _AND)


def _split_outside(raw: str, separator: re.Pattern[str]) -> list[str]:
    """Split a BibTeX value where `separator` matches outside of braces."""
    parts, start = [], 0
    for found in separator.finditer(raw):
        piece = raw[start : found.start()]
        if _depth(piece) == 0:
            parts.append(piece)
            start = found.end()
    return [*parts, raw[start:]]


def _depth(text: str) -> int:
    bare = text.replace("\\{", "").replace("\\}", "")
    return bare.count("{") - bare.count("}")


_COMMA = re.compile(",")


def _inverted_bibtex(name: str) -> str:
    """Return "Given Family Jr." from "Family, Jr., Given" or "Family, Given"."""
    parts = [plain_line(part) for part in _split_outside(name, _COMMA)]
    family, *rest = parts
    return " ".join(filter(None, [*rest[-1:], family, *rest[:-1]]))


# A library has the same authors many times, and accents in TeX are slow. Long names are not cached.
_inverted_again = lru_cache(maxsize=10_000)(_inverted_bibtex)


def _bibtex_name(name: str) -> str:
    return (_inverted_again if len(name) <= MAX_CACHED_NAME else _inverted_bibtex)(name)


def _inverted_ris(name: str) -> str:
    """Return "Given Family Jr." from "Family, Given, Jr."."""
    family, *rest = [html_line(part) for part in name.split(",")]
    return " ".join(filter(None, [*rest[:1], family, *rest[1:]]))


def _url(fields: Mapping[str, str]) -> str:
    values = (_URL_ESCAPES.sub("", fields.get(name, "")) for name in _URL_FIELDS)
    return next((found[0] for value in values if (found := _URL.search(value))), "")


def _note(fields: Mapping[str, str]) -> str:
    """Return a note, with lines for the paragraphs of HTML."""
    if "notes" in fields:  # RIS: HTML or plain text
        text = _BLOCK.sub("", _BREAK.sub("\n", fields["notes"]))
        return html.unescape(text).strip()
    raw = _first(fields, _NOTE_FIELDS)
    return "\n".join(map(tex_line, raw.split("\n"))).strip() if _is_tex(fields) else raw


def _tags(fields: Mapping[str, str]) -> Iterator[str]:
    """Yield keywords except arXiv's categories, which are no words of the reader."""
    for part in _SEPARATOR.split(_first(fields, _TAG_FIELDS)):
        tag = _line(part, fields)
        if tag and not canonical_category(tag):
            yield tag
