"""The words that a search found, where they stand in a text."""

import re
from collections.abc import Iterable
from functools import lru_cache

import snowballstemmer

from papers.folding import fold
from papers.text import sentences

Segments = list[tuple[str, bool]]  # in order; True for what was looked for

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 40  # of a word that is stemmed
# PostgreSQL's "english" is this stemmer.
_stemmer = snowballstemmer.stemmer("english")


def stems(text: str) -> frozenset[str]:
    """What the words of a query share with other forms of the same words."""
    return frozenset(_stem(word) for word in _WORD.findall(fold(text)) if len(word) <= _LONGEST)


def segments(text: str, wanted: frozenset[str]) -> Segments:
    """`text` cut where words of `wanted` begin and end; joined it is the text again."""
    found: Segments = []
    done = 0
    for word in _words(text, wanted):
        found += [(text[done : word.start()], False), (word[0], True)]
        done = word.end()
    found.append((text[done:], False))
    return [(part, marked) for part, marked in found if part]


def passage(text: str, wanted: frozenset[str], limit: int = 2) -> str:
    """The sentences, at most `limit` and in order, that hold the most of what was looked for; ""
    where none does."""
    held = [
        ({_stem(fold(word[0])) for word in _words(sentence, wanted)}, place, sentence)
        for place, sentence in enumerate(sentences(text))
    ]
    best = sorted((one for one in held if one[0]), key=lambda one: (-len(one[0]), one[1]))[:limit]
    return " ".join(sentence for _, _, sentence in sorted(best, key=lambda one: one[1]))


def _words(text: str, wanted: frozenset[str]) -> Iterable[re.Match[str]]:
    if not wanted:
        return
    # Stemming is slow, and never changes how a word begins.
    beginnings = tuple(sorted({stem[:2] for stem in wanted}))
    words = _beginning(beginnings) if text.isascii() else _WORD
    for word in words.finditer(text):
        if _is_wanted(word[0], beginnings, wanted):
            yield word


@lru_cache(maxsize=1 << 15)  # the words of one search come again and again in what it found
def _is_wanted(word: str, beginnings: tuple[str, ...], wanted: frozenset[str]) -> bool:
    folded = fold(word)
    return folded.startswith(beginnings) and len(folded) <= _LONGEST and _stem(folded) in wanted


@lru_cache(maxsize=64)
def _beginning(beginnings: tuple[str, ...]) -> re.Pattern[str]:
    either = "|".join(map(re.escape, beginnings))
    return re.compile(rf"(?<![a-z0-9])(?:{either})[a-z0-9]*", re.I | re.A)


@lru_cache(maxsize=1 << 15)
def _stem(word: str) -> str:
    return str(_stemmer.stemWord(word))
