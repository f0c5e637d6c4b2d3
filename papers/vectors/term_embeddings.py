"""Embeddings of terms, learnt from the papers' own texts. Pure.

The embedding of a text is the weighted sum of its terms' embeddings. These start at random and are
moved by contrastive learning: a title towards its own abstract, one half of an abstract's sentences
towards the other half, and both away from other papers.

Views are learnt from different random starts, since they err in different places. The principal
directions of all views side by side are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from papers.vectors.sparse_rows import sum_rows_by_owner

Embeddings = NDArray[np.float32]
Positions = NDArray[np.int64]
Pairs = tuple[sparse.csr_matrix, sparse.csr_matrix]  # row i of both is from the same paper

THREADS = 2  # views learnt at the same time
WIDTH = 256  # of each view, and of the result
BATCH = 1024  # pairs; each pair must stand out from the other pairs of its batch
TEMPERATURE = 0.06
LEARNING_RATE = 0.02
INITIAL_SCALE = 0.01  # of the random start; small beside the first steps


@dataclass(frozen=True, slots=True)
class Effort:
    """The amount of learning from a collection.

    * `views`: the number of random starts.
    * `halves_passes`: passes over halves of abstracts, beside one over titles and abstracts.
    """

    views: int
    halves_passes: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """The rows of one collection of papers.

    * `titles`, `abstracts` and `papers` (both together): papers x terms, unit-length rows.
    * `sentences`: sentences x terms, counts of terms.
    * `owners` (sentences), ascending: the paper of each sentence.
    * `weigh` turns counts (texts x terms) into unit-length rows of weights.
    """

    titles: sparse.csr_matrix
    abstracts: sparse.csr_matrix
    papers: sparse.csr_matrix
    sentences: sparse.csr_matrix
    owners: Positions
    weigh: Callable[[sparse.csr_matrix], sparse.csr_matrix]

    def random_halves(self, rng: np.random.Generator) -> Pairs:
        """Return two rows for each abstract, each from a random half of its sentences.

        Both results have one row for each abstract with two sentences or more.
        """
        counts = np.bincount(self.owners, minlength=self.papers.shape[0])
        starts = np.cumsum(counts) - counts
        order = np.lexsort((rng.random(len(self.owners)), self.owners))
        places = np.arange(len(order)) - starts[self.owners]
        divisible = np.flatnonzero(counts > 1)
        sides = (order[places % 2 == side] for side in (0, 1))
        left, right = (
            sum_rows_by_owner(self.sentences[side], self.owners[side], len(counts))[divisible]
            for side in sides
        )
        return self.weigh(left), self.weigh(right)


def learn_embeddings(corpus: Corpus, effort: Effort) -> Embeddings:
    """Return an embedding for each term (terms x WIDTH)."""

    def learn_view(seed: int) -> Embeddings:
        return _learn_view(corpus, seed, effort.halves_passes)

    # The views use the cores; BLAS threads on top of that would only wait for each other, and
    # their number would change the last digits of the result.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(THREADS) as executor:
        views = list(executor.map(learn_view, range(effort.views)))
        rows, _norms = _normalize(np.hstack([corpus.papers @ view for view in views]))
        rotations = np.split(principal_directions(rows), effort.views)
        return np.sum([view @ turn for view, turn in zip(views, rotations, strict=True)], axis=0)


def principal_directions(rows: Embeddings) -> Embeddings:
    """Return the WIDTH directions of greatest spread of `rows` (columns x WIDTH)."""
    _spread, directions = np.linalg.eigh(rows.T @ rows)  # ascending
    return np.asarray(directions[:, : -WIDTH - 1 : -1], dtype=np.float32)


def _learn_view(corpus: Corpus, seed: int, halves_passes: int) -> Embeddings:
    """Return one view (terms x WIDTH), by AdaGrad with a rate for each term.

    Terms that occur rarely so move farther at each step.
    """
    rng = np.random.default_rng(seed)
    shape = (corpus.papers.shape[1], WIDTH)
    embeddings = INITIAL_SCALE * rng.standard_normal(shape, dtype=np.float32)
    squares = np.full(len(embeddings), 1e-8, dtype=np.float32)
    passes = [(corpus.titles, corpus.abstracts)]
    passes += [corpus.random_halves(rng) for _ in range(halves_passes)]
    batches = _make_batches([left.shape[0] for left, _right in passes], rng)
    for step, (number, part) in enumerate(batches):
        left, right = passes[number]
        # Only the terms of the batch have a gradient.
        rows = sparse.vstack([left[part], right[part]], format="csr")
        terms, columns = np.unique(rows.indices, return_inverse=True)
        before = embeddings[terms]
        shape = (rows.shape[0], len(terms))
        gradient = _gradient(sparse.csr_matrix((rows.data, columns, rows.indptr), shape), before)
        squares[terms] += np.einsum("ij,ij->i", gradient, gradient) / WIDTH
        rate = LEARNING_RATE * (1.0 - 0.9 * step / len(batches))
        gradient *= (rate / np.sqrt(squares[terms]))[:, None]
        embeddings[terms] = before - gradient
    return embeddings


def _make_batches(counts: list[int], rng: np.random.Generator) -> list[tuple[int, Positions]]:
    """Return shuffled batches, each as the number of its pass and its rows (BATCH).

    `counts` are the rows of each pass; rows beyond the last full batch are left out.
    """
    batches = [
        (number, order[end - BATCH : end])
        for number, count in enumerate(counts)
        for order in [rng.permutation(count)]
        for end in range(BATCH, count + 1, BATCH)
    ]
    return [batches[place] for place in rng.permutation(len(batches))]


def _gradient(rows: sparse.csr_matrix, embeddings: Embeddings) -> Embeddings:
    """Return the gradient of the symmetric softmax loss (terms x WIDTH).

    `rows` (2 * BATCH x terms) has the left halves of all pairs, then the right halves in the same
    order; the loss is that of picking each row's partner.
    """
    units, norms = _normalize(rows @ embeddings)
    left, right = np.split(units, 2)
    similarity = np.exp((left @ right.T - 1.0) / TEMPERATURE)
    error = similarity / similarity.sum(axis=1, keepdims=True)
    error += similarity / similarity.sum(axis=0, keepdims=True)
    error[np.diag_indices(len(error))] -= 2.0
    error /= 2.0 * TEMPERATURE * len(error)
    gradient = np.vstack([error @ right, error.T @ left])
    return np.asarray(rows.T @ _through_normalization(gradient, units, norms), dtype=np.float32)


def _normalize(rows: Embeddings) -> tuple[Embeddings, Embeddings]:
    """Return rows at unit length (n x width) and their norms (n x 1)."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True) + np.float32(1e-6)
    return rows / norms, norms


def _through_normalization(
    gradient: Embeddings, units: Embeddings, norms: Embeddings
) -> Embeddings:
    """Return the gradient before normalization, from the one after it (both n x width)."""
    return (gradient - units * (gradient * units).sum(axis=1, keepdims=True)) / norms
