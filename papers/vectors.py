"""Papers as vectors, made once: many readers like the same papers, and a day's papers stay from one
hour to the next. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.lexicon import Lexicon, PaperText, Weights

KEPT = 1 << 14  # papers; two kB each
_Row = tuple[NDArray[np.int32], Weights, Weights]  # terms, what they weigh, and the meaning


def vectors(lexicon: Lexicon, papers: Sequence[PaperText]) -> tuple[sparse.csr_matrix, Weights]:
    """`lexicon.vectors(papers)` and their meanings. Texts without a key are made anew: what a
    reader typed is theirs alone."""
    if len(papers) > KEPT:
        rows = lexicon.vectors(papers)
        return rows, lexicon.meanings(rows)
    return _shelf(lexicon.version).of(lexicon, papers)


class _Shelf:
    """The rows of one version of the lexicon, those asked for longest ago first."""

    def __init__(self) -> None:
        self._rows: OrderedDict[PaperText, _Row] = OrderedDict()
        self._lock = Lock()  # pages are made in threads

    def of(
        self, lexicon: Lexicon, papers: Sequence[PaperText]
    ) -> tuple[sparse.csr_matrix, Weights]:
        with self._lock:
            found = {paper: row for paper in papers if (row := self._rows.get(paper))}
            found |= _made(lexicon, [paper for paper in papers if paper not in found])
            for paper, row in found.items():
                if paper.key:
                    self._rows[paper] = row
                    self._rows.move_to_end(paper)
            while len(self._rows) > KEPT:
                self._rows.popitem(last=False)
        return _together(lexicon, [found[paper] for paper in papers])


def _made(lexicon: Lexicon, papers: Sequence[PaperText]) -> dict[PaperText, _Row]:
    if not papers:
        return {}
    rows = lexicon.vectors(papers)
    meanings = lexicon.meanings(rows)
    spans = [slice(*rows.indptr[place : place + 2]) for place in range(len(papers))]
    return {
        paper: (rows.indices[span].copy(), rows.data[span].copy(), meaning.copy())
        for paper, span, meaning in zip(papers, spans, meanings, strict=True)
    }


def _together(lexicon: Lexicon, rows: Sequence[_Row]) -> tuple[sparse.csr_matrix, Weights]:
    terms = np.concatenate([np.empty(0, np.int32), *(row[0] for row in rows)])
    weights = np.concatenate([np.empty(0, np.float32), *(row[1] for row in rows)])
    ends = np.cumsum([0, *(len(row[0]) for row in rows)])
    meanings = np.array([row[2] for row in rows], dtype=np.float32)
    lexical = sparse.csr_matrix((weights, terms, ends), shape=(len(rows), lexicon.size))
    return lexical, meanings.reshape(len(rows), lexicon.points.shape[1])


@lru_cache(maxsize=2)
def _shelf(_version: str) -> _Shelf:
    return _Shelf()
