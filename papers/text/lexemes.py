"""Lexemes of papers and queries for full-text search. Pure.

Texts become PostgreSQL's `tsvector`, queries its `tsquery`. Both are built here, because
PostgreSQL's parser reads `encoder/decoder` as a file name and `-2021` as a number, and cannot split
Chinese. All text is folded. Each run of letters or digits has its own position, so that a compound
is a phrase:

- `Qwen2.5-VL` has the positions qwen, 2, 5, vl; the first is also qwen2.
- `YOLOv8` has the positions yolov, 8; the first is also yolo and yolov8, the second v8.
- `pre-training` has the positions pre, training; the first is also pretraining.
- `text2sql` also matches text-to-sql and the reverse, by expansion of the query.
- `pre training` also matches pretraining and the reverse; the query is expanded, so that texts need
  no further lexemes.
- Müller is also Mueller.
- Scripts without spaces are indexed as pairs of neighbouring characters, and the last one alone.

English words are stemmed, author names are not. Stop words only occupy a position.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import snowballstemmer

from papers.text.folding import fold_text

METHOD = 2  # change it to reindex all papers

MAX_LEXEME = 60  # characters; longer ones are truncated, in texts and queries
LAST_POSITION = 16_000  # PostgreSQL has none above 16,383
MAX_VECTOR_BYTES = 900_000  # PostgreSQL's limit is a million
FIELD_GAP = 10  # positions between title, abstract and authors, so that no phrase spans two
MIN_PREFIX = 3  # characters of a word that is completed

# PostgreSQL's own list for English.
STOP_WORDS = frozenset(
    "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself "
    "she her hers herself it its itself they them their theirs themselves what which who whom "
    "this that these those am is are was were be been being have has had having do does did "
    "doing a an the and but if or because as until while of at by for with about against "
    "between into through during before after above below to from up down in out on off over "
    "under again further then once here there when where why how all any both each few more "
    "most other some such no nor not only own same so than too very s t can will just don "
    "should now".split()
)
# Prefixes that are written with a hyphen, with a space or as one word.
PREFIXES = (
    "anti auto bio co cross cyber geo hyper inter intra macro meta micro multi nano neuro non post "
    "pre pseudo quasi re self semi sub super trans ultra un uni zero".split()
)
_PREFIXED = re.compile(rf"({'|'.join(PREFIXES)})([a-z]{{4,}})")
# A digit that is read as a word: text2sql and text-to-sql, img2vid.
_SPOKEN = re.compile(r"([a-z]{2,})[24]([a-z]{2,})")
_DIGITS = {"to": "2", "for": "4"}
# These letters are also written as two; `fold` makes the other spelling.
_AS_TWO = (
    str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}),
    str.maketrans({"å": "aa", "Å": "Aa", "Ø": "Oe", "ø": "oe", "ä": "ae", "ö": "oe", "ü": "ue"}),
)
_TWO_SPELLINGS = re.compile("[äöüøåÄÖÜØÅ]")

_MARKS = "".join(
    sign for sign in map(chr, range(0x300, 0xFE30)) if unicodedata.category(sign)[0] == "M"
)
_LETTER = rf"(?:[^\W_]|[{_MARKS}])"  # `\w` lacks the vowel signs of Indic scripts
# Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(rf"{_LETTER}+(?:(?:\+\+?|\#)(?!{_LETTER}))?")
_PIECE = re.compile(rf"[{UNSPACED}]+|\d+|(?:(?![{UNSPACED}\d])(?:[^\W_]|[{_MARKS}]))+")
IS_UNSPACED = re.compile(f"[{UNSPACED}]")
_POSSESSIVE = re.compile(r"'s\b")
_stemmer = snowballstemmer.stemmer("english")

Step = tuple[int, str]  # position, lexeme
Places = defaultdict[str, list[str]]  # lexeme -> positions with weights


# --- Words and their parts -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """A run of letters and digits, split into pieces of one kind: qwen, 2 in `qwen2`."""

    text: str
    sign: str  # of C++, C#
    link: str  # the characters before it
    start: int  # position in its word
    pieces: tuple[str, ...]

    @property
    def is_mixed(self) -> bool:
        return len(self.pieces) > 1 and not IS_UNSPACED.search(self.text)

    def steps(self) -> Iterator[Step]:
        return enumerate(self.pieces, start=self.start)

    def versioned(self) -> Iterator[Step]:
        """Yield a name and its version if a v joins them: yolo and v8 of `yolov8`."""
        for (at, name), (_, number) in pairwise(self.steps()):
            if len(name) > 2 and name.endswith("v") and number.isdigit():
                yield from ((at, name[:-1]), (at + 1, f"v{number}"))

    def joined(self, following: Run) -> str:
        """Return both as one word if that is a spelling: pretraining, gpt4, nodejs; else ""."""
        both = self.text + following.text
        if IS_UNSPACED.search(both) or both.isdigit():
            return ""
        if following.link in ("-", "'") or (following.link == "." and both.isalpha()):
            return both
        return ""


@lru_cache(maxsize=1 << 16)
def runs(token: str) -> tuple[Run, ...]:
    """Split a folded word without spaces into runs."""
    bare = _POSSESSIVE.sub("", token)
    split: list[Run] = []
    end = start = 0
    for match in _RUN.finditer(bare):
        text = match[0].rstrip("+#")
        pieces = tuple(part for piece in _PIECE.findall(text) for part in _grams(piece))
        link = bare[end : match.start()]
        split.append(Run(text, match[0][len(text) :], link, start, pieces))
        start += len(pieces)
        end = match.end()
    return tuple(split)


def _grams(piece: str) -> Iterable[str]:
    if not IS_UNSPACED.search(piece):
        return (piece[:MAX_LEXEME],)
    return (piece[place : place + 2] for place in range(len(piece)))


@lru_cache(maxsize=1 << 16)
def stem(token: str) -> str:
    """Return the stem of an English word; other text unchanged."""
    return str(_stemmer.stemWord(token)) if token.isascii() and token.isalpha() else token


def spellings(text: str) -> list[str]:
    """Return the folded text in each spelling of its letters: muller and mueller for Müller."""
    folded = [fold_text(text)]
    if not text.isascii() and _TWO_SPELLINGS.search(text := unicodedata.normalize("NFC", text)):
        folded += [fold_text(text.translate(table)) for table in _AS_TWO]
    return list(dict.fromkeys(folded))


# --- Texts ------------------------------------------------------------------------------------


def vector(title: str, abstract: str, authors: Sequence[str]) -> str:
    """Return a paper's `tsvector`: title (weight A), abstract (B) and authors (D)."""
    places: Places = defaultdict(list)
    end = _enter(places, title, 1, "A")
    end = _enter(places, abstract, end + FIELD_GAP, "B")
    for name in authors:
        end = _enter(places, name, end + FIELD_GAP, "D")
    written = " ".join([f"'{lexeme}':{','.join(at)}" for lexeme, at in places.items()])
    if len(written) * 4 > MAX_VECTOR_BYTES:
        written = written.encode()[:MAX_VECTOR_BYTES].rpartition(b" ")[0].decode()
    return written


