"""Tokens of the search syntax: operators, parentheses, and values with their fields. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum

# The fields that a search can name, as they are suggested.
FIELDS = (
    *("title", "abstract", "author", "subject", "venue", "doi", "source"),
    *("date", "since", "until", "has", "is"),
)
# Names that other search engines use, and shorter ones.
ALIASES = {
    alias: name
    for name, aliases in {
        "title": "ti",
        "abstract": "abs ab",
        "author": "au authors",
        "subject": "cat category subjects",
        "venue": "jr journal",
        "date": "on published submitted submitteddate",
        "since": "from",
        "until": "to",
        "arxiv": "arxiv id",
        "": "all",
    }.items()
    for alias in aliases.split()
}
# PubMed's tags after a value.
TAGS = {
    **dict.fromkeys(("ti", "title"), "title"),
    **dict.fromkeys(("ab", "abstract"), "abstract"),
    **dict.fromkeys(("au", "author"), "author"),
    **dict.fromkeys(("ta", "journal"), "venue"),
    **dict.fromkeys(("aid", "doi"), "doi"),
    "dp": "date",
    "tiab": "",
}
# Fields whose value may follow after a space. "from: " and "is: " are text.
SPACED = frozenset(
    {"title", "abstract", "author", "subject", "venue", "doi", "date", "since", "until"}
    | {"ti", "abs", "ab", "au", "authors", "cat", "category", "subjects", "journal"}
)
SUGGESTED = {**{name: name for name in FIELDS}, **{k: v for k, v in ALIASES.items() if v}}


class Type(StrEnum):
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    REQUIRED = "+"
    OPEN = "("
    CLOSE = ")"
    SCOPE = "field of a group"
    VALUE = "value"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as typed in `source`.

    The `field` is None if none was typed; an unknown one is in `unknown`. `value` has no quotes.
    """

    type: Type
    source: str
    field: str | None = None
    value: str = ""
    is_quoted: bool = False
    is_open: bool = False  # a quotation mark that nothing closes
    unknown: str = ""


_OPERATORS = {"AND": Type.AND, "&&": Type.AND, "OR": Type.OR, "||": Type.OR, "NOT": Type.NOT}
_SIGNS = {"+": Type.REQUIRED, "-": Type.NOT, "!": Type.NOT, "(": Type.OPEN, ")": Type.CLOSE}
_ANDNOT = (Token(Type.AND, "ANDNOT"), Token(Type.NOT, "ANDNOT"))  # of arXiv's API
_TOKEN = re.compile(
    rf"""
      (?P<operator> (?: ANDNOT | AND | OR | NOT | && | \|\| ) (?=[\s()"]|$) )
    | (?P<group> [()] )
    | (?P<sign> (?<![^\s(]) [+!-] (?=[^\s)+!-]) )
    | (?P<whole> (?: https?:// | (?P<doi> doi: )? 10\.\d{{4,9}}/ ) [^\s"]+ )
    | (?: (?P<name> [^\W\d_]{{1,20}} ) : )?
      (?: "(?P<quoted> [^"]* ) (?P<closed> "? )
        | (?(name) (?P<range> [\[{{] [^\]}}"]{{0,60}} \s TO \s [^\]}}"]{{0,60}} [\]}}] ) | (?!) )
        | (?P<bare> (?: \\. | [^\s"()] )+ )
        | (?(name) (?P<scope> (?=\() ) | (?!) )
        | (?(name) (?=[\s)]|$) | (?!) )
      )
      (?P<tag> \[ (?i:{"|".join(TAGS)}) \] )?
      (?P<suffix> (?<=["\]]) [~^][\d.]* )?
    """,
    re.X,
)
_GROUP_SUFFIX = re.compile(r"[~^][\d.]*")
_BARE_TAG = re.compile(r"(.+)\[([A-Za-z]{2,8})\]")
_QUOTES = str.maketrans(dict.fromkeys("“”„‟", '"'))


