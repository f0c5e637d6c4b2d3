"""Lexemes: words as the search index holds them, of papers and of queries. Pure.

Texts become PostgreSQL's `tsvector`, queries its `tsquery`. Both are written here and not by
PostgreSQL's parser, which takes `encoder/decoder` for a file name and `-2021` for a number, and
does not know words in Chinese. All text is folded. Each run of letters or of digits has its own
position, so that a compound is a phrase:

- `Qwen2.5-VL` has the positions qwen, 2, 5, vl; the first is also qwen2.
- `YOLOv8` has the positions yolov, 8; the first is also yolo and yolov8, the second v8.
- `pre-training` has the positions pre, training; the first is also pretraining.
- `pre training` is also found as pretraining, and pretraining as those two words; what a query
  holds decides, so that texts need no lexemes for it.
- Müller is also Mueller.
- Scripts without spaces have each pair of neighbouring characters, and the last one alone.

English words are stemmed, names of authors are not. Stop words only take up their position.
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

METHOD = 2  # another number makes all papers be indexed again

LONGEST = 60  # characters of a lexeme; the rest is cut, in texts and in queries
LAST_POSITION = 16_000  # PostgreSQL has none above 16,383
MOST_BYTES = 900_000  # of a `tsvector`; PostgreSQL takes a million
BETWEEN = 10  # positions between title, abstract and authors, so that no phrase spans two
SHORTEST_BEGINNING = 3  # characters of a word that is completed

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
# Beginnings that are written with or without a hyphen or a space.
PREFIXES = (
    "anti auto bio co cross cyber geo hyper inter intra macro meta micro multi nano neuro non post "
    "pre pseudo quasi re self semi sub super trans ultra un uni zero".split()
)
_PREFIXED = re.compile(rf"({'|'.join(PREFIXES)})([a-z]{{4,}})")
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

Step = tuple[int, str]  # a position and what stands there
Places = defaultdict[str, list[str]]  # of each lexeme, with weights


# --- Words and their parts --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """Letters and digits between signs, as pieces of one kind each: qwen, 2 of `qwen2`."""

    text: str
    sign: str  # of C++, C#
    link: str  # what stands between it and the run before
    start: int  # position in its word
    pieces: tuple[str, ...]

    @property
    def is_mixed(self) -> bool:
        return len(self.pieces) > 1 and not IS_UNSPACED.search(self.text)

    def steps(self) -> Iterator[Step]:
        return enumerate(self.pieces, start=self.start)

    def versioned(self) -> Iterator[Step]:
        """A name and its version, where a v stands between: yolo and v8 of `yolov8`."""
        for (at, name), (_, number) in pairwise(self.steps()):
            if len(name) > 2 and name.endswith("v") and number.isdigit():
                yield from ((at, name[:-1]), (at + 1, f"v{number}"))

    def joined(self, following: Run) -> str:
        """Both as one word, where they may be written so: pretraining, gpt4, nodejs; else ""."""
        both = self.text + following.text
        if IS_UNSPACED.search(both) or both.isdigit():
            return ""
        if following.link in ("-", "'") or (following.link == "." and both.isalpha()):
            return both
        return ""


@lru_cache(maxsize=1 << 16)
def runs(word: str) -> tuple[Run, ...]:
    """The runs of a folded word without spaces."""
    word = _POSSESSIVE.sub("", word)
    found: list[Run] = []
    end = start = 0
    for match in _RUN.finditer(word):
        text = match[0].rstrip("+#")
        pieces = tuple(part for piece in _PIECE.findall(text) for part in _grams(piece))
        link = word[end : match.start()]
        found.append(Run(text, match[0][len(text) :], link, start, pieces))
        start += len(pieces)
        end = match.end()
    return tuple(found)


def _grams(piece: str) -> Iterable[str]:
    if not IS_UNSPACED.search(piece):
        return (piece[:LONGEST],)
    return (piece[place : place + 2] for place in range(len(piece)))


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """What forms of an English word have in common."""
    return str(_stemmer.stemWord(word)) if word.isascii() and word.isalpha() else word


def spellings(text: str) -> list[str]:
    """`text` folded, in each way its letters may be written: muller and mueller of Müller."""
    folded = [fold_text(text)]
    if not text.isascii() and _TWO_SPELLINGS.search(text := unicodedata.normalize("NFC", text)):
        folded += [fold_text(text.translate(table)) for table in _AS_TWO]
    return list(dict.fromkeys(folded))


# --- Texts ------------------------------------------------------------------------------------


def vector(title: str, abstract: str, authors: Sequence[str]) -> str:
    """What a paper is found by, as a `tsvector`."""
    places: Places = defaultdict(list)
    end = _enter(places, title, 1, "A")
    end = _enter(places, abstract, end + BETWEEN, "B")
    for name in authors:
        end = _enter(places, name, end + BETWEEN, "D")
    written = " ".join([f"'{lexeme}':{','.join(at)}" for lexeme, at in places.items()])
    if len(written) * 4 > MOST_BYTES:
        written = written.encode()[:MOST_BYTES].rpartition(b" ")[0].decode()
    return written


def _enter(places: Places, text: str, start: int, weight: str) -> int:
    """Note the lexemes of `text`; the position after its last."""
    is_english = weight != "D"
    end = start
    for spelling in spellings(text):
        end = start
        for word in spelling.split():
            length, steps = _indexed(word, is_english)
            for offset, lexeme in steps:
                places[lexeme].append(f"{end + offset}{weight}")
            end = min(end + length, LAST_POSITION)
    return end


@lru_cache(maxsize=1 << 16)
def _indexed(word: str, is_english: bool) -> tuple[int, tuple[Step, ...]]:
    """How many positions a word takes, and its lexemes."""
    parts = runs(word)
    plain = (step for part in parts for step in part.steps())
    steps = list(_stemmed(plain) if is_english else plain)
    for part in parts:
        if part.is_mixed:
            steps += [(part.start, part.text[:LONGEST]), *part.versioned()]
        if part.sign:
            steps.append((part.start, (part.text + part.sign)[-LONGEST:]))
    if len(parts) == 2 and (joined := parts[0].joined(parts[1])):
        steps.append((0, (stem(joined) if is_english else joined)[:LONGEST]))
    return sum(len(part.pieces) for part in parts), tuple(steps)


def _stemmed(steps: Iterable[Step]) -> Iterator[Step]:
    return ((at, stem(piece)) for at, piece in steps if piece not in STOP_WORDS)


# --- Queries ----------------------------------------------------------------------------------


def word(text: str, weights: str = "", *, is_begun: bool = False) -> str:
    """A word or compound in any of its spellings, as a `tsquery`; "" for a stop word.

    `weights` A and B are title and abstract. With `is_begun` its last letters may be missing.
    """
    options = (_options(runs(one), weights, is_begun) for one in spellings(text))
    return any_of(option for some in options for option in some)


def words(texts: Sequence[str], *, is_begun: bool = False) -> list[str]:
    """Each word as a `tsquery`, held also where it is written as one with a neighbour.

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
    """Two words written as one, as a `tsquery`; "" where one of them is no plain word."""
    pair = fold_text(before), fold_text(after)
    plain = all(one.isascii() and one.isalpha() and one not in STOP_WORDS for one in pair)
    return _lexeme(stem("".join(pair))[:LONGEST], weights) if plain else ""