def _enter(places: Places, text: str, start: int, weight: str) -> int:
    """Add the lexemes of `text`; return the position after the last one."""
    is_english = weight != "D"
    end = start
    for spelling in spellings(text):
        end = start
        for token in spelling.split():
            length, steps = _indexed(token, is_english)
            for offset, lexeme in steps:
                places[lexeme].append(f"{end + offset}{weight}")
            end = min(end + length, LAST_POSITION)
    return end


@lru_cache(maxsize=1 << 16)
def _indexed(token: str, is_english: bool) -> tuple[int, tuple[Step, ...]]:
    """Return the number of positions a word occupies, and its lexemes."""
    parts = runs(token)
    plain = (step for part in parts for step in part.steps())
    steps = list(_stemmed(plain) if is_english else plain)
    for part in parts:
        if part.is_mixed:
            steps += [(part.start, part.text[:MAX_LEXEME]), *part.versioned()]
        if part.sign:
            steps.append((part.start, (part.text + part.sign)[-MAX_LEXEME:]))
    if len(parts) == 2 and (joined := parts[0].joined(parts[1])):
        steps.append((0, (stem(joined) if is_english else joined)[:MAX_LEXEME]))
    return sum(len(part.pieces) for part in parts), tuple(steps)


def _stemmed(steps: Iterable[Step]) -> Iterator[Step]:
    return ((at, stem(piece)) for at, piece in steps if piece not in STOP_WORDS)


