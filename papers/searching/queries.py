"""Parser for the search syntax. Pure.

Every text parses; fields that cannot be read are reported in the result.

"exact phrase"   -word   -"phrase"   author:hinton   author:"Geoffrey Hinton"   cat:cs.CL
title:diffusion   abstract:"long context"   date:2026   date:2026-04   date:2026-04-30
date:2026-04-01..2026-04-30   since:   until:
"""

import calendar
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from typing import Any

from papers.metadata.identifiers import join_arxiv_ids, parse_arxiv_id, parse_doi
from papers.text.folding import fold_text

MAX_LENGTH = 1000  # characters; the rest is ignored
MAX_TERMS = 32  # words, phrases and fields; the rest is ignored
FIELDS = ("author", "title", "abstract", "cat", "date", "since", "until")

_ALIASES = {"au": "author", "authors": "author", "ti": "title", "abs": "abstract"}
_ALIASES |= {"category": "cat", "on": "date", "from": "since", "to": "until"}
_NAMES = (*FIELDS, *_ALIASES)
# Fields whose value may follow after a space; "from: " and "to: " are words.
_SPACED = set(_NAMES) - {"on", "from", "to"}
_TERM = re.compile(
    r"""(?P<not>-)? (?: (?P<name>[^\W\d_]{1,20}) : )?
        (?: "(?P<quoted>[^"]*)"? | (?P<bare>[^\s"]+) | (?(name)(?=\s|$)|(?!)) )""",
    re.X,
)
_CATEGORY = re.compile(r"(?P<archive>[a-z-]{2,12})(?:\.(?P<subject>[a-z-]{2,12}))?", re.I)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_QUOTES = str.maketrans(dict.fromkeys("“”„‟", '"'))
_WORD = re.compile(r"[^\W_]")
_BETWEEN_WORDS = re.compile(r"[/|\\,;&!?…()\[\]{}<>=*~^。，、；！？（）「」『』【】《》：]+")
# Letters that are also written as two, of which folding keeps one; see `lexemes.spellings`.
_TWO_SPELLINGS = re.compile("([äöüøå])")

_QUESTION_WORDS = frozenset(
    "how what which who whose whom why when where whether is are was were am can could should "
    "would will shall may might must do does did has have had show find give tell list "
    "recommend suggest explain search looking i we you please any anything there paper papers "
    "article articles".split()
)
_QUESTION_FILLERS = _QUESTION_WORDS | frozenset(
    "a an the of to in on for about with that this these those it its be been being and or my "
    "our your me us make makes making made get gets getting got want wants need needs know like "
    "look some something best good way ways help".split()
)


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: a paper must match all of it, and one of the categories.

    Text is folded but keeps letters such as ü (see `lexemes.spellings`). `since` and `until` are
    inclusive. `ignored` has fields that could not be read, as typed. `unknown` has the names of
    fields that do not exist; their values count as words.
    """

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    abstracts: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    arxiv_ids: tuple[str, ...] = ()
    dois: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether the query can find anything; excluded words alone cannot."""
        return bool(self.text or self.authors or self.is_identified or self.is_narrowed)

    def __str__(self) -> str:
        """Return the query in its normal form, which parses to itself."""
        dates = (("since", self.since), ("until", self.until))
        return " ".join(
            [
                *self.arxiv_ids,
                *self.dois,
                *self.words,
                *(f'"{phrase}"' for phrase in self.phrases),
                *(f'-"{phrase}"' if " " in phrase else f"-{phrase}" for phrase in self.excluded),
                *(f'title:"{text}"' for text in self.titles),
                *(f'abstract:"{text}"' for text in self.abstracts),
                *(f'author:"{name}"' for name in self.authors),
                *(f"cat:{name}" for name in self.categories),
                *(f"{name}:{day}" for name, day in dates if day),
            ]
        )

    @property
    def text(self) -> str:
        """The text to search for by words and by meaning, without fields."""
        return " ".join([*self.words, *self.phrases, *self.titles, *self.abstracts])

    @property
    def is_identified(self) -> bool:
        """True if the query names papers by ID."""
        return bool(self.arxiv_ids or self.dois)

    @property
    def is_narrowed(self) -> bool:
        """True if the query filters by category or date."""
        return bool(self.categories or self.since or self.until)

    @property
    def suggested_fields(self) -> tuple[str, ...]:
        """The fields with names close to unknown ones."""
        matches = [get_close_matches(name, _NAMES, 1) for name in self.unknown]
        names = (name for row in matches for name in row)
        return tuple(dict.fromkeys(_ALIASES.get(name, name) for name in names))

    def with_corrections(self, corrections: dict[str, str]) -> "Query":
        """Return the query with misspelt words replaced."""
        words = tuple(corrections.get(word, word) for word in self.words)
        authors = tuple(
            " ".join(corrections.get(part, part) for part in name.split()) for name in self.authors
        )
        return replace(self, words=words, authors=authors)


