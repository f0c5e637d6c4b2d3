"""Two interests among the examples of one topic. Pure.

The papers are divided into two clusters by their embeddings, with spherical 2-means. They count as
two interests if the clusters are clearly apart. Terms add nothing to this decision; they name the
clusters. docs/experiments/matching.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.paper_vectors import paper_vectors
from papers.vectors.sparse_rows import normalize_dense_rows
from subscriptions.matching.clusters.cluster_names import name_clusters

Embeddings = NDArray[np.float32]
Flags = NDArray[np.bool_]

MIN_EXAMPLES, MIN_CLUSTER = 6, 3  # fewer papers fall into clusters by chance
# How much more similar papers are to their own cluster than to the other, as a cosine. It was
# chosen on one half of the reading lists, for 5 % of false suggestions, and confirmed on the other.
MIN_SEPARATION = 0.21
MAX_ROUNDS = 50  # of 2-means; it converges within a few


@dataclass(frozen=True, slots=True)
class InterestCluster:
    """Examples with one interest: their keys, in the order given, and words that name it."""

    keys: tuple[str, ...]
    words: tuple[str, ...]


def find_clusters(
    examples: Sequence[PaperText], lexicon: Lexicon
) -> tuple[InterestCluster, InterestCluster] | None:
    """Return two clear clusters of the examples, the larger one first; None if there are not two.

    A lexicon without embeddings, of a small collection, finds none.
    """
    is_second = divide_examples(examples, lexicon)
    if is_second is None:
        return None
    parts = [
        [paper for paper, flag in zip(examples, is_second, strict=True) if flag == second]
        for second in (False, True)
    ]
    first, second = parts
    words = name_clusters(first, second, lexicon)
    return (
        InterestCluster(tuple(paper.key for paper in first), words[0]),
        InterestCluster(tuple(paper.key for paper in second), words[1]),
    )


def divide_examples(examples: Sequence[PaperText], lexicon: Lexicon) -> Flags | None:
    """Return which examples are in the smaller of two clear clusters (examples), or None."""
    if len(examples) < MIN_EXAMPLES or not lexicon.embeddings.width:
        return None
    _rows, embeddings, _shares = paper_vectors(lexicon, examples)
    is_second = _divide_in_two(embeddings)
    if 2 * np.count_nonzero(is_second) > len(is_second):
        is_second = ~is_second
    if np.count_nonzero(is_second) < MIN_CLUSTER:
        return None
    separation = _measure_separation(embeddings[~is_second], embeddings[is_second])
    return is_second if separation >= MIN_SEPARATION else None


def nearer_to_second(
    papers: Sequence[PaperText],
    first: Sequence[PaperText],
    second: Sequence[PaperText],
    lexicon: Lexicon,
) -> Flags:
    """Return which papers are nearer to the second of two clusters (papers)."""
    if not papers:
        return np.array([], dtype=np.bool_)
    _rows, embeddings, _shares = paper_vectors(lexicon, [*papers, *first, *second])
    rest, clusters = embeddings[: len(papers)], embeddings[len(papers) :]
    similarity = rest @ _mean_directions(clusters[: len(first)], clusters[len(first) :]).T
    return np.asarray(similarity[:, 1] > similarity[:, 0], dtype=np.bool_)


def _mean_directions(first: Embeddings, second: Embeddings) -> Embeddings:
    """Return the normalized mean of each cluster (2 x dimensions)."""
    return normalize_dense_rows(np.stack([first.mean(axis=0), second.mean(axis=0)]))


def _divide_in_two(embeddings: Embeddings) -> Flags:
    """Return the cluster of each row by spherical 2-means (rows).

    The first division is along the direction in which the rows differ most, so that the result
    does not depend on chance.
    """
    centred = embeddings - embeddings.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    is_second = centred @ direction > 0
    for _ in range(MAX_ROUNDS):
        if is_second.all() or not is_second.any():
            break
        means = _mean_directions(embeddings[~is_second], embeddings[is_second])
        similarity = embeddings @ means.T
        nearer = similarity[:, 1] > similarity[:, 0]
        if (nearer == is_second).all():
            break
        is_second = nearer
    return np.asarray(is_second, dtype=np.bool_)


def _measure_separation(first: Embeddings, second: Embeddings) -> float:
    """Return the mean cosine of pairs within a cluster, less that of pairs across clusters."""
    across = first.mean(axis=0) @ second.mean(axis=0)
    return float((_mean_similarity(first) + _mean_similarity(second)) / 2.0 - across)


def _mean_similarity(rows: Embeddings) -> float:
    """Return the mean cosine of all pairs of different rows."""
    total = rows.sum(axis=0)
    count = len(rows)
    return float((total @ total - np.square(rows).sum()) / (count * (count - 1)))
