"""Values of a query's fields: words, names, subjects, identifiers, dates, choices. Pure."""

from __future__ import annotations

import re
import unicodedata

from papers.feeds import kinds
from papers.metadata.categories import canonical_category
from papers.metadata.identifiers import parse_arxiv_id, parse_doi
from papers.searching.query_dates import parse_dates
from papers.searching.query_problems import Kind, Problem
from papers.searching.query_tokens import Token, suggest_fields
from papers.searching.query_tree import Node, Term
from papers.text.folding import fold_text
from papers.text.lexemes import MIN_PREFIX

CHOICES = {"has": ("code",), "is": ("trending", "picked")}
MIN_SOURCE = 2  # characters of a source's name

_SUBJECT = re.compile(r"(?P<archive>[a-z-]{2,12})\.(?P<subject>[a-z-]{2,12})", re.I)
_WORD = re.compile(r"[^\W_]")
_AROUND = re.compile(r"^[-'.+]+|[-'.]+$")  # C++ ends with a sign
_BETWEEN_WORDS = re.compile(r"[/|\\,;&!?…()\[\]{}<>=*~^。，、；！？（）「」『』【】《》：]+")
_NAME_PART = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
# Letters that are also written as two, of which folding keeps one; see `lexemes.spellings`.
_TWO_SPELLINGS = re.compile("([äöüøå])")
_PREFIX = re.compile(r"([^*]*[^\W_])\*+")
_STAR = re.compile(r"\w\*")
_FUZZY = re.compile(r"([^~]*\w)(~[\d.]*)")
_DOI_PREFIX = re.compile(r"(10\.\d{4,9}[^\s*]*)\*", re.I)

Item = str | Node  # a word without a field, or anything else
Reading = tuple[list[Item], list[Problem]]


def read_value(token: Token, scope: str | None) -> Reading:
    """Return what a value looks for, and its problems; `scope` is the field of its group."""
    problems = []
    if token.unknown:
        hint = suggest_fields(token.unknown)
        problems.append(Problem(Kind.UNKNOWN_FIELD, f"{token.unknown}:", hint))
    if token.is_open and token.value.strip():
        problems.append(Problem(Kind.OPEN_QUOTE, token.value.strip()))
    field = scope if token.field is None else token.field
    value = token.value
    if not token.is_quoted and field in ("", None) and (fuzzy := _FUZZY.fullmatch(value)):
        value = fuzzy[1]
        problems.append(Problem(Kind.UNSUPPORTED, fuzzy[2]))
    items, more = _read(field or "", value, token)
    return items, [*problems, *more]


def read_excluded(token: Token, scope: str | None) -> Reading:
    """Return what an excluded value looks for: a compound is one phrase, not several words."""
    items, problems = read_value(token, scope)
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) == len(items) and len(texts) > 1:
        items = [Term("", searchable(token.value))]
    return items, problems


def searchable(typed: str) -> str:
    """Return the text folded, without syntax and without parts that are not words."""
    folded = " ".join(map(_fold_word, _without_syntax(typed).split()))
    parts = (_AROUND.sub("", part) for part in _without_syntax(folded).split())
    return " ".join(part for part in parts if _WORD.search(part))


def parse_subject(typed: str) -> str:
    """Return a subject as arXiv spells it (cs.CL), or in lower case; "" for text without words."""
    bare = " ".join(typed.strip().removesuffix(".*").split())
    if canonical := canonical_category(bare):
        return canonical
    if match := _SUBJECT.fullmatch(bare):
        archive, subject = match["archive"].lower(), match["subject"]
        subject = subject.upper() if len(subject) == 2 else subject.lower()  # physics.ao-ph
        return f"{archive}.{subject}"
    return _plain_words(bare)


def source_kinds(name: str) -> list[str]:
    """Return the kinds of source with this name, or whose name or label starts with it."""
    wanted = _squashed(name)
    if any(kind.name == name for kind in kinds.KINDS):
        return [name]
    return [
        kind.name
        for kind in kinds.KINDS
        if len(wanted) >= MIN_SOURCE
        and (_squashed(kind.name).startswith(wanted) or _squashed(kind.label).startswith(wanted))
    ]


