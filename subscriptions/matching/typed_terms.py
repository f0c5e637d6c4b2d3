"""What readers type, clause by clause, and what each term of it counts as a reason. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.text.filler_words import FILLER_WORDS
from papers.vectors.lexicon import Lexicon, TermIds, extract_terms, extract_words, term_ids

WORD, RARE_WORD = 1.0, 2.0  # what they count; a word that is a clause of its own counts as rare
SHORT_CLAUSE = 3  # words of a phrase that the reader chose, where "long context" is a subject
RARE_SHARE, RARE_PAPERS = 0.01, 3  # a rare word is in no more papers than one of these

_CLAUSE = re.compile(r"[.;:!?,，、；。](?:\s|$)|[，、；。()\[\]{}“”\"\n]")


def clauses(text: str) -> list[str]:
    """The parts of a text between marks of punctuation, as they are written."""
    return [clause.strip() for clause in _CLAUSE.split(text) if clause.strip()]


def is_filler(term: str) -> bool:
    """Whether every word of a term tells nothing about a subject."""
    return all(
        word in FILLER_WORDS or word.isdigit() or (len(word) == 1 and word.isascii())
        for word in term.split()
    )


def is_subject(phrase: str, typed: str) -> bool:
    """Whether a phrase of what a reader typed says something when it is named alone."""
    words = extract_words(phrase)
    own = {tuple(extract_words(clause)) for clause in clauses(typed)}
    short = len(words) <= SHORT_CLAUSE and tuple(words) in own
    return short or not is_filler(" ".join(words))


def as_reasons(
    typed: Sequence[str], ignored: Sequence[Iterable[str]], lexicon: Lexicon
) -> sparse.csr_matrix:
    """A row for each text: what each of its terms counts as a reason, without ignored ones."""
    rows = [_without(_counted(text), words) for text, words in zip(typed, ignored, strict=True)]
    ids = np.concatenate([np.empty(0, np.uint64), *(row[0] for row in rows)])
    counts = np.concatenate([np.empty(0, np.float32), *(row[1] for row in rows)])
    owners = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
    columns = lexicon.columns_of(ids)
    there = columns >= 0
    ids, counts, owners, columns = ids[there], counts[there], owners[there], columns[there]
    rare = lexicon.rarity_of(max(RARE_SHARE * lexicon.papers, RARE_PAPERS))
    is_rare = (counts == WORD) & (lexicon.rarity_at(columns) >= rare)
    counts = np.where(is_rare, np.float32(RARE_WORD), counts)
    return sparse.csr_matrix((counts, (owners, columns)), shape=(len(rows), lexicon.size))


def ids_of(words: Iterable[str]) -> TermIds:
    """The ids of all terms of these words and phrases."""
    return np.concatenate([np.empty(0, np.uint64), *map(term_ids, words)])


def _without(
    counted: tuple[TermIds, NDArray[np.float32]], ignored: Iterable[str]
) -> tuple[TermIds, NDArray[np.float32]]:
    ids, counts = counted
    if not ignored:
        return counted
    kept = ~np.isin(ids, ids_of(ignored))
    return ids[kept], counts[kept]


@lru_cache(maxsize=1 << 11)
def _counted(text: str) -> tuple[TermIds, NDArray[np.float32]]:
    """The ids of the terms of a text that count, and what each counts unless it is rare."""
    counts: dict[int, float] = {}
    for clause in clauses(text):
        for number, count in _of_clause(clause):
            counts[number] = max(count, counts.get(number, 0.0))
    told = {number: count for number, count in counts.items() if count}
    return np.array(list(told), np.uint64), np.array(list(told.values()), np.float32)


def _of_clause(clause: str) -> Iterable[tuple[int, float]]:
    named = list(zip(term_ids(clause).tolist(), extract_terms(clause), strict=True))
    words = sum(" " not in term for _number, term in named)
    for number, term in named:
        if words == 1:
            yield number, RARE_WORD
        elif " " in term:
            chosen = words <= SHORT_CLAUSE or not is_filler(term)
            yield number, RARE_WORD if chosen else 0.0
        else:
            yield number, 0.0 if is_filler(term) else WORD
