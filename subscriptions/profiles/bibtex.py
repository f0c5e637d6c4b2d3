"""BibTeX files of reference managers, entry by entry. Pure.

`bibtexparser` parses the fields of an entry. This module adds duplicate fields, values joined with
#, entries without a key, and files too large to parse as a whole.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import bibtexparser
from bibtexparser.model import Block, Entry, ParsingFailedBlock

MAX_STRINGS = 1_000  # @string definitions per file

# Bounded repetitions: \s* takes quadratic time on a file of blank lines.
_START = re.compile(r"(?:^|(?<=\}))[ \t]{0,8}@\s{0,8}(?P<kind>\w{1,40})\s{0,8}[{(]", re.M)
_NO_ENTRY = frozenset(("comment", "preamble", "string"))
_YEAR = re.compile(r"\b(?:year|date)\s{0,8}=[^\n,]{0,20}?\b((?:1[5-9]|20)\d\d)\b", re.I)
_KEY = re.compile(r"\s{0,8}@\s{0,8}\w{1,40}\s{0,8}[{(]\s{0,8}([^\s,={}()]{1,200})\s{0,8},")
_WITHOUT_KEY = re.compile(r"^(\s*@\s*\w+\s*[{(])(?=\s*[\w-]+\s*=)")
_PIECE = re.compile(r"\s*(?:#\s*)?([^\s#{}\"]+|\"|\{)")

# It logs a warning per broken block, and an upload may contain any number of these.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Source text of one entry, from its "@" to that of the next entry."""

    text: str
    line: int

    @property
    def key(self) -> str:
        found = _KEY.match(self.text)
        return found[1] if found else ""

    @property
    def year(self) -> int:
        found = _YEAR.search(self.text)
        return int(found[1]) if found else 0


def is_bibtex(text: str) -> bool:
    return bool(_START.search(text))


def split_entries(text: str, limit: int) -> tuple[list[Chunk], dict[str, str]]:
    """Return up to `limit` entries of a file, and its @string definitions."""
    starts = list(islice(_START.finditer(text), limit + MAX_STRINGS))
    ends = [*(found.start() for found in starts[1:]), len(text)]
    entries: list[Chunk] = []
    strings: dict[str, str] = {}
    line, before = 1, 0
    for found, end in zip(starts, ends, strict=True):
        line, before = line + text.count("\n", before, found.start()), found.start()
        kind = found["kind"].lower()
        if kind not in _NO_ENTRY:
            entries.append(Chunk(text[found.start() : end], line))
        elif kind == "string" and len(strings) < MAX_STRINGS:
            strings |= _definition(text[found.end() : end])
    return entries[:limit], strings


def read_fields(chunk: Chunk, strings: Mapping[str, str]) -> dict[str, str] | None:
    """Return the fields of an entry by lower-case name; None if it is not closed properly."""
    text = _WITHOUT_KEY.sub(r"\1-,", chunk.text.replace('{"}', "''"))
    blocks = bibtexparser.parse_string(text, parse_stack=[]).blocks
    return next((found for block in blocks if (found := _fields(block, strings))), None)


def _fields(block: Block, strings: Mapping[str, str]) -> dict[str, str] | None:
    if isinstance(block, ParsingFailedBlock) and isinstance(block.ignore_error_block, Entry):
        block = block.ignore_error_block  # duplicate field: the first counts
    if not isinstance(block, Entry):
        return None
    both: Iterable[tuple[str, str]] = ((one.key.lower(), str(one.value)) for one in block.fields)
    values = {name: value_of(raw, strings) for name, raw in reversed(list(both))}
    return values or {"": ""}


def _definition(text: str) -> dict[str, str]:
    """Parse `name = "value"}` of an @string."""
    name, _equals, raw = text[:2_000].partition("=")
    return {name.strip().lower(): value_of(raw, {})}


def value_of(raw: str, strings: Mapping[str, str]) -> str:
    """Return a value without its braces or quotes, with pieces joined by # concatenated.

    >>> value_of('pre # " sound" # {s}', {"pre": "Threads that carry"})
    'Threads that carry sounds'
    """
    pieces, at = [], 0
    while found := _PIECE.match(raw, at):
        if found[1] in ("{", '"'):
            end = _closing(raw, found.end(), found[1])
            pieces.append(raw[found.end() : end])
            at = end + 1
        else:
            pieces.append(strings.get(found[1].lower(), found[1]))
            at = found.end()
        if not raw[at : at + 20].lstrip().startswith("#"):
            break
    return "".join(pieces)


def _closing(raw: str, start: int, opened: str) -> int:
    """Return the index of the closing brace or quote; the end of the text if there is none."""
    depth = 0
    for found in re.compile(r'\\.|[{}"]', re.S).finditer(raw, start):
        sign = found.group()
        if depth == 0 and sign == ("}" if opened == "{" else '"'):
            return found.start()
        depth += {"{": 1, "}": -1}.get(sign, 0)
    return len(raw)
