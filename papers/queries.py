"""What people type into the search field, as a `Query`. Pure; nothing typed is ever refused.

"exact phrase"   -word   -"phrase"   author:hinton   author:"Geoffrey Hinton"   cat:cs.CL
date:2026   date:2026-04   date:2026-04-30   date:2026-04-01..2026-04-30   since:   until:
"""

import calendar
import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from papers.feeds.identifiers import arxiv_id
from papers.folding import fold

LONGEST = 1000  # characters that are read
MOST_TERMS = 32  # words, phrases and fields that count
NAMES = ("author", "cat", "date", "since", "until")

_PART = re.compile(
    r"""(?P<not>-)? (?: (?P<name>author|au|category|cat|date|on|since|from|until|to) : )?
        (?: "(?P<quoted>[^"]*)"? | (?P<bare>[^\s"]+) )""",
    re.X | re.I,
)
_ALIASES = {"au": "author", "category": "cat", "on": "date", "from": "since", "to": "until"}
_CATEGORY = re.compile(r"(?P<archive>[a-z-]{2,12})(?:\.(?P<subject>[a-z-]{2,12}))?", re.I)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: all of it at once; several categories are alternatives.

    Text is folded (see `fold`). `since` and `until` are days, both included. `ignored` holds
    fields that could not be read, as typed.
    """

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    arxiv_ids: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is looked for; what is only excluded finds nothing."""
        return bool(self.text or self.authors or self.arxiv_ids or self.is_narrowed)

    def __str__(self) -> str:
        """The query in its normal form, which parses to itself."""
        dates = (("since", self.since), ("until", self.until))
        return " ".join(
            [
                *self.arxiv_ids,
                *self.words,
                *(f'"{phrase}"' for phrase in self.phrases),
                *(f'-"{phrase}"' if " " in phrase else f"-{phrase}" for phrase in self.excluded),
                *(f'author:"{name}"' for name in self.authors),
                *(f"cat:{name}" for name in self.categories),
                *(f"{name}:{day}" for name, day in dates if day),
            ]
        )

    @property
    def text(self) -> str:
        """What is looked for by word and by meaning, without its fields."""
        return " ".join([*self.words, *self.phrases])

    @property
    def is_narrowed(self) -> bool:
        return bool(self.categories or self.since or self.until)

    def spelt(self, corrections: dict[str, str]) -> "Query":
        """The same with these words in place of those."""
        words = tuple(corrections.get(word, word) for word in self.words)
        authors = tuple(
            " ".join(corrections.get(part, part) for part in name.split()) for name in self.authors
        )
        return replace(self, words=words, authors=authors)


def parse(typed: str) -> Query:
    """Read a query; what is no field is a word, and what cannot be read is told in `ignored`."""
    query = Query()
    for found in list(_PART.finditer(_printable(typed[:LONGEST])))[:MOST_TERMS]:
        query = _with(query, found)
    return query


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)


def _with(query: Query, found: re.Match[str]) -> Query:
    typed = found["quoted"] if found["quoted"] is not None else found["bare"]
    name = (found["name"] or "").lower()
    if name and not found["not"]:
        return _with_field(query, _ALIASES.get(name, name), typed, found[0])
    if not name and found["bare"] and not found["not"] and (known := arxiv_id(typed)[0]):
        return _added(query, "arxiv_ids", known)
    text = _searchable(typed)
    if not text:
        return query
    if found["not"]:
        return _added(query, "excluded", text)
    if found["quoted"] is not None or " " in text:
        return _added(query, "phrases", text)
    return _added(query, "words", text)


def _searchable(typed: str) -> str:
    """Folded, with what could pass for syntax or is no word left out."""
    parts = (part.strip("-") for part in re.sub('[":]', " ", fold(typed)).split())
    return " ".join(part for part in parts if _WORD.search(part))


def _with_field(query: Query, name: str, typed: str, whole: str) -> Query:
    if name == "author":
        author = " ".join(re.findall(r"[^\W_]+", fold(typed)))
        return _added(query, "authors", author) if author else _ignoring(query, whole)
    if name == "cat":
        field = _category(typed.strip())
        return _added(query, "categories", field) if field else _ignoring(query, whole)
    first, _, last = typed.partition("..") if name == "date" else (typed, "", typed)
    since, until = _first_day(first), _last_day(last or first)
    if not since or not until:
        return _ignoring(query, whole)
    if name != "until":
        query = replace(query, since=since)
    return query if name == "since" else replace(query, until=until)


def _category(typed: str) -> str:
    """cs.CL for cs.cl, as arXiv spells it: subjects of two letters are capitals."""
    if not (found := _CATEGORY.fullmatch(typed)):
        return ""
    archive, subject = found["archive"].lower(), found["subject"] or ""
    subject = subject.upper() if len(subject) == 2 else subject.lower()
    return f"{archive}.{subject}" if subject else archive


def _added(query: Query, name: str, value: str) -> Query:
    before: tuple[str, ...] = getattr(query, name)
    more: dict[str, Any] = {name: (*before, value)}
    return query if value in before else replace(query, **more)


def _ignoring(query: Query, whole: str) -> Query:
    return _added(query, "ignored", whole.strip())


def _first_day(typed: str) -> date | None:
    return _day(typed, last=False)


def _last_day(typed: str) -> date | None:
    return _day(typed, last=True)


def _day(typed: str, *, last: bool) -> date | None:
    """The first or last day of a year, a month or a day; None for what is none."""
    if not (found := _DATE.fullmatch(typed.strip())):
        return None
    year = int(found[1])
    month = int(found[2] or (12 if last else 1))
    try:
        day = int(found[3] or (calendar.monthrange(year, month)[1] if last else 1))
        return date(year, month, day)
    except ValueError:  # month 13, 30 February, year 0
        return None
