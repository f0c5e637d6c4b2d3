"""How much candidates say the same. Pure.

Most papers are looked at for a few readers and some for very many. One that is asked about so
often that it pays is compared with all candidates at once, and the row kept.
"""

from __future__ import annotations

from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.vectors.lexicon import normalize_rows

Scores = NDArray[np.float32]
Positions = NDArray[np.int64]

PER_QUESTION = 2000  # candidates that are compared in the time of answering one question apart
KEPT = 8_000_000  # likenesses of a pool; four bytes each
AT_ONCE = 64  # rows made in one product, which bounds its memory


class SimilarityCache:
    """Of the candidates whose terms and meanings these are, a row each; `meanings` may have no
    columns."""

    def __init__(self, lexical: sparse.csr_matrix, meanings: Scores) -> None:
        # Common and new terms are weighed on top of rows of length one: papers whose terms are all
        # new would be taken for the same.
        self._lexical, self._meanings = normalize_rows(lexical), meanings
        count = lexical.shape[0]
        self._asked = np.zeros(count, dtype=np.int64)
        self._pays = max(count / PER_QUESTION, 2)
        self._room = min(KEPT // max(count, 1), count)
        self._place = np.full(count, -1)  # of each candidate's row in `_rows`
        self._rows = np.empty((self._room, count), dtype=np.float32)  # no memory before it is used
        self._made = 0
        self._weights = np.zeros(lexical.shape[1], dtype=np.float32)  # all zero between uses
        self._lock = Lock()  # pages are made in threads

    def __call__(self, ones: Positions, others: Positions) -> Scores:
        """How much each of `ones` says the same as each of its row of `others` (as many rows as
        `ones`), in [0, 1]: the mean of shared terms and shared meaning, or shared terms alone
        where there are no meanings."""
        with self._lock:
            return self._of(ones, others)

    def _of(self, ones: Positions, others: Positions) -> Scores:
        np.add.at(self._asked, ones, 1)
        self._keep(np.unique(ones[(self._place[ones] < 0) & (self._asked[ones] >= self._pays)]))
        found = np.empty(others.shape, dtype=np.float32)
        places = self._place[ones]
        kept = places >= 0
        found[kept] = self._rows[places[kept, None], others[kept]]
        for row in np.flatnonzero(~kept) if others.size else ():
            found[row] = self._apart(int(ones[row]), others[row])
        return found

    def _keep(self, wanted: Positions) -> None:
        wanted = wanted[: self._room - self._made]
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            shared = (self._lexical[some] @ self._columns).toarray()
            places = self._made + np.arange(len(some))
            self._rows[places] = self._with_meaning(shared, self._meanings[some] @ self._meanings.T)
            self._place[some] = places
            self._made += len(some)

    def _apart(self, one: int, others: Positions) -> Scores:
        # Some dozens of rows of sparse matrices at a time: scipy takes longer to begin.
        rows, mine = self._lexical, slice(*self._lexical.indptr[one : one + 2])
        spans = [slice(*rows.indptr[other : other + 2]) for other in others]
        self._weights[rows.indices[mine]] = rows.data[mine]
        terms = np.concatenate([rows.indices[span] for span in spans])
        carried = np.concatenate([rows.data[span] for span in spans]) * self._weights[terms]
        self._weights[rows.indices[mine]] = 0.0
        owners = np.repeat(np.arange(len(spans)), [span.stop - span.start for span in spans])
        shared = np.bincount(owners, carried, len(spans)).astype(np.float32)
        return self._with_meaning(shared, self._meanings[others] @ self._meanings[one])

    def _with_meaning(self, shared: Scores, meant: Scores) -> Scores:
        shared = np.minimum(shared, np.float32(1.0))
        if not self._meanings.shape[1]:
            return shared
        return (shared + np.maximum(meant, 0.0)) / np.float32(2.0)

    @cached_property
    def _columns(self) -> sparse.csr_matrix:
        return self._lexical.T.tocsr()
