"""Terms as points of a small space, learnt from the papers' own texts.

A paper is the sum of its terms' points. Points start at random and are moved so that what belongs
together lies together and apart from the rest: a paper's title and its abstract, and two halves of
an abstract's sentences. This is done twice over, from different starts: two views that err in
different places, and that together tell more than either. Of both side by side the principal
directions are kept.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

Points = NDArray[np.float32]
Positions = NDArray[np.int64]
Pairs = tuple[sparse.csr_matrix, sparse.csr_matrix]  # row by row of one paper

VIEWS = 2
WIDTH = 256  # of each view, and of what is kept of all
BATCH = 1024  # the other papers of a batch are what a pair must stand out from
TEMPERATURE = 0.06
RATE = 0.02
SPREAD = 0.01  # of the points at the start, small beside the first steps
PASSES_OF_HALVES = 2  # for the one over titles and abstracts


@dataclass(frozen=True, slots=True)
class Corpus:
    """The same papers, one unit-length row each: `titles`, `abstracts`, and both as `papers`.

    `sentences` counts the terms of each sentence of the abstracts, and `owners` ascend and name
    the paper of each; `weighed` makes such counts, summed, unit-length rows like the others.
    """

    titles: sparse.csr_matrix
    abstracts: sparse.csr_matrix
    papers: sparse.csr_matrix
    sentences: sparse.csr_matrix
    owners: Positions
    weighed: Callable[[sparse.csr_matrix], sparse.csr_matrix]

    def halves(self, rng: np.random.Generator) -> Pairs:
        """Two rows for each abstract of two sentences or more, each of half of them by chance."""
        counts = np.bincount(self.owners, minlength=self.papers.shape[0])
        starts = np.cumsum(counts) - counts
        order = np.lexsort((rng.random(len(self.owners)), self.owners))
        places = np.arange(len(order)) - starts[self.owners]
        several = np.flatnonzero(counts > 1)
        sides = (order[places % 2 == side] for side in (0, 1))
        ones, others = (
            summed(self.sentences[side], self.owners[side], len(counts))[several] for side in sides
        )
        return self.weighed(ones), self.weighed(others)


def summed(rows: sparse.csr_matrix, owners: Positions, count: int) -> sparse.csr_matrix:
    """The sum of the rows of each of `count` owners, given the owner of each row."""
    ones = np.ones(len(owners), dtype=np.float32)
    places = np.arange(len(owners))
    return sparse.csr_matrix((ones, (owners, places)), shape=(count, len(owners))) @ rows


def learn(corpus: Corpus) -> Points:
    """A point for each term (terms x WIDTH)."""
    # The views keep the processors busy; products that spread out as well only wait for each other.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(VIEWS) as beside:
        views = list(beside.map(lambda seed: _view(corpus, seed), range(VIEWS)))
    rows, _norms = _units(np.hstack([corpus.papers @ view for view in views]))
    turns = np.split(_principal(rows), VIEWS)
    return np.sum([view @ turn for view, turn in zip(views, turns, strict=True)], axis=0)


def _principal(rows: Points) -> Points:
    """The WIDTH directions (columns) along which `rows` lie farthest out."""
    _spread, directions = np.linalg.eigh(rows.T @ rows)  # ascending
    return np.asarray(directions[:, : -WIDTH - 1 : -1], dtype=np.float32)


def _view(corpus: Corpus, seed: int) -> Points:
    """One view (terms x WIDTH): AdaGrad with one rate a term, so that rare ones move far."""
    rng = np.random.default_rng(seed)
    shape = (corpus.papers.shape[1], WIDTH)
    points = SPREAD * rng.standard_normal(shape, dtype=np.float32)
    squares = np.full(len(points), 1e-8, dtype=np.float32)
    passes = [(corpus.titles, corpus.abstracts)]
    passes += [corpus.halves(rng) for _ in range(PASSES_OF_HALVES)]
    batches = _batches([ones.shape[0] for ones, _others in passes], rng)
    for step, (drawn, part) in enumerate(batches):
        ones, others = passes[drawn]
        # Few of all terms stand in a batch; the others have no slope.
        rows = sparse.vstack([ones[part], others[part]], format="csr")
        touched, columns = np.unique(rows.indices, return_inverse=True)
        before = points[touched]
        shape = (rows.shape[0], len(touched))
        slope = _slope(sparse.csr_matrix((rows.data, columns, rows.indptr), shape), before)
        squares[touched] += np.einsum("ij,ij->i", slope, slope) / WIDTH
        rate = RATE * (1.0 - 0.9 * step / len(batches))
        slope *= (rate / np.sqrt(squares[touched]))[:, None]
        points[touched] = before - slope
    return points


def _batches(counts: list[int], rng: np.random.Generator) -> list[tuple[int, Positions]]:
    """All rows of passes of so many rows, in whole batches: of which pass, and which rows."""
    found = [
        (drawn, order[end - BATCH : end])
        for drawn, count in enumerate(counts)
        for order in [rng.permutation(count)]
        for end in range(BATCH, count + 1, BATCH)
    ]
    return [found[place] for place in rng.permutation(len(found))]


def _slope(rows: sparse.csr_matrix, points: Points) -> Points:
    """The gradient of the symmetric softmax loss of picking each row's partner: the upper half of
    the rows are the ones, the lower half the others, in the same order."""
    units, norms = _units(rows @ points)
    left, right = np.split(units, 2)
    likeness = np.exp((left @ right.T - 1.0) / TEMPERATURE)
    error = likeness / likeness.sum(axis=1, keepdims=True)
    error += likeness / likeness.sum(axis=0, keepdims=True)
    error[np.diag_indices(len(error))] -= 2.0
    error /= 2.0 * TEMPERATURE * len(error)
    slope = np.vstack([error @ right, error.T @ left])
    return np.asarray(rows.T @ _through_units(slope, units, norms), dtype=np.float32)


def _units(rows: Points) -> tuple[Points, Points]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True) + np.float32(1e-6)
    return rows / norms, norms


def _through_units(slope: Points, units: Points, norms: Points) -> Points:
    return (slope - units * (slope * units).sum(axis=1, keepdims=True)) / norms
