"""Papers as vectors, made once: many readers like the same papers, and a day's papers stay from one
hour to the next. Pure."""

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
from papers.vectors.lexicon import Lexicon, PaperText, TermIds, Weighed, Weights

KEPT = 1 << 14  # papers; three kB each
_Terms = tuple[NDArray[np.int32], Weights]  # which, and what they weigh
# The terms of the lexicon, those it does not have (by id, ascending), and the meaning.
_Row = tuple[_Terms, tuple[TermIds, Weights], Weights]


def paper_vectors(
    lexicon: Lexicon, papers: Sequence[PaperText]
) -> tuple[sparse.csr_matrix, Weights]:
    """`lexicon.vectors(papers)` and their meanings. Texts without a key are made anew: what a
    reader typed is theirs alone."""
    weighed, meanings = _weighed(lexicon, papers)
    return lexicon.joined(weighed), meanings


def vectors_with_new_terms(
    lexicon: Lexicon, papers: Sequence[PaperText]
) -> tuple[Lexicon, sparse.csr_matrix, sparse.csr_matrix, Weights]:
    """The lexicon with a column for each term of these papers, their vectors, the terms that they
    have only as parts of compounds, and their meanings."""
    weighed, meanings = _weighed(lexicon, papers)
    apart, _meanings = _weighed(lexicon, [_written_apart(paper) for paper in papers])
    wider = lexicon.with_terms(np.union1d(weighed.ids, apart.ids))
    rows = wider.joined(weighed)
    return wider, rows, _missing(rows, wider.joined(apart)), meanings


def _missing(rows: sparse.csr_matrix, others: sparse.csr_matrix) -> sparse.csr_matrix:
    """The entries of `others` where `rows` have none."""
    there = rows.copy()
    there.data = np.ones_like(there.data)
    missing = sparse.csr_matrix(others - others.multiply(there))
    missing.eliminate_zeros()
    return missing


@lru_cache(maxsize=KEPT)
def _written_apart(paper: PaperText) -> PaperText:
    title, abstract = split_compounds(paper.title), split_compounds(paper.abstract)
    return replace(paper, title=title, abstract=abstract)


def _weighed(lexicon: Lexicon, papers: Sequence[PaperText]) -> tuple[Weighed, Weights]:
    if len(papers) > KEPT:
        weighed = lexicon.weighed(papers)
        return weighed, lexicon.meanings(weighed.known)
    return _shelf(lexicon.learnt_version).of(lexicon, papers)


class _Shelf:
    """The rows of one version of the lexicon, those asked for longest ago first."""

    def __init__(self) -> None:
        self._rows: OrderedDict[PaperText, _Row] = OrderedDict()
        self._lock = Lock()  # pages are made in threads

    def of(self, lexicon: Lexicon, papers: Sequence[PaperText]) -> tuple[Weighed, Weights]:
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
    weighed = lexicon.weighed(papers)
    known, unseen = _apart(weighed.known), _apart(weighed.unseen)
    meanings = lexicon.meanings(weighed.known)
    return {
        paper: (terms, (weighed.ids[columns], weights), meaning.copy())
        for paper, terms, (columns, weights), meaning in zip(
            papers, known, unseen, meanings, strict=True
        )
    }


def _apart(rows: sparse.csr_matrix) -> list[_Terms]:
    spans = [slice(*rows.indptr[place : place + 2]) for place in range(rows.shape[0])]
    return [(rows.indices[span].copy(), rows.data[span].copy()) for span in spans]


def _together(lexicon: Lexicon, rows: Sequence[_Row]) -> tuple[Weighed, Weights]:
    known = _stacked([row[0] for row in rows], len(lexicon.ids))
    found = np.concatenate([np.empty(0, np.uint64), *(row[1][0] for row in rows)])
    ids, columns = np.unique(found, return_inverse=True)
    ends = np.cumsum([0, *(len(row[1][0]) for row in rows)])
    weights = np.concatenate([np.empty(0, np.float32), *(row[1][1] for row in rows)])
    unseen = sparse.csr_matrix(
        (weights, columns.astype(np.int32), ends), shape=(len(rows), len(ids))
    )
    meanings = np.array([row[2] for row in rows], dtype=np.float32)
    return Weighed(known, unseen, ids), meanings.reshape(len(rows), lexicon.points.shape[1])


def _stacked(rows: Sequence[_Terms], width: int) -> sparse.csr_matrix:
    terms = np.concatenate([np.empty(0, np.int32), *(terms for terms, _weights in rows)])
    weights = np.concatenate([np.empty(0, np.float32), *(weights for _terms, weights in rows)])
    ends = np.cumsum([0, *(len(terms) for terms, _weights in rows)])
    return sparse.csr_matrix((weights, terms, ends), shape=(len(rows), width))


@lru_cache(maxsize=2)
def _shelf(_version: str) -> _Shelf:
    return _Shelf()
