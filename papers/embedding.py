"""Terms as points of a small space, learnt from the papers themselves.

A paper is the sum of its terms' points. They start as the principal directions of the corpus
(latent semantic analysis) and are then moved so that what belongs together lies together: a
paper's title and its abstract, and two papers that share an author.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Points = NDArray[np.float32]
Pairs = NDArray[np.int64]

WIDTH = 256
ROUNDS = 3  # of subspace iteration; more change the start but not the result
BATCH = 1024  # the other papers of a batch are what a pair must stand out from
TEMPERATURE = 0.05
RATE = 0.02
LARGEST_TEAM = 12  # members of larger collaborations often never met
MOST_PAPERS = 10  # a name on more papers is likely several people


@dataclass(frozen=True, slots=True)
class Corpus:
    """The same papers three times, one unit-length row each: titles, abstracts, and both."""

    titles: sparse.csr_matrix
    abstracts: sparse.csr_matrix
    papers: sparse.csr_matrix


def shared_authors(teams: Sequence[Sequence[str]]) -> Pairs:
    """Pairs of papers (positions, shape n x 2) that have an author in common."""
    papers_of: dict[str, list[int]] = defaultdict(list)
    for position, team in enumerate(teams):
        if len(team) <= LARGEST_TEAM:
            for name in dict.fromkeys(team):
                papers_of[name].append(position)
    found = {
        (one, other)
        for papers in papers_of.values()
        if len(papers) <= MOST_PAPERS
        for place, other in enumerate(papers)
        for one in papers[:place]
    }
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)


def learn(corpus: Corpus, pairs: Pairs) -> Points:
    """A point for each term (terms x WIDTH), in one pass over the papers and as many `pairs`."""
    rng = np.random.default_rng(0)
    points = _principal(corpus.papers, rng)
    squares = np.full(len(points), 1e-8, dtype=np.float32)
    batches = list(_batches(corpus, pairs, rng))
    for step, (ones, others) in enumerate(batches):
        slope = _slope(ones, others, points)
        squares += np.square(slope).mean(axis=1)
        rate = RATE * (1.0 - 0.9 * step / len(batches))
        points -= (rate / np.sqrt(squares))[:, None] * slope
    return points


def _principal(papers: sparse.csr_matrix, rng: np.random.Generator) -> Points:
    basis = rng.standard_normal((papers.shape[1], WIDTH), dtype=np.float32)
    for _ in range(ROUNDS):
        basis = np.linalg.qr(papers.T @ (papers @ basis))[0]
    return basis


def _batches(
    corpus: Corpus, pairs: Pairs, rng: np.random.Generator
) -> Iterator[tuple[sparse.csr_matrix, sparse.csr_matrix]]:
    """Batches of both kinds of pairs in random order, at most as many of one as of the other."""
    count = corpus.papers.shape[0]
    own = np.repeat(rng.permutation(count)[:, None], 2, axis=1)
    drawn = pairs[rng.permutation(len(pairs))[:count]]
    kinds = ((corpus.titles, corpus.abstracts, own), (corpus.papers, corpus.papers, drawn))
    cuts = [(left, right, part) for left, right, all_ in kinds for part in _whole_batches(all_)]
    for place in rng.permutation(len(cuts)):
        left, right, part = cuts[place]
        yield left[part[:, 0]], right[part[:, 1]]


def _whole_batches(pairs: Pairs) -> list[Pairs]:
    return [pairs[end - BATCH : end] for end in range(BATCH, len(pairs) + 1, BATCH)]


def _slope(ones: sparse.csr_matrix, others: sparse.csr_matrix, points: Points) -> Points:
    """The gradient of the symmetric softmax loss of picking each row's partner in the batch."""
    left, left_norms = _units(ones @ points)
    right, right_norms = _units(others @ points)
    likeness = np.exp((left @ right.T - 1.0) / TEMPERATURE)
    error = likeness / likeness.sum(axis=1, keepdims=True)
    error += likeness / likeness.sum(axis=0, keepdims=True)
    error[np.diag_indices(len(error))] -= 2.0
    error /= 2.0 * TEMPERATURE * len(error)
    by_left = _through_units(error @ right, left, left_norms)
    by_right = _through_units(error.T @ left, right, right_norms)
    return np.asarray(ones.T @ by_left + others.T @ by_right, dtype=np.float32)


def _units(rows: Points) -> tuple[Points, Points]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True) + np.float32(1e-6)
    return rows / norms, norms


def _through_units(slope: Points, units: Points, norms: Points) -> Points:
    return (slope - units * (slope * units).sum(axis=1, keepdims=True)) / norms
