"""The words that a search found, where they stand in a text."""

import re
from collections.abc import Iterable
from functools import lru_cache

from papers.text.folding import fold_text
from papers.text.lexemes import IS_UNSPACED, LONGEST, STOP_WORDS, Run, runs, spellings, stem
from papers.text.markup import split_sentences

Segments = list[tuple[str, bool]]  # in order; True for what was looked for

_WORD = re.compile(r"[^\W_]+")


def query_stems(text: str) -> frozenset[str]:
    """What the words of a query share with other forms of the same words."""
    return frozenset(
        one
        for spelling in spellings(text)
        for word in spelling.split()
        if word not in STOP_WORDS
        for run in runs(word)
        for one in _stems(run)
    )


def highlight(text: str, wanted: frozenset[str]) -> Segments:
    """`text` cut where words of `wanted` begin and end; joined it is the text again."""
    found: Segments = []
    done = 0
    for word in _words(text, wanted):
        found += [(text[done : word.start()], False), (word[0], True)]
        done = word.end()
    found.append((text[done:], False))
    return [(part, marked) for part, marked in found if part]


def best_passage(text: str, wanted: frozenset[str], limit: int = 2) -> str:
    """The sentences, at most `limit` and in order, that hold the most of what was looked for; ""
    where none does."""
    held = [
        ({stem(fold_text(word[0])) for word in _words(sentence, wanted)}, place, sentence)
        for place, sentence in enumerate(split_sentences(text))
    ]
    best = sorted((one for one in held if one[0]), key=lambda one: (-len(one[0]), one[1]))[:limit]
    return " ".join(sentence for _, _, sentence in sorted(best, key=lambda one: one[1]))


def _stems(run: Run) -> Iterable[str]:
    """A run's own, and that of its letters; the 2 and 5 of Qwen2.5 would be marked everywhere."""
    yield stem(run.text) if len(run.text) <= LONGEST else run.text
    if run.is_mixed:
        yield from (stem(one) for one in run.pieces if len(one) > 1 and not one.isdigit())


def _words(text: str, wanted: frozenset[str]) -> Iterable[re.Match[str]]:
    if not wanted:
        return
    # Stemming is slow, and never changes how a word begins.
    beginnings = tuple(sorted({one[:2] for one in wanted}))
    words = _beginning(beginnings) if text.isascii() else _any_script(wanted)
    for word in words.finditer(text):
        if _is_wanted(word[0], beginnings, wanted):
            yield word


@lru_cache(maxsize=1 << 15)  # the words of one search come again and again in what it found
def _is_wanted(word: str, beginnings: tuple[str, ...], wanted: frozenset[str]) -> bool:
    return any(
        folded.startswith(beginnings) and not wanted.isdisjoint(_stems(run))
        for folded in spellings(word)
        for run in runs(folded)
    )


@lru_cache(maxsize=64)
def _beginning(beginnings: tuple[str, ...]) -> re.Pattern[str]:
    either = "|".join(map(re.escape, beginnings))
    return re.compile(rf"(?<![a-z0-9])(?:{either})[a-z0-9]*", re.I | re.A)


@lru_cache(maxsize=64)
def _any_script(wanted: frozenset[str]) -> re.Pattern[str]:
    """Words between signs or spaces; of scripts without spaces what was looked for, as it is."""
    unspaced = sorted((one for one in wanted if IS_UNSPACED.search(one)), key=len, reverse=True)
    if not unspaced:
        return _WORD
    return re.compile(
        "|".join([*map(re.escape, unspaced), rf"(?:(?!{IS_UNSPACED.pattern})[^\W_])+"])
    )