def parse_query(typed: str) -> Query:
    """Parse a typed query; text without a field counts as words."""
    query = Query()
    typed = _printable(join_arxiv_ids(typed[:MAX_LENGTH]))
    for term in _terms(typed):
        query = _add_term(query, term)
    if typed.rstrip().endswith("?") or query.words[:1] in {(word,) for word in _QUESTION_WORDS}:
        query = replace(query, words=_without_fillers(query.words))
    return query


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its `source` as typed, the name of its field or "", and its value."""

    source: str
    name: str
    value: str
    is_excluded: bool
    is_quoted: bool


def _terms(typed: str) -> Iterator[Term]:
    """Yield the terms of a query; join a field name and a value after a space."""
    terms = iter([_term(match) for match in _TERM.finditer(typed)][:MAX_TERMS])
    for term in terms:
        if (
            term.value
            or term.is_excluded
            or not term.name
            or (following := next(terms, None)) is None
        ):
            yield term
        elif following.name or following.is_excluded:
            yield from (term, following)
        else:
            yield replace(following, source=f"{term.source} {following.source}", name=term.name)


def _term(match: re.Match[str]) -> Term:
    name, quoted, bare = match["name"] or "", match["quoted"], match["bare"] or ""
    value = bare if quoted is None else quoted
    if not _is_field(name, value):
        name, value = "", f"{name}:{value}" if name else value
    name = _ALIASES.get(name.lower(), name.lower())
    return Term(match[0], name, value, bool(match["not"]), quoted is not None)


def _is_field(name: str, value: str) -> bool:
    """Return whether a name before a colon is that of a field, existing or not.

    "BERT:a", "https://" and "to: a" are text.
    """
    if name.lower() in _NAMES:
        return bool(value) or name.lower() in _SPACED
    return bool(value) and name.isascii() and name.islower() and not value.startswith("//")


def _without_fillers(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a question that carry its subject."""
    return tuple(word for word in words if word not in _QUESTION_FILLERS) or words


def _printable(text: str) -> str:
    """Return the text on one line, with typographic quotation marks replaced by plain ones."""
    return "".join(c if c.isprintable() else " " for c in text.translate(_QUOTES))


def _add_term(query: Query, term: Term) -> Query:
    if term.is_excluded:
        text = _searchable(term.value)
        return _add_value(query, "excluded", text) if text else query
    if not term.is_quoted and (with_id := _add_paper_id(query, term)):
        return with_id
    if term.name in FIELDS:
        return _add_field(query, term)
    if term.name:
        query = _add_value(query, "unknown", term.name)
    if term.is_quoted:
        text = _searchable(term.value)
        return _add_value(query, "phrases", text) if text else query
    for part in _BETWEEN_WORDS.split(term.value):
        query = _add_words(query, part)
    return query


def _add_words(query: Query, typed: str) -> Query:
    text = _searchable(typed)
    if not text:
        return query
    if arxiv_id := parse_arxiv_id(text)[0]:
        return _add_value(query, "arxiv_ids", arxiv_id)
    return _add_value(query, "phrases" if " " in text else "words", text)


def _add_paper_id(query: Query, term: Term) -> Query | None:
    """Add an arXiv ID or DOI; return None if the term is neither."""
    typed = f"{term.name}:{term.value}" if term.name else term.value
    if arxiv_id := parse_arxiv_id(typed)[0] or parse_arxiv_id(term.value)[0]:
        return _add_value(query, "arxiv_ids", arxiv_id)
    if doi := parse_doi(typed) or parse_doi(term.value):
        return _add_value(query, "dois", doi)
    return None


def _searchable(typed: str) -> str:
    """Return the text folded, without syntax and without parts that are not words."""
    folded = " ".join(map(_fold_word, _without_syntax(typed).split()))
    parts = (part.strip("-'.") for part in _without_syntax(folded).split())
    return " ".join(part for part in parts if _WORD.search(part))


def _without_syntax(text: str) -> str:
    return re.sub('[":]', " ", text)


def _fold_word(word: str) -> str:
    """Fold a word, but keep letters that have two spellings."""
    if word.isascii():
        return fold_text(word)
    lower = unicodedata.normalize("NFC", word.lower())
    return "".join(
        part if _TWO_SPELLINGS.fullmatch(part) else fold_text(part)
        for part in _TWO_SPELLINGS.split(lower)
    )


def _add_field(query: Query, term: Term) -> Query:
    name, typed = term.name, term.value
    if name in ("title", "abstract"):
        text = _searchable(typed)
        return _add_value(query, f"{name}s", text) if text else _add_ignored(query, term)
    if name == "author":
        author = " ".join(re.findall(r"[^\W_]+(?:[-'][^\W_]+)*", _searchable(typed)))
        return _add_value(query, "authors", author) if author else _add_ignored(query, term)
    if name == "cat":
        field = _category(typed.strip())
        return _add_value(query, "categories", field) if field else _add_ignored(query, term)
    first, _, last = typed.partition("..") if name == "date" else (typed, "", typed)
    since, until = _first_day(first), _last_day(last or first)
    if not since or not until:
        return _add_ignored(query, term)
    if name != "until":
        query = replace(query, since=since)
    return query if name == "since" else replace(query, until=until)


def _category(typed: str) -> str:
    """Return a category as arXiv spells it, such as cs.CL for cs.cl; "" for other text."""
    if not (match := _CATEGORY.fullmatch(typed)):
        return ""
    archive, subject = match["archive"].lower(), match["subject"] or ""
    subject = subject.upper() if len(subject) == 2 else subject.lower()  # physics.ao-ph
    return f"{archive}.{subject}" if subject else archive


def _add_value(query: Query, name: str, value: str) -> Query:
    values: tuple[str, ...] = getattr(query, name)
    changes: dict[str, Any] = {name: (*values, value)}
    return query if value in values else replace(query, **changes)


def _add_ignored(query: Query, term: Term) -> Query:
    return _add_value(query, "ignored", term.source.strip())


def _first_day(typed: str) -> date | None:
    return _day(typed, last=False)


def _last_day(typed: str) -> date | None:
    return _day(typed, last=True)


def _day(typed: str, *, last: bool) -> date | None:
    """Return the first or last day of a year, a month or a day; None for other text."""
    if not (match := _DATE.fullmatch(typed.strip())):
        return None
    year = int(match[1])
    month = int(match[2] or (12 if last else 1))
    try:
        day = int(match[3] or (calendar.monthrange(year, month)[1] if last else 1))
        return date(year, month, day)
    except ValueError:  # month 13, 30 February, year 0
        return None