def phrase(text: str, weights: str = "") -> str:
    """Words in this order, side by side, as a `tsquery`; "" for stop words alone."""
    words = text.split()
    if len(words) == 1:
        return word(text, weights)
    options = [
        option
        for spelling in spellings(text)
        for option in _english_or_name(list(_steps_of_words(spelling.split())), weights)
    ]
    joined = [_joined_pair(words[0], words[1], weights)] if len(words) == 2 else []
    return any_of([*options, *joined])


def author(name: str) -> str:
    """All parts of a name among the authors, as a `tsquery`; an initial stands for a name."""
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
    given = list(dict.fromkeys(filter(None, conditions)))
    return given[0] if len(given) == 1 else operator.join(f"({one})" for one in given)


def _options(parts: Sequence[Run], weights: str, is_begun: bool) -> Iterator[str]:
    if not parts:
        return
    [*_, last] = parts
    if last.sign:
        yield _phrase([*_steps(parts[:-1]), (last.start, last.text + last.sign)], weights)
        return
    if len(parts) == 1 and last.is_mixed:
        yield _lexeme(last.text[:LONGEST], weights)
        if not any(len(piece) > 1 and piece.isalpha() for piece in last.pieces):
            return  # 3 and d of 3d would be looked up in half of all papers
    if len(parts) == 2 and (joined := parts[0].joined(last)):
        yield _lexeme(stem(joined)[:LONGEST], weights)
        if STOP_WORDS.intersection((*parts[0].pieces, *last.pieces)):
            return  # of "in-context" only "context" would be looked for
    if len(parts) == 1 and (prefixed := _PREFIXED.fullmatch(last.text)):
        yield _phrase(_stemmed(enumerate(prefixed.groups())), weights)
    steps = list(_steps(parts))
    yield from _english_or_name(steps, weights)
    *before, (at, beginning) = steps or [(0, "")]
    if is_begun and len(beginning) >= SHORTEST_BEGINNING and beginning not in STOP_WORDS:
        yield _phrase([*_stemmed(before), (at, f"{beginning}*")], weights)


def _english_or_name(steps: Sequence[Step], weights: str) -> Iterator[str]:
    """The steps stemmed, and also as they are where a name may differ by that."""
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
        yield _lexeme(joined[:LONGEST], "D")


def _steps_of_words(words: Iterable[str]) -> Iterator[Step]:
    start = 0
    for one in words:
        parts = runs(one)
        yield from ((start + at, piece) for at, piece in _steps(parts))
        start += sum(len(part.pieces) for part in parts)


def _steps(parts: Sequence[Run]) -> Iterator[Step]:
    """What to look for at each position; `*` ends what only begins so."""
    for part in parts:
        if part.is_mixed and STOP_WORDS.intersection(part.pieces):
            yield part.start, part.text[:LONGEST]
        else:
            yield from _pairs(list(part.steps()))


def _pairs(steps: Sequence[Step]) -> Iterator[Step]:
    """Without the last character of a script without spaces, which in texts ends another pair."""
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