def tokenize(typed: str) -> Iterator[Token]:
    """Yield the tokens of a query; white space separates, everything else is part of one."""
    line = "".join(c if c.isprintable() else " " for c in typed.translate(_QUOTES))
    place = 0
    while place < len(line):
        match = None if line[place].isspace() else _TOKEN.match(line, place)
        if match is None or not match[0]:
            place += 1
            continue
        place = match.end()
        if match["whole"]:
            place -= _surplus_parentheses(match[0])
            name = "doi" if match["doi"] else ""
            yield _bare(name, None, line[match.end("doi") if name else match.start() : place])
        elif match["group"] == ")" and (suffix := _GROUP_SUFFIX.match(line, place)):
            place = suffix.end()
            yield from (Token(Type.CLOSE, ")"), Token(Type.UNSUPPORTED, suffix[0]))
        else:
            yield from _read(match)


def join_spaced_values(tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield the tokens with each field and its value after a space as one token."""
    rest = iter(tokens)
    for token in rest:
        if not _awaits_value(token):
            yield token
            continue
        following = next(rest, None)
        is_value = following and following.type == Type.VALUE and following.field is None
        if following is None:
            yield token
        elif is_value and not following.unknown:
            source = f"{token.source} {following.source}"
            yield replace(following, source=source, field=token.field)
        else:
            yield from (token, following)


def suggest_fields(name: str) -> str:
    """Return the field with a name close to an unknown one, or all fields."""
    [*close] = get_close_matches(name, SUGGESTED, 1)
    names = [SUGGESTED[close[0]]] if close else FIELDS
    return ", ".join(f"{each}:" for each in names)


def _awaits_value(token: Token) -> bool:
    is_empty = token.type == Type.VALUE and not token.value and not token.is_quoted
    return is_empty and bool(token.field) and token.source.endswith(":")


def _read(match: re.Match[str]) -> Iterator[Token]:
    """Yield the tokens of one match, which is one token but for the rarest cases."""
    if match["operator"] == "ANDNOT":
        yield from _ANDNOT
    elif operator := match["operator"]:
        yield Token(_OPERATORS[operator], operator)
    elif sign := match["group"] or match["sign"]:
        yield Token(_SIGNS[sign], sign)
    elif match["scope"] is not None:
        yield _scope(match["name"])
    else:
        yield _value(match)
    if match["suffix"]:
        yield Token(Type.UNSUPPORTED, match["suffix"])


def _scope(name: str) -> Token:
    """Return the token of a field before a group, or of the word it is otherwise."""
    field, unknown = _field(name, "(")
    if field is None and not unknown:
        return Token(Type.VALUE, f"{name}:", None, name)
    return Token(Type.SCOPE, f"{name}:", field, unknown=unknown)


def _value(match: re.Match[str]) -> Token:
    name = match["name"] or ""
    quoted, bare = match["quoted"], match["range"] or match["bare"] or ""
    if quoted is None:
        return _bare(name, match["range"], bare)
    field, unknown = _field(name, quoted)
    if field is None and name and not unknown:  # of a title such as BERT:"a"
        quoted = f"{name} {quoted}"
    if match["tag"] and field is None:
        field = TAGS.get(match["tag"][1:-1].lower())
    source = match[0].removesuffix(match["suffix"] or "")
    return Token(Type.VALUE, source, field, quoted, True, not match["closed"], unknown)


def _bare(name: str, bounds: str | None, bare: str) -> Token:
    """Return the token of a value without quotes."""
    source = f"{name}:{bare}" if name else bare
    field, unknown = _field(name, bare)
    if name and field is None and not unknown:
        bare = source
    if field is None and not unknown and (tag := _BARE_TAG.fullmatch(bare)):
        field = TAGS.get(tag[2].lower())
        bare = bare if field is None else tag[1]
    return Token(Type.VALUE, source, field, bounds or bare, unknown=unknown)


def _field(name: str, value: str) -> tuple[str | None, str]:
    """Return the field of a name before a colon, or an unknown field's name.

    "BERT:a", "https://" and "to: a" are text.
    """
    lower = unicodedata.normalize("NFC", name).lower()
    if lower in FIELDS or lower in ALIASES:
        return (ALIASES.get(lower, lower), "") if value or lower in SPACED else (None, "")
    is_unknown = bool(value) and name.isascii() and name.islower() and not value.startswith("//")
    return None, name if is_unknown else ""


def _surplus_parentheses(text: str) -> int:
    """Return how many closing parentheses at the end of a link or DOI belong to the query."""
    surplus = text.count(")") - text.count("(")
    closing = len(text) - len(text.rstrip(")"))
    return max(min(surplus, closing), 0)
