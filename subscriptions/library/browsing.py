"""A reader's library as a list: search, filters and order."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import (
    BooleanField,
    CharField,
    F,
    Func,
    QuerySet,
    TextChoices,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Lower
from django.utils.translation import gettext_lazy as _

from subscriptions.models import LibraryEntry, LibraryEntryQuerySet, Subscriber

MAX_WORDS = 10  # of a search
MAX_DIGITS = 18  # of a primary key in PostgreSQL


class State(TextChoices):
    """The entries to show, by whether they are read."""

    ALL = "", _("All")
    UNREAD = "unread", _("Unread")
    READ = "read", _("Read")


class Sort(TextChoices):
    """The order of entries."""

    KEPT = "", _("Newest kept")
    PAPER = "paper", _("Newest paper")
    TITLE = "title", _("Title")
    ATTENTION = "attention", _("Most attention")


ORDERS: Mapping[Sort, tuple[Any, ...]] = {
    Sort.KEPT: ("-kept_at", "-pk"),
    Sort.PAPER: (F("year").desc(nulls_last=True), F("paper__day").desc(nulls_last=True), "-pk"),
    Sort.TITLE: (Lower("title"), "pk"),
    Sort.ATTENTION: (F("paper__heat").desc(nulls_last=True), "-kept_at", "-pk"),
}


class JoinTags(Func):
    """Tags as text, one on each line."""

    template = "array_to_string(%(expressions)s, E'\\n')"
    output_field = TextField()


class SearchedText(Func):
    """Title, authors, note and tags of an entry in lower case, without accents.

    Most entries are ASCII, for which this is much cheaper.
    """

    text = "concat_ws(E'\\n', %(expressions)s)"
    template = (
        f"CASE WHEN octet_length({text}) = char_length({text}) THEN lower({text}) ELSE "
        f"lower(regexp_replace(normalize({text}, NFKD), '[\u0300-\u036f]', '', 'g')) END"
    )
    output_field = TextField()

    def __init__(self) -> None:
        super().__init__("title", Cast("authors", TextField()), "note", JoinTags("tags"))


class ContainsAll(Func):
    """A condition that a text contains all words. The text is computed once."""

    template, arg_joiner = "(%(expressions)s::text[]))", " LIKE ALL ("
    output_field = BooleanField()

    def __init__(self, text: Func, words: Sequence[str]) -> None:
        patterns = [f"%{connection.ops.prep_for_like_query(word)}%" for word in words]
        super().__init__(text, Value(patterns, ArrayField(TextField())))


@dataclass(frozen=True, slots=True)
class Choice:
    """The choices of a reader on the library page; each is empty unless it narrows the list."""

    words: tuple[str, ...] = ()
    state: State = State.ALL
    sort: Sort = Sort.KEPT
    topic: int = 0
    tag: str = ""
    year: int = 0
    has_code: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Choice:
        """Read `q`, `show`, `sort`, `topic`, `tag`, `year` and `code`, without unknown values."""
        show, sort = query.get("show", ""), query.get("sort", "")
        return cls(
            words=tuple(_fold(query.get("q", "")).replace("\0", " ").split()[:MAX_WORDS]),
            state=State(show) if show in State.values else State.ALL,
            sort=Sort(sort) if sort in Sort.values else Sort.KEPT,
            topic=_number(query.get("topic", "")),
            tag=query.get("tag", "").replace("\0", ""),
            year=_number(query.get("year", "")[:4]),
            has_code=bool(query.get("code")),
        )

    @property
    def is_narrowed(self) -> bool:
        return self != Choice(sort=self.sort)

    def select(self, entries: LibraryEntryQuerySet) -> LibraryEntryQuerySet:
        """Return the chosen entries in the chosen order."""
        conditions: dict[str, Any] = {
            **({"read_at": None} if self.state == State.UNREAD else {}),
            **({"read_at__isnull": False} if self.state == State.READ else {}),
            **({"topic": self.topic} if self.topic else {}),
            **({"tags__contains": [self.tag]} if self.tag else {}),
            **({"year": self.year} if self.year else {}),
        }
        entries = entries.filter(**conditions)
        if self.has_code:
            entries = entries.filter(paper__code_url__gt="")
        if self.words:
            entries = entries.filter(ContainsAll(SearchedText(), self.words))
        return entries.order_by(*ORDERS[self.sort])


def _fold(text: str) -> str:
    """Return text in lower case without accents, as `SearchedText` does."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in parts if not "\u0300" <= sign <= "\u036f").lower()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else 0


@dataclass(frozen=True, slots=True)
class Facets:
    """The values to filter a library by. `topics` has pairs of primary key and title."""

    total: int
    unread: int
    tags: list[str]
    years: list[int]
    topics: list[tuple[int, str]]


def facets(reader: Subscriber) -> Facets:
    """Return the tags, years and topics of a reader's entries."""
    library = LibraryEntry.objects.filter(subscriber=reader).order_by()
    carried = set(library.exclude(topic=None).values_list("topic", flat=True).distinct())
    return Facets(
        total=library.count(),
        unread=library.unread().count(),
        tags=sorted(tags_of(library), key=str.casefold),
        years=_distinct(library.exclude(year=None), "year", reverse=True),
        topics=[(one.pk, one.title) for one in reader.topics.all() if one.pk in carried],
    )


def tags_of(entries: QuerySet[LibraryEntry]) -> set[str]:
    """Return the distinct tags of entries."""
    unnested = Func("tags", function="unnest", output_field=CharField())
    return set(entries.order_by().values_list(unnested, flat=True).distinct())


def _distinct(rows: QuerySet, name: str, *, reverse: bool) -> list[Any]:
    return sorted(rows.values_list(name, flat=True).distinct(), reverse=reverse)
