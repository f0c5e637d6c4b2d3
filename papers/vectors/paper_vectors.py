"""Vectors of papers, cached by process. Pure.

Many readers like the same papers, and the papers of a day stay the same from hour to hour: without
the cache, vectors of readers took three times as long (docs/experiments/matching.md).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.text.compounds import split_compounds
from papers.vectors.lexicon import Lexicon, PaperText, WeightedTerms
from papers.vectors.term_weights import Weights
from papers.vectors.terms import TermIds

CACHE_SIZE = 1 << 14  # papers; 3 kB each
_SparseRow = tuple[NDArray[np.int32], Weights]  # columns and weights
# The learnt terms of a paper, its unseen terms (ascending IDs and weights), and its embedding.
_CachedRow = tuple[_SparseRow, tuple[TermIds, Weights], Weights]


def paper_vectors(
    lexicon: Lexicon, papers: Sequence[PaperText]
) -> tuple[sparse.csr_matrix, Weights, Weights]:
    """Return `lexicon.vectors(papers)` (papers x size), embeddings (papers x 256), learnt shares.

    The latter (papers) are those of `WeightedTerms`. Texts without a key are not cached: only one
    reader typed them.
    """
    weighted, embeddings = _weigh_and_embed(lexicon, papers)
    return lexicon.join_columns(weighted), embeddings, weighted.learnt_shares


def vectors_with_new_terms(
    lexicon: Lexicon, papers: Sequence[PaperText]
) -> tuple[Lexicon, sparse.csr_matrix, sparse.csr_matrix, Weights]:
    """Return vectors of papers in a lexicon with a column for each of their terms.

    The result is that lexicon, the vectors (papers x size), the terms that papers have only as
    parts of compounds (papers x size), and embeddings (papers x 256).
    """
    weighted, embeddings = _weigh_and_embed(lexicon, papers)
    split, _embeddings = _weigh_and_embed(lexicon, [_split_paper(paper) for paper in papers])
    wider = lexicon.with_terms(np.union1d(weighted.ids, split.ids))
    rows = wider.join_columns(weighted)
    return wider, rows, _missing_entries(rows, wider.join_columns(split)), embeddings


def _missing_entries(rows: sparse.csr_matrix, others: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the entries of `others` where `rows` have none (both n x terms)."""
    present = rows.copy()
    present.data = np.ones_like(present.data)
    missing = sparse.csr_matrix(others - others.multiply(present))
    missing.eliminate_zeros()
    return missing


@lru_cache(maxsize=CACHE_SIZE)
def _split_paper(paper: PaperText) -> PaperText:
    title, abstract = split_compounds(paper.title), split_compounds(paper.abstract)
    return replace(paper, title=title, abstract=abstract)


def _weigh_and_embed(
    lexicon: Lexicon, papers: Sequence[PaperText]
) -> tuple[WeightedTerms, Weights]:
    if len(papers) > CACHE_SIZE:
        weighted = lexicon.weigh(papers)
        return weighted, lexicon.embed(weighted.learnt)
    return _cache_for(lexicon.learnt_version).get_rows(lexicon, papers)


class _VectorCache:
    """An LRU cache of papers' rows, for one version of the lexicon."""

    def __init__(self) -> None:
        self._rows: OrderedDict[PaperText, _CachedRow] = OrderedDict()
        self._lock = Lock()  # requests are served in threads

    def get_rows(
        self, lexicon: Lexicon, papers: Sequence[PaperText]
    ) -> tuple[WeightedTerms, Weights]:
        """Return the rows of papers; compute and cache those that are missing."""
        with self._lock:
            rows = {paper: row for paper in papers if (row := self._rows.get(paper))}
            rows |= _compute_rows(lexicon, [paper for paper in papers if paper not in rows])
            for paper, row in rows.items():
                if paper.key:
                    self._rows[paper] = row
                    self._rows.move_to_end(paper)
            while len(self._rows) > CACHE_SIZE:
                self._rows.popitem(last=False)
        return _stack_rows(lexicon, [rows[paper] for paper in papers])


def _compute_rows(lexicon: Lexicon, papers: Sequence[PaperText]) -> dict[PaperText, _CachedRow]:
    if not papers:
        return {}
    weighted = lexicon.weigh(papers)
    learnt, unseen = _split_rows(weighted.learnt), _split_rows(weighted.unseen)
    embeddings = lexicon.embed(weighted.learnt)
    return {
        paper: (terms, (weighted.ids[columns], weights), embedding.copy())
        for paper, terms, (columns, weights), embedding in zip(
            papers, learnt, unseen, embeddings, strict=True
        )
    }


def _split_rows(rows: sparse.csr_matrix) -> list[_SparseRow]:
    spans = [slice(*rows.indptr[place : place + 2]) for place in range(rows.shape[0])]
    return [(rows.indices[span].copy(), rows.data[span].copy()) for span in spans]


def _stack_rows(lexicon: Lexicon, rows: Sequence[_CachedRow]) -> tuple[WeightedTerms, Weights]:
    learnt = _stack_sparse([row[0] for row in rows], len(lexicon.ids))
    unseen_ids = np.concatenate([np.empty(0, np.uint64), *(row[1][0] for row in rows)])
    ids, columns = np.unique(unseen_ids, return_inverse=True)
    ends = np.cumsum([0, *(len(row[1][0]) for row in rows)])
    weights = np.concatenate([np.empty(0, np.float32), *(row[1][1] for row in rows)])
    unseen = sparse.csr_matrix(
        (weights, columns.astype(np.int32), ends), shape=(len(rows), len(ids))
    )
    embeddings = np.array([row[2] for row in rows], dtype=np.float32)
    width = lexicon.embeddings.width
    return WeightedTerms(learnt, unseen, ids), embeddings.reshape(len(rows), width)


def _stack_sparse(rows: Sequence[_SparseRow], width: int) -> sparse.csr_matrix:
    columns = np.concatenate([np.empty(0, np.int32), *(columns for columns, _weights in rows)])
    weights = np.concatenate([np.empty(0, np.float32), *(weights for _columns, weights in rows)])
    ends = np.cumsum([0, *(len(columns) for columns, _weights in rows)])
    return sparse.csr_matrix((weights, columns, ends), shape=(len(rows), width))


@lru_cache(maxsize=2)
def _cache_for(_version: str) -> _VectorCache:
    return _VectorCache()
