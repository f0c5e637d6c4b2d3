"""Similarity of candidates to each other. Pure.

Most candidates are compared for a few readers, some for very many. One that is compared often
enough gets a row with its similarity to all others: selection takes .3 instead of .8 ms per reader
then (1,500 candidates, 200 readers).
"""

from __future__ import annotations

from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.vectors.sparse_rows import normalize_rows

Scores = NDArray[np.float32]
Positions = NDArray[np.int64]

CANDIDATES_PER_COMPARISON = 2000  # a row of so many costs as much as one comparison without a row
MAX_CACHED = 8_000_000  # similarities of a pool; four bytes each
CHUNK = 64  # rows computed in one product; bounds memory


class SimilarityCache:
    """The similarity of candidates, by their terms and their embeddings.

    `term_rows` is candidates x terms; `embeddings` is candidates x 256, or candidates x 0.
    """

    def __init__(self, term_rows: sparse.csr_matrix, embeddings: Scores) -> None:
        # Common and new terms make rows longer than 1; papers of new terms only would otherwise
        # pass for near-duplicates.
        self._term_rows, self._embeddings = normalize_rows(term_rows), embeddings
        count = term_rows.shape[0]
        self._comparisons = np.zeros(count, dtype=np.int64)
        self._min_comparisons = max(count / CANDIDATES_PER_COMPARISON, 2)
        self._max_rows = min(MAX_CACHED // max(count, 1), count)
        self._row_numbers = np.full(count, -1)  # of each candidate in `_rows`
        self._rows = np.empty((self._max_rows, count), dtype=np.float32)  # allocated when used
        self._row_count = 0
        self._lock = Lock()  # requests are served in threads

    def __call__(self, positions: Positions, others: Positions) -> Scores:
        """Return the similarity, in [0, 1], of each candidate to those in its row of `others`.

        `positions` has n candidates; `others` and the result are n x m. The similarity is the mean
        of the cosines of terms and of embeddings, or that of terms if there are no embeddings.
        """
        with self._lock:
            self._add_rows(positions)
            similarity = np.empty(others.shape, dtype=np.float32)
            numbers = self._row_numbers[positions]
            is_cached = numbers >= 0
            similarity[is_cached] = self._rows[numbers[is_cached, None], others[is_cached]]
            for row in np.flatnonzero(~is_cached) if others.size else ():
                similarity[row] = self._compare(positions[row], others[row])
            return similarity

    def _add_rows(self, positions: Positions) -> None:
        """Count a comparison of each candidate; compute the rows of those with enough of them."""
        np.add.at(self._comparisons, positions, 1)
        is_due = self._comparisons[positions] >= self._min_comparisons
        due = np.unique(positions[(self._row_numbers[positions] < 0) & is_due])
        due = due[: self._max_rows - self._row_count]
        for start in range(0, len(due), CHUNK):
            chunk = due[start : start + CHUNK]
            terms = (self._term_rows[chunk] @ self._columns).toarray()  # chunk x candidates
            numbers = self._row_count + np.arange(len(chunk))
            self._rows[numbers] = self._combine(terms, self._embeddings[chunk] @ self._embeddings.T)
            self._row_numbers[chunk] = numbers
            self._row_count += len(chunk)

    def _compare(self, position: np.int64, others: Positions) -> Scores:
        """Return the similarity of one candidate to each of `others` (m)."""
        rows = self._term_rows
        span = slice(*rows.indptr[position : position + 2])
        row = np.zeros(rows.shape[1], dtype=np.float32)  # a sparse column takes five times as long
        row[rows.indices[span]] = rows.data[span]
        return self._combine(
            rows[others] @ row, self._embeddings[others] @ self._embeddings[position]
        )

    def _combine(self, terms: Scores, embeddings: Scores) -> Scores:
        """Return the mean of both cosines, each at least 0 and that of terms at most 1."""
        terms = np.minimum(terms, np.float32(1.0))
        if not self._embeddings.shape[1]:
            return terms
        return (terms + np.maximum(embeddings, 0.0)) / np.float32(2.0)

    @cached_property
    def _columns(self) -> sparse.csr_matrix:
        return self._term_rows.T.tocsr()
