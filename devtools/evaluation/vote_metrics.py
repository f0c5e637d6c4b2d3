"""Metrics of an order of papers, by the votes they got in the end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Metrics = dict[str, float]
RESAMPLES = 2000  # of the bootstrap


def measure_order(scores: Scores, votes: NDArray[np.int64]) -> Metrics:
    """Return how well `scores` (papers) put papers with the most votes first.

    The gain of a paper is its votes. For precision, papers with as many votes as the tenth are
    right. Metrics are expected values over all orders of tied papers.
    """
    weights = np.zeros(len(scores))
    weights[:10] = 1.0 / np.log2(np.arange(len(weights[:10])) + 2.0)
    ideal_order = -np.sort(-votes)
    is_right = votes >= ideal_order[:10][-1]
    first_ten = share_among_ties(scores, np.arange(len(scores)) < 10)
    gain = float(votes @ share_among_ties(scores, weights))
    ideal_gain = float(ideal_order @ weights)
    return {
        "ndcg@10": gain / ideal_gain if ideal_gain else 1.0,
        "precision@10": float(first_ten[is_right].sum() / first_ten.sum()),
        "kendall_tau": _kendall_tau(scores, votes),
    }


def mean_metrics(rows: Sequence[Metrics]) -> Metrics:
    """Return the mean of each metric, to four digits."""
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}


def mean_differences(left: Sequence[Metrics], right: Sequence[Metrics]) -> dict[str, list[float]]:
    """Return for each metric the mean difference of the days and its 95 % interval.

    The interval is from a bootstrap over days.
    """
    rng = np.random.default_rng(0)
    samples = rng.integers(0, len(left), (RESAMPLES, len(left)))
    intervals = {}
    for name in left[0]:
        differences = np.array([a[name] - b[name] for a, b in zip(left, right, strict=True)])
        low, high = np.percentile(differences[samples].mean(axis=1), [2.5, 97.5])
        intervals[name] = [round(float(value), 4) for value in (differences.mean(), low, high)]
    return intervals


def share_among_ties(scores: Scores, by_rank: NDArray[Any]) -> Scores:
    """Return the value of each paper's rank (papers); tied papers share their values."""
    _values, group = np.unique(-scores, return_inverse=True)
    counts = np.bincount(group)
    totals = np.bincount(np.sort(group), weights=by_rank.astype(np.float64))
    return np.asarray((totals / counts)[group])


def _kendall_tau(scores: Scores, votes: NDArray[np.int64]) -> float:
    """Return Kendall's tau; a tie of the scores counts as half right."""
    concordance = np.sign(scores[:, None] - scores) * np.sign(votes[:, None] - votes)
    pairs = len(votes) * (len(votes) - 1)
    untied = int((votes[:, None] != votes).sum())
    return float(concordance.sum() / np.sqrt(pairs * untied)) if untied else 0.0
