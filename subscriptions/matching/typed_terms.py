"""Typed text, clause by clause, and how much each of its terms counts as a reason. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.text.filler_words import FILLER_WORDS
from papers.vectors.lexicon import Lexicon
from papers.vectors.terms import TermIds, extract_words, ids_of_all, named_term_ids

WORD_COUNT, RARE_COUNT = 1.0, 2.0  # a word, a rare word; a clause of one word counts as rare
MAX_SHORT_CLAUSE = 3  # words; in a short clause fillers count, as in "long context"
RARE_SHARE, RARE_PAPERS = 0.01, 3  # a rare word is in no more papers than the larger of these

_CLAUSE = re.compile(r"[.;:!?,，、；。](?:\s|$)|[，、；。()\[\]{}“”\"\n]")
_Counts = tuple[TermIds, NDArray[np.float32]]  # term IDs and what each counts


def split_clauses(text: str) -> list[str]:
    """Return the parts of a text between punctuation marks, as written."""
    return [clause.strip() for clause in _CLAUSE.split(text) if clause.strip()]


def is_filler(term: str) -> bool:
    """Return whether no word of the term says anything about a subject."""
    return all(
        word in FILLER_WORDS or word.isdigit() or (len(word) == 1 and word.isascii())
        for word in term.split()
    )


def is_subject(phrase: str, typed: str) -> bool:
    """Return whether a phrase of a typed text names a subject when shown alone."""
    words = extract_words(phrase)
    clauses = {tuple(extract_words(clause)) for clause in split_clauses(typed)}
    is_short_clause = len(words) <= MAX_SHORT_CLAUSE and tuple(words) in clauses
    return is_short_clause or not is_filler(" ".join(words))


def typed_term_counts(
    texts: Sequence[str], ignored: Sequence[Iterable[str]], lexicon: Lexicon
) -> sparse.csr_matrix:
    """Return how much each term of each typed text counts as a reason (texts x terms).

    `ignored` has the words to leave out, for each text.
    """
    rows = [
        _drop_ignored(_term_counts(text), words) for text, words in zip(texts, ignored, strict=True)
    ]
    ids = np.concatenate([np.empty(0, np.uint64), *(row[0] for row in rows)])
    counts = np.concatenate([np.empty(0, np.float32), *(row[1] for row in rows)])
    owners = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
    columns = lexicon.columns_of(ids)
    present = columns >= 0
    counts, owners, columns = counts[present], owners[present], columns[present]
    min_rarity = lexicon.rarity_for(max(RARE_SHARE * lexicon.paper_count, RARE_PAPERS))
    is_rare = (counts == WORD_COUNT) & (lexicon.rarity_at(columns) >= min_rarity)
    counts = np.where(is_rare, np.float32(RARE_COUNT), counts)
    return sparse.csr_matrix((counts, (owners, columns)), shape=(len(rows), lexicon.size))


def _drop_ignored(counts: _Counts, ignored: Iterable[str]) -> _Counts:
    ids, values = counts
    if not ignored:
        return counts
    kept = ~np.isin(ids, ids_of_all(ignored))
    return ids[kept], values[kept]


@lru_cache(maxsize=1 << 11)
def _term_counts(text: str) -> _Counts:
    """Return the terms of a text that count, without the bonus for rare ones."""
    counts: dict[int, float] = {}
    for clause in split_clauses(text):
        for number, count in _clause_counts(clause):
            counts[number] = max(count, counts.get(number, 0.0))
    positive = {number: count for number, count in counts.items() if count}
    return np.array(list(positive), np.uint64), np.array(list(positive.values()), np.float32)


def _clause_counts(clause: str) -> Iterable[tuple[int, float]]:
    """Yield the ID of each term of a clause, and what it counts."""
    terms = list(named_term_ids(clause))
    words = sum(" " not in term for _number, term in terms)
    for number, term in terms:
        if words == 1:
            yield number, RARE_COUNT
        elif " " in term:
            counts = words <= MAX_SHORT_CLAUSE or not is_filler(term)
            yield number, RARE_COUNT if counts else 0.0
        else:
            yield number, 0.0 if is_filler(term) else WORD_COUNT