def _read(field: str, value: str, token: Token) -> Reading:
    if not field:
        return _read_text(value, token)
    if not value.strip():
        return _failed(Kind.NO_VALUE, token)
    match field:
        case "title" | "abstract":
            return _read_field_text(field, value, token)
        case "author":
            name = " ".join(_NAME_PART.findall(searchable(value)))
            return _one(Term("author", name)) if name else _failed(Kind.BAD_TEXT, token)
        case "subject":
            subject = parse_subject(value)
            return _one(Term("subject", subject)) if subject else _failed(Kind.BAD_SUBJECT, token)
        case "venue":
            return _read_venue(value, token)
        case "doi" | "arxiv":
            paper_id = _doi_prefix(field, value) or _paper_id(value)
            return _one(paper_id) if paper_id else _failed(Kind.BAD_ID, token)
        case "source" | "has" | "is":
            return _read_choice(field, value, token)
    dates = parse_dates(field, value)
    return _one(dates) if dates else _failed(Kind.BAD_DATE, token)


def _read_text(value: str, token: Token) -> Reading:
    """Return the words or the phrase of a value without a field."""
    if token.is_quoted:
        text = searchable(value)
        return ([Term("", text)] if text else []), _ignored_stars(value, token)
    if paper_id := _paper_id(value):
        return _one(paper_id)
    if prefix := _prefix("", value):
        return _one(prefix)
    items = [item for part in _BETWEEN_WORDS.split(value) for item in _words(part)]
    return items, _ignored_stars(value, token)


def _words(part: str) -> list[Item]:
    # Folding may have made further separators, as in ⑴.
    text = searchable(_BETWEEN_WORDS.sub(" ", searchable(part)))
    if not text:
        return []
    if arxiv_id := parse_arxiv_id(text)[0]:
        return [Term("arxiv", arxiv_id)]
    return [Term("", text) if " " in text else text]


def _read_field_text(field: str, value: str, token: Token) -> Reading:
    if not token.is_quoted and (prefix := _prefix(field, value)):
        return _one(prefix)
    text = searchable(value)
    if not text:
        return _failed(Kind.BAD_TEXT, token)
    return [Term(field, text)], _ignored_stars(value, token)


def _read_venue(value: str, token: Token) -> Reading:
    text = _plain_words(value)
    if not text:
        return _failed(Kind.BAD_TEXT, token)
    is_prefix = bool(_PREFIX.fullmatch(value)) and len(text) >= MIN_PREFIX
    return [Term("venue", text, is_prefix)], [] if is_prefix else _ignored_stars(value, token)


def _read_choice(field: str, value: str, token: Token) -> Reading:
    name = " ".join(value.lower().split())
    if field == "source":
        if source_kinds(name):
            return _one(Term("source", _squashed(name)))
        names = kinds.names()
    elif name in CHOICES[field]:
        return _one(Term(field, name))
    else:
        names = list(CHOICES[field])
    return _failed(Kind.BAD_CHOICE, token, ", ".join(f"{field}:{name}" for name in names))


def _paper_id(value: str) -> Term | None:
    if arxiv_id := parse_arxiv_id(value)[0]:
        return Term("arxiv", arxiv_id)
    doi = parse_doi(value).rstrip("?.,;")  # a question mark ends the sentence
    return Term("doi", doi) if doi and "*" not in doi else None


def _doi_prefix(field: str, value: str) -> Term | None:
    match = _DOI_PREFIX.fullmatch(value.strip()) if field == "doi" else None
    return Term("doi", match[1].lower(), is_prefix=True) if match else None


def _prefix(field: str, value: str) -> Term | None:
    """Return the term for `word*`; None for other text and for too short a word."""
    match = _PREFIX.fullmatch(value)
    text = searchable(match[1]) if match else ""
    is_word = bool(text) and " " not in text and not _BETWEEN_WORDS.search(text)
    return Term(field, text, is_prefix=True) if is_word and len(text) >= MIN_PREFIX else None


def _ignored_stars(value: str, token: Token) -> list[Problem]:
    return [Problem(Kind.WILDCARD, token.source)] if _STAR.search(value) else []


def _one(node: Node) -> Reading:
    return [node], []


def _failed(kind: Kind, token: Token, hint: str = "") -> Reading:
    return [], [Problem(kind, token.source.strip(), hint)]


def _squashed(name: str) -> str:
    return "".join(re.findall(r"[^\W_]+", name.lower()))


def _plain_words(text: str) -> str:
    """Return the words in lower case, for fields that are not in the index."""
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text.lower())))


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
