"""Metrics of ranked pools, averaged over cases. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from devtools.evaluation.cases import Case, Corpus, Positions

Scores = NDArray[np.float64]
Metrics = dict[str, float]
Interval = tuple[float, float, float]  # a mean, and the ends of its interval
Ranker = Callable[[Case, Positions], Scores]  # a case and its pool (n); returns scores (n)


RESAMPLES = 10_000  # of readers or cases, for intervals


def mean_metrics(corpus: Corpus, cases: Iterable[Case], ranker: Ranker) -> Metrics:
    """Rank the pool of each case and return the mean of each metric."""
    return average_metrics(measure_cases(corpus, cases, ranker))


def measure_cases(corpus: Corpus, cases: Iterable[Case], ranker: Ranker) -> list[Metrics]:
    """Rank the pool of each case and return its metrics (cases).

    Ties are broken by a fixed shuffle, so that no ranker profits from the order of papers in the
    file.
    """
    shuffle = np.random.default_rng(0).permutation(len(corpus.papers))
    rows = []
    for case in cases:
        pool = np.setdiff1d(corpus.pools[case.pool], case.liked)
        scores = ranker(case, pool)
        order = np.argsort(shuffle[pool])
        is_relevant = np.isin(pool, list(case.relevant))
        rows.append(measure_ranking(scores[order], is_relevant[order], len(case.relevant)))
    return rows


def paired_differences(before: Sequence[Metrics], after: Sequence[Metrics]) -> dict[str, Interval]:
    """Return the mean difference of each metric and its 95 % bootstrap interval over rows."""
    rng = np.random.default_rng(0)
    samples = rng.integers(0, len(before), (RESAMPLES, len(before)))
    differences = {}
    for name in before[0]:
        gains = np.array([a[name] - b[name] for a, b in zip(after, before, strict=True)])
        low, high = np.quantile(gains[samples].mean(axis=1), (0.025, 0.975)).tolist()
        differences[name] = (round(float(gains.mean()), 4), round(low, 4), round(high, 4))
    return differences


def measure_ranking(scores: Scores, is_relevant: NDArray[np.bool_], relevant: int) -> Metrics:
    """Return how well `scores` (pool) rank relevant papers first.

    `is_relevant` (pool) marks these papers; `relevant` counts them with those not in the pool.
    """
    order = np.argsort(-scores, kind="stable")
    ranks = np.flatnonzero(is_relevant[order])
    gain = (1.0 / np.log2(ranks[ranks < 10] + 2.0)).sum()
    ideal_gain = (1.0 / np.log2(np.arange(min(relevant, 10)) + 2.0)).sum()
    first = int(ranks[0]) if len(ranks) else None
    return {
        "auc": _auc(scores, is_relevant),
        "mrr": 0.0 if first is None else 1.0 / (first + 1),
        **{f"hit@{n}": float(first is not None and first < n) for n in (5, 10, 20)},
        "ndcg@10": float(gain / ideal_gain) if relevant else 0.0,
        "recall@100": float((ranks < 100).sum() / relevant) if relevant else 0.0,
    }


def average_metrics(rows: Sequence[Metrics]) -> Metrics:
    """Return the mean of each metric, to four digits."""
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}


def _auc(scores: Scores, is_relevant: NDArray[np.bool_]) -> float:
    relevant, others = int(is_relevant.sum()), int((~is_relevant).sum())
    if not relevant or not others:
        return 0.5
    rank_sum = rankdata(scores)[is_relevant].sum()
    return float((rank_sum - relevant * (relevant + 1) / 2) / (relevant * others))
