"""Phrases of a typed text whose terms a paper shares. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from papers.text.folding import fold_text
from papers.vectors.terms import extract_words, named_term_ids
from subscriptions.matching.typed_terms import split_clauses

MAX_PHRASE_WORDS = 6

# Words that no phrase begins or ends with, besides stop words.
_FUNCTION_WORDS = frozenset("am i me my you your them him her should could would must".split())
_COMPOUND_PARTS = re.compile(r"[^-‐‑–]+[-‐‑–]?|[-‐‑–]+")
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
class _Phrase:
    """A run of words, with the IDs of its single words and of its pairs of words."""

    text: str
    words: frozenset[int]
    pairs: frozenset[int]

    @property
    def terms(self) -> frozenset[int]:
        return self.words | self.pairs


def parse_clauses(text: str) -> list[Clause]:
    """Return the clauses of a typed text."""
    clauses = []
    for words in map(_split_words, split_clauses(text)):
        places = [place for place, word in enumerate(words) if _terms_of(word)[0]]
        terms = [_terms_of(words[place]) for place in places]
        joined = [_terms_of(" ".join(words[a : b + 1])) for a, b in pairwise(places)]
        clauses.append(Clause(words, places, terms, joined))
    return clauses


def is_part_of_compound(phrase: str, text: str) -> bool:
    """Return whether a phrase of a typed text occurs there only as a part of longer compounds."""
    border = r"[\w‐‑–-]"
    return not re.search(rf"(?<!{border}){re.escape(phrase)}(?!{border})", text)


def find_shared_phrases(clauses: Sequence[Clause], shared: Set[int]) -> dict[str, frozenset[int]]:
    """Return the longest phrases of a typed text that a paper shares, each with its term IDs.

    `shared` are the IDs of the typed terms that the paper has. A phrase is spelled as typed, and
    the paper has all its pairs of neighbouring words; a word in no phrase stands alone.
    """
    covered: set[int] = set()
    phrases: dict[str, frozenset[int]] = {}
    for phrase in sorted(_find_runs(clauses, shared), key=lambda phrase: -len(phrase.terms)):
        if phrase.text and not (phrase.pairs or phrase.words) <= covered:
            covered |= phrase.terms
            phrases[phrase.text] = phrase.terms
    return phrases


def _find_runs(clauses: Sequence[Clause], shared: Set[int]) -> Iterator[_Phrase]:
    """Yield every run of at most MAX_PHRASE_WORDS words of a clause that the paper shares.

    No run begins or ends with a stop word.
    """
    for clause in clauses:
        for first, start in enumerate(clause.places):
            words, pairs = clause.terms[first]
            for last, end in enumerate(clause.places[first:], start=first):
                if end - start >= MAX_PHRASE_WORDS:
                    break
                added = clause.joined_terms[last - 1] if last > first else (words, pairs)
                if not added[1] <= shared:
                    break  # no longer run has all its pairs
                words, pairs = words | added[0], pairs | added[1]
                if pairs or not words.isdisjoint(shared):
                    yield _Phrase(_join_words(clause.words[start : end + 1]), words, pairs)


def _join_words(words: Sequence[str]) -> str:
    """Join words as typed; the parts of a compound keep their hyphens.

    Function words at the ends are dropped.
    """
    while words and fold_text(words[-1]) in _FUNCTION_WORDS:
        words = words[:-1]
    while words and fold_text(words[0]) in _FUNCTION_WORDS:
        words = words[1:]
    return _SPACE_IN_COMPOUND.sub("", " ".join(words)).strip("'’-‐‑–")


def _split_words(clause: str) -> list[str]:
    """Return the words of a clause; split compounds that matching treats as several words."""
    return [
        part
        for word in clause.split()
        for part in (_COMPOUND_PARTS.findall(word) if len(extract_words(word)) > 1 else [word])
    ]


def _terms_of(words: str) -> _Terms:
    terms = list(named_term_ids(words))
    singles = frozenset(number for number, term in terms if " " not in term)
    return singles, frozenset(number for number, _ in terms) - singles