# --- Queries ----------------------------------------------------------------------------------


def word(text: str, weights: str = "", *, is_begun: bool = False) -> str:
    """Return a `tsquery` for a word or compound in any spelling; "" for a stop word.

    `weights` A and B are title and abstract. With `is_begun` its last letters may be missing.
    """
    options = (_options(runs(spelling), weights, is_begun) for spelling in spellings(text))
    return any_of(option for some in options for option in some)


def prefix(text: str, weights: str = "") -> str:
    """Return a `tsquery` for a word and for longer words that begin with it."""
    whole = [parts for spelling in spellings(text) if len(parts := runs(spelling)) == 1]
    mixed = (_lexeme(f"{run.text[:MAX_LEXEME]}*", weights) for [run] in whole if run.is_mixed)
    return any_of([word(text, weights, is_begun=True), *mixed])


def words(texts: Sequence[str], *, is_begun: bool = False) -> list[str]:
    """Return a `tsquery` per word, which also matches the word joined with a neighbour.

    With `is_begun` the last letters of the last word may be missing.
    """
    joined = [_joined_pair(a, b) for a, b in pairwise(texts)]
    last = len(texts) - 1
    return [
        any_of([alone, *joined[max(place - 1, 0) : place + 1]]) if alone else ""
        for place, text in enumerate(texts)
        for alone in [word(text, is_begun=is_begun and place == last)]
    ]


def _joined_pair(before: str, after: str, weights: str = "") -> str:
    """Return a `tsquery` for two words joined into one; "" unless both are plain words."""
    pair = fold_text(before), fold_text(after)
    plain = all(part.isascii() and part.isalpha() and part not in STOP_WORDS for part in pair)
    return _lexeme(stem("".join(pair))[:MAX_LEXEME], weights) if plain else ""


def phrase(text: str, weights: str = "") -> str:
    """Return a `tsquery` for adjacent words in this order; "" for stop words only."""
    tokens = text.split()
    if len(tokens) == 1:
        return word(text, weights)
    options = [
        option
        for spelling in spellings(text)
        for option in _english_or_name(list(_steps_of_words(spelling.split())), weights)
    ]
    joined = [_joined_pair(tokens[0], tokens[1], weights)] if len(tokens) == 2 else []
    return any_of([*options, *joined])


def author(name: str) -> str:
    """Return a `tsquery` for all parts of an author name; an initial matches any name."""
    parts = name.split()
    is_full = any(len(part.strip(".")) > 1 for part in parts)
    return all_of(
        any_of(
            option
            for spelling in spellings(part)
            for option in _author_options(runs(spelling), is_full)
        )
        for part in parts
    )


def all_of(conditions: Iterable[str]) -> str:
    return _combined(conditions, " & ")


def any_of(conditions: Iterable[str]) -> str:
    return _combined(conditions, " | ")


def none_of(conditions: Iterable[str]) -> str:
    either = any_of(conditions)
    return f"!({either})" if either else ""


def _combined(conditions: Iterable[str], operator: str) -> str:
    unique = list(dict.fromkeys(filter(None, conditions)))
    return unique[0] if len(unique) == 1 else operator.join(f"({each})" for each in unique)


