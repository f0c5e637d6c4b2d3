"""Terms as points of a small space, learnt from the papers themselves.

A paper is the sum of its terms' points. Points start at random and are moved so that what belongs
together lies together: a paper's title and its abstract, and two papers that share an author.
This is done twice over, from different starts: two views that err in different places, and that
together tell more than either. Of both side by side the principal directions are kept.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

Points = NDArray[np.float32]
Pairs = NDArray[np.int64]

VIEWS = 2
WIDTH = 256  # of each view, and of what is kept of all
BATCH = 1024  # the other papers of a batch are what a pair must stand out from
TEMPERATURE = 0.06
RATE = 0.02
SPREAD = 0.01  # of the points at the start, small beside the first steps
PASSES_OF_PAIRS = 3  # at most so many pairs of papers for each paper's own title and abstract
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
    """A point for each term (terms x WIDTH), each view learnt in one pass over the papers and at
    most PASSES_OF_PAIRS times as many `pairs`."""
    # The views keep the processors busy; products that spread out as well only wait for each other.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(VIEWS) as beside:
        views = list(beside.map(lambda seed: _view(corpus, pairs, seed), range(VIEWS)))
    rows, _norms = _units(np.hstack([corpus.papers @ view for view in views]))
    turns = np.split(_principal(rows), VIEWS)
    return np.sum([view @ turn for view, turn in zip(views, turns, strict=True)], axis=0)


def _principal(rows: Points) -> Points:
    """The WIDTH directions (columns) along which `rows` lie farthest out."""
    _spread, directions = np.linalg.eigh(rows.T @ rows)  # ascending
    return np.asarray(directions[:, : -WIDTH - 1 : -1], dtype=np.float32)


def _view(corpus: Corpus, pairs: Pairs, seed: int) -> Points:
    """One view (terms x WIDTH): AdaGrad with one rate a term, so that rare ones move far."""
    rng = np.random.default_rng(seed)
    shape = (corpus.papers.shape[1], WIDTH)
    points = SPREAD * rng.standard_normal(shape, dtype=np.float32)
    squares = np.full(len(points), 1e-8, dtype=np.float32)
    batches = _batches(corpus, pairs, rng)
    for step, (left, right, part) in enumerate(batches):
        ones, others = left[part[:, 0]], right[part[:, 1]]
        # Few of all terms stand in a batch; the others have no slope.
        rows = sparse.vstack([ones, others], format="csr")
        touched, columns = np.unique(rows.indices, return_inverse=True)
        before = points[touched]
        shape = (rows.shape[0], len(touched))
        slope = _slope(sparse.csr_matrix((rows.data, columns, rows.indptr), shape), before)
        squares[touched] += np.einsum("ij,ij->i", slope, slope) / WIDTH
        rate = RATE * (1.0 - 0.9 * step / len(batches))
        slope *= (rate / np.sqrt(squares[touched]))[:, None]
        points[touched] = before - slope
    return points


def _batches(
    corpus: Corpus, pairs: Pairs, rng: np.random.Generator
) -> list[tuple[sparse.csr_matrix, sparse.csr_matrix, Pairs]]:
    """Batches of both kinds of pairs in random order: the rows of the first and of the second of
    each pair, and which."""
    count = corpus.papers.shape[0]
    own = np.repeat(rng.permutation(count)[:, None], 2, axis=1)
    drawn = pairs[rng.permutation(len(pairs))[: PASSES_OF_PAIRS * count]]
    kinds = ((corpus.titles, corpus.abstracts, own), (corpus.papers, corpus.papers, drawn))
    found = [(left, right, part) for left, right, all_ in kinds for part in _whole_batches(all_)]
    return [found[place] for place in rng.permutation(len(found))]


def _whole_batches(pairs: Pairs) -> Iterator[Pairs]:
    for end in range(BATCH, len(pairs) + 1, BATCH):
        yield pairs[end - BATCH : end]


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
