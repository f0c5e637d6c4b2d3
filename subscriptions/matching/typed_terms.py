"""Typed text, clause by clause, and how much each of its terms counts as a reason. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.text.filler_words import FILLER_WORDS
from papers.vectors.lexicon import Lexicon
from papers.vectors.sparse_rows import find_sorted
from papers.vectors.terms import TermIds, extract_words, ids_of_all, named_term_ids

WORD_COUNT, RARE_COUNT = 1.0, 2.0  # a word, a rare word; a clause of one word counts as rare
MAX_SHORT_CLAUSE = 3  # words; in a short clause fillers count, as in "long context"
RARE_SHARE, RARE_PAPERS = 0.01, 3  # a rare word is in no more papers than the larger of these
MAX_CLAUSE_WEIGHT = 4.0  # average words; two of four average words are half of a long clause

_CLAUSE = re.compile(r"[.;:!?,，、；。](?:\s|$)|[，、；。､｡･()\[\]{}“”\"\n]")
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
    if not is_filler(" ".join(words)):
        return True
    clauses = map(extract_words, split_clauses(typed))
    return len(words) <= MAX_SHORT_CLAUSE and words in clauses


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


@dataclass(frozen=True, slots=True)
class ClauseShares:
    """The share of each word in its typed clause, weighed by rarity.

    `rows` is clauses x terms; the shares of a clause of at most four words add up to 1. `owners`
    (clauses) is the text of each clause.
    """

    rows: sparse.csr_matrix
    owners: NDArray[np.int64]

    @classmethod
    def of_texts(
        cls, texts: Sequence[str], ignored: Sequence[Iterable[str]], lexicon: Lexicon
    ) -> ClauseShares:
        """Weigh the words of typed texts, without the ignored ones of each."""
        found = [
            (owner, ids)
            for owner, (text, words) in enumerate(zip(texts, ignored, strict=True))
            for ids in _without_ignored(_clause_subjects(text), words)
        ]
        flat = np.concatenate([np.empty(0, np.uint64), *(ids for _owner, ids in found)])
        lengths = np.array([len(ids) for _owner, ids in found], dtype=np.int64)
        clauses = np.repeat(np.arange(len(found)), lengths)
        columns = lexicon.columns_of(flat)
        weights = np.full(len(flat), lexicon.unseen_rarity, dtype=np.float32)
        weights[columns >= 0] = lexicon.rarity_at(columns[columns >= 0])
        totals = np.bincount(clauses, weights, len(found)) * np.minimum(
            1.0, MAX_CLAUSE_WEIGHT / np.maximum(lengths, 1)
        )
        shares = weights / totals[clauses]
        present = columns >= 0
        entries = (shares[present].astype(np.float32), (clauses[present], columns[present]))
        rows = sparse.csr_matrix(entries, shape=(len(found), lexicon.size))
        return cls(rows, np.array([owner for owner, _ids in found], dtype=np.int64))


def embedded_shares(
    texts: Sequence[str], ignored: Sequence[Iterable[str]], lexicon: Lexicon
) -> NDArray[np.float32]:
    """Return the share of the words of each typed text that have an embedding (texts).

    A word in a pair with an embedding has one. Words that are too common for an embedding don't
    count, and neither do other fillers, unless nothing else was typed.
    """
    terms = [_clause_terms(text) for text in texts]
    columns = lexicon.columns_of(np.concatenate([np.empty(0, np.uint64), *(t[0] for t in terms)]))
    is_counted = np.isin(columns, lexicon.common_columns, invert=True)
    is_embedded = np.zeros(len(columns), dtype=np.bool_)
    present, _places = find_sorted(lexicon.embedded_columns, columns.astype(np.int32))
    is_embedded[present] = True
    shares, end = [], 0
    for (_ids, names), words in zip(terms, ignored, strict=True):
        span = slice(end, end := end + len(names))
        flags = zip(names, is_counted[span].tolist(), is_embedded[span].tolist(), strict=True)
        counted = {name: known for name, counts, known in flags if counts}
        shares.append(_embedded_share(counted, set(extract_words(" ".join(words)))))
    return np.array(shares, dtype=np.float32)


def _embedded_share(known: Mapping[str, bool], ignored: Set[str]) -> float:
    """Return the share of words with an embedding; `known` tells which terms have one."""
    pairs = [term for term, is_known in known.items() if is_known and " " in term]
    in_pairs = {word for pair in pairs for word in pair.split()}
    words = [term for term in known if " " not in term and term not in ignored]
    telling = [word for word in words if word in in_pairs or not is_filler(word)] or words
    return sum(known[word] or word in in_pairs for word in telling) / max(len(telling), 1)


@lru_cache(maxsize=1 << 11)
def _clause_terms(text: str) -> tuple[TermIds, tuple[str, ...]]:
    """Return the terms of the clauses of a text: their IDs and names."""
    terms = dict(term for clause in split_clauses(text) for term in named_term_ids(clause))
    return np.array(list(terms), np.uint64), tuple(terms.values())


def _without_ignored(clauses: Iterable[TermIds], ignored: Iterable[str]) -> Iterator[TermIds]:
    dropped = ids_of_all(ignored)
    for ids in clauses:
        kept = ids[~np.isin(ids, dropped)] if len(dropped) else ids
        if len(kept):
            yield kept


@lru_cache(maxsize=1 << 11)
def _clause_subjects(text: str) -> tuple[TermIds, ...]:
    """Return the IDs of the words of each clause that say what it is about.

    A short clause of fillers has its pairs of words. A single filler counts only if nothing else
    was typed.
    """
    clauses = [dict(named_term_ids(clause)) for clause in split_clauses(text)]
    clauses = [terms for terms in clauses if terms]
    subjects = []
    for terms in clauses:
        words = [number for number, term in terms.items() if " " not in term]
        telling = [number for number in words if not is_filler(terms[number])]
        if not telling and len(words) == 1 and len(clauses) == 1:
            telling = words
        elif not telling and len(words) <= MAX_SHORT_CLAUSE:
            telling = [number for number, term in terms.items() if " " in term]
        subjects.append(np.array(telling, np.uint64))
    return tuple(subjects)


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