def _options(parts: Sequence[Run], weights: str, is_begun: bool) -> Iterator[str]:
    if not parts:
        return
    [*_, last] = parts
    if last.sign:
        yield _phrase([*_steps(parts[:-1]), (last.start, last.text + last.sign)], weights)
        return
    if len(parts) == 1 and last.is_mixed:
        yield _lexeme(last.text[:MAX_LEXEME], weights)
        if spoken := _SPOKEN.fullmatch(last.text):
            yield _phrase(_stemmed([(0, spoken[1]), (2, spoken[2])]), weights)
        if not any(len(piece) > 1 and piece.isalpha() for piece in last.pieces):
            return  # 3 and d of 3d would match half of all papers
    if len(parts) == 2 and (joined := parts[0].joined(last)):
        yield _lexeme(stem(joined)[:MAX_LEXEME], weights)
        if STOP_WORDS.intersection((*parts[0].pieces, *last.pieces)):
            return  # "in-context" would match every "context"
    if len(parts) == 3 and parts[1].text in _DIGITS:
        yield _lexeme(f"{parts[0].text}{_DIGITS[parts[1].text]}{last.text}"[:MAX_LEXEME], weights)
    if len(parts) == 1 and (prefixed := _PREFIXED.fullmatch(last.text)):
        yield _phrase(_stemmed(enumerate(prefixed.groups())), weights)
    steps = list(_steps(parts))
    yield from _english_or_name(steps, weights)
    *before, (at, beginning) = steps or [(0, "")]
    if is_begun and len(beginning) >= MIN_PREFIX and beginning not in STOP_WORDS:
        yield _phrase([*_stemmed(before), (at, f"{beginning}*")], weights)


def _english_or_name(steps: Sequence[Step], weights: str) -> Iterator[str]:
    """Yield the steps stemmed, and unstemmed for author names if that differs."""
    stemmed = list(_stemmed(steps))
    yield _phrase(stemmed, weights)
    if stemmed and stemmed != steps and not weights:
        yield _phrase(steps, "D")


def _author_options(parts: Sequence[Run], is_full: bool) -> Iterator[str]:
    steps = list(_steps(parts))
    if is_full and len(steps) == 1 and len(steps[0][1]) == 1:
        steps = [(0, f"{steps[0][1]}*")]
    yield _phrase(steps, "D")
    if len(parts) == 2 and (joined := parts[0].joined(parts[1])):
        yield _lexeme(joined[:MAX_LEXEME], "D")


def _steps_of_words(tokens: Iterable[str]) -> Iterator[Step]:
    start = 0
    for token in tokens:
        parts = runs(token)
        yield from ((start + at, piece) for at, piece in _steps(parts))
        start += sum(len(part.pieces) for part in parts)


def _steps(parts: Sequence[Run]) -> Iterator[Step]:
    """Yield the lexeme to match at each position; `*` marks a prefix."""
    for part in parts:
        if part.is_mixed and STOP_WORDS.intersection(part.pieces):
            yield part.start, part.text[:MAX_LEXEME]
        else:
            yield from _pairs(list(part.steps()))


def _pairs(steps: Sequence[Step]) -> Iterator[Step]:
    """Drop the last character of a script without spaces: in texts it is part of another pair."""
    for place, (at, piece) in enumerate(steps):
        if len(piece) > 1 or not IS_UNSPACED.search(piece):
            yield at, piece
        elif place == 0 or not IS_UNSPACED.search(steps[place - 1][1]):
            yield at, f"{piece}*"


def _phrase(steps: Iterable[Step], weights: str) -> str:
    text, before = "", 0
    for at, piece in steps:
        text += f" <{at - before}> " if text else ""
        text += _lexeme(piece, weights)
        before = at
    return text


def _lexeme(text: str, weights: str) -> str:
    bare = text.removesuffix("*")
    marks = ("*" if bare != text else "") + weights
    return f"'{bare}':{marks}" if marks else f"'{bare}'"
