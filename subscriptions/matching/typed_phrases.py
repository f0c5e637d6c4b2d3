"""Phrases of a typed text whose terms a paper shares. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

from papers.text.filler_words import FILLER_WORDS
from papers.text.folding import fold_text
from papers.vectors.terms import BREAK_ID, extract_words, pair_id, token_ids
from subscriptions.matching.typed_terms import split_clauses

MAX_PHRASE_WORDS = 6

# Words that no phrase begins or ends with, besides stop words.
_FUNCTION_WORDS = frozenset(
    "across am among based between beyond both could current different due each every existing "
    "given her him i including many me must my new one only per several should some them toward "
    "towards use used uses using various within without would you your".split()
)
_BREAK = re.compile(r"[.;:!?,()](?:\s|$)|[()\n]|(?<=\s)[–—-](?=\s)")
_COMPOUND_PARTS = re.compile(r"[^-‐‑–]+[-‐‑–]?|[-‐‑–]+")
_PLURAL = re.compile(r"s(?<=[^ -]{2}[^ s-]s)(?![^ -])")  # the s after three letters or more
_IN_COMPOUND = re.compile(r"[\w‐‑–-]")
_SPACE_IN_COMPOUND = re.compile(r"(?<=\w[-‐‑–]) ")


_Terms = tuple[frozenset[int], frozenset[int]]  # IDs of single words, and of pairs


@dataclass(frozen=True, slots=True)
class Clause:
    """The words of a clause as typed, and its terms.

    `places` are the positions of words that are not stop words. `terms` has the terms of each of
    these, `joined_terms` those of each together with the next one.
    """

    words: list[str]
    places: list[int]
    terms: list[_Terms]
    joined_terms: list[_Terms]


@dataclass(frozen=True, slots=True)
class _Run:
    """Words that follow each other, with the IDs of its single words and of its pairs of words."""

    typed: Sequence[str]
    words: frozenset[int]
    pairs: frozenset[int]

    @property
    def terms(self) -> frozenset[int]:
        return self.words | self.pairs


def parse_clauses(text: str) -> list[Clause]:
    """Return the clauses of a typed text."""
    clauses = []
    for words in map(_split_words, split_clauses(text)):
        tokens = list(map(token_ids, words))
        places = [place for place, ids in enumerate(tokens) if any(ids)]
        terms = [_terms_of(tokens[place]) for place in places]
        joined = [_terms_of([*chain(*tokens[a : b + 1])]) for a, b in pairwise(places)]
        clauses.append(Clause(words, places, terms, joined))
    return clauses


def is_part_of_compound(phrase: str, text: str) -> bool:
    """Return whether a phrase of a typed text occurs there only as a part of longer compounds."""
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        borders = text[max(start - 1, 0) : start], text[end : end + 1]
        if not any(map(_IN_COMPOUND.match, borders)):
            return False
        start = text.find(phrase, start + 1)
    return True


def find_shared_phrases(
    clauses: Sequence[Clause], shared: Set[int], text: str
) -> dict[str, frozenset[int]]:
    """Return the longest phrases of a typed text that a paper shares, each with its term IDs.

    `shared` are the IDs of the typed terms that the paper has, `text` is the paper's, folded by
    `fold_words`. A phrase is spelled as typed, and the paper has it whole, apart from stop words
    and plurals; a word in no phrase stands alone.
    """
    covered: set[int] = set()
    phrases: dict[str, frozenset[int]] = {}
    for run in sorted(_find_runs(clauses, shared, text), key=lambda run: -len(run.terms)):
        if (run.pairs or run.words) <= covered:
            continue
        phrase = _join_words(run.typed)
        if phrase and not any(_is_within(phrase, longer) for longer in phrases):
            covered |= run.terms
            phrases[phrase] = run.terms
    return phrases


@lru_cache(maxsize=1 << 13)  # phrases, and the texts of a few days of papers
def fold_words(text: str) -> str:
    """Return the words of a text without stop words and plurals, and " | " at punctuation.

    >>> fold_words("The networks: pre-trained, and large")
    ' network | pre trained | large '
    """
    parts = map(extract_words, _BREAK.split(text))
    words = " | ".join(" ".join(part) for part in parts if part)
    return f" {_PLURAL.sub('', words).replace('-', ' ')} "


def _is_within(phrase: str, other: str) -> bool:
    return fold_words(phrase) in fold_words(other)


def _find_runs(clauses: Sequence[Clause], shared: Set[int], text: str) -> Iterator[_Run]:
    """Yield every run of at most MAX_PHRASE_WORDS words of a clause that the paper shares.

    No run begins or ends with a stop word.
    """
    for clause in clauses:
        for first, start in enumerate(clause.places):
            words, pairs = clause.terms[first]
            for last, end in enumerate(clause.places[first:], start=first):
                if end - start >= MAX_PHRASE_WORDS:
                    break
                run = clause.words[start : end + 1]
                added = clause.joined_terms[last - 1] if last > first else (words, pairs)
                is_pair = last <= first + 1 and added[1] <= shared
                if not is_pair and fold_words(" ".join(run)) not in text:
                    break  # no longer run is in the paper
                words, pairs = words | added[0], pairs | added[1]
                if pairs or not words.isdisjoint(shared):
                    yield _Run(run, words, pairs)


def _join_words(words: Sequence[str]) -> str:
    """Join words as typed; the parts of a compound keep their hyphens.

    Function words at the ends are dropped, and so is a last part such as "for large".
    """
    stops = [place for place, word in enumerate(words) if not any(token_ids(word))]
    if stops and all(fold_text(word) in FILLER_WORDS for word in words[stops[-1] :][1:]):
        words = words[: stops[-1]]
        while words and not any(token_ids(words[-1])):
            words = words[:-1]
    while words and fold_text(words[-1]) in _FUNCTION_WORDS:
        words = words[:-1]
    while words and (fold_text(words[0]) in _FUNCTION_WORDS or not any(token_ids(words[0]))):
        words = words[1:]
    return _SPACE_IN_COMPOUND.sub("", " ".join(words)).strip("'’-‐‑–")


def _split_words(clause: str) -> list[str]:
    """Return the words of a clause; split compounds that matching treats as several words."""
    return [
        part
        for word in clause.split()
        for part in (_COMPOUND_PARTS.findall(word) if len(extract_words(word)) > 1 else [word])
    ]


def _terms_of(tokens: Sequence[int]) -> _Terms:
    singles = frozenset(tokens) - {BREAK_ID}
    pairs = {pair_id(a, b) for a, b in pairwise(tokens) if BREAK_ID not in (a, b)}
    return singles, frozenset(pairs) - singles
