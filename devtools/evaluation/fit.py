"""Evaluation of fit: predicted shares of choices against those found. Pure.

Recorded choices are replayed with profiles of examples, with typed texts, and with both. Days and
collections differ in how many papers there are to choose from; so papers that were not chosen are
weighted such that one paper in REFERENCE is a choice, in each case. `learn_curve` learns from one
half of the readers, and the tables are about the other.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from devtools.evaluation.cases import Case, Corpus, EvaluationError
from devtools.evaluation.learning.simulated_readers import Interest
from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.fit import REFERENCE, SCORES, FitCurve
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
Values = NDArray[np.float64]

BINS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0)  # of predicted shares
MIN_CHOICES = 100  # in a bin whose found share is compared
MAX_DAYS = 15  # of one list
MIN_POOL = 100  # papers of a day of lists
STRENGTH = 1.0  # inverse of regularisation
SMALL_POOL = 100  # papers
FEW_EXAMPLES = 2  # count at most as much as a typed text
TYPED, EXAMPLES = "typed", "examples"
FEW, MORE = "typed, few examples", "typed, more examples"
KINDS = (EXAMPLES, TYPED, FEW, MORE)


@dataclass(frozen=True, slots=True)
class Observations:
    """Papers that readers chose or not. Arrays have one value for each case and paper.

    * `kinds`: one of KINDS. `days`: the names of pools. `sizes`: their papers.
    * `predicted`: shares of choices; `scores`: of matching. `chosen`: flags. `weights`.
    * `readers`: names.
    """

    kinds: NDArray[np.str_]
    days: NDArray[np.str_]
    sizes: Values
    scores: Values
    predicted: Values
    chosen: NDArray[np.bool_]
    weights: Values
    readers: NDArray[np.str_]

    def select(self, flags: NDArray[np.bool_]) -> Observations:
        """Return the observations with a flag."""
        return Observations(*(getattr(self, name)[flags] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Bin:
    """Papers with similar predicted shares: the mean of these, the found share, the choices."""

    low: float
    high: float
    predicted: float
    found: float
    choices: int

    @property
    def is_right(self) -> bool:
        """Return True if the found share is within a third of the predicted one."""
        return abs(self.found - self.predicted) <= self.predicted / 3


@dataclass(frozen=True, slots=True)
class Report:
    """Bins by group of observations, and the curve learnt from the other half by kind."""

    groups: dict[str, list[Bin]]
    curves: dict[str, FitCurve]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "groups": {
                name: [{field: getattr(one, field) for field in Bin.__slots__} for one in bins]
                for name, bins in self.groups.items()
            },
            "curves": {name: list(one.shares) for name, one in self.curves.items()},
            "seconds": round(self.seconds, 1),
        }


def evaluate(
    corpus: Corpus,
    lexicon: Lexicon,
    cases: Sequence[Case],
    *,
    progress: Progress = lambda items, _label: items,
) -> Report:
    """Match all cases; learn curves from one half of the readers, and describe the other."""
    started = time.monotonic()
    found = observe(corpus, lexicon, merge_cases(cases), progress)
    is_first = first_half(found.readers)
    curves = {
        kind: learn_curve(found.select(is_first & (found.kinds == kind)))
        for kind in KINDS
        if (is_first & (found.kinds == kind) & found.chosen).any()
    }
    return Report(group_bins(found.select(~is_first)), curves, time.monotonic() - started)


def with_typed(corpus: Corpus, cases: Iterable[Case]) -> list[Case]:
    """Return the cases, and those of readers who typed the title of their first paper.

    Some typed it instead of their examples, and some beside the others.
    """
    made = []
    for case in cases:
        made.append(case)
        if case.liked and not case.text:
            first, *others = case.liked
            title = corpus.papers[first].title
            made.append(replace(case, liked=(), text=title))
            made += [replace(case, liked=tuple(others), text=title)] if others else []
    return made


def first_papers(corpus: Corpus, day: str, days: int) -> tuple[list[PaperText], str]:
    """Return the papers of the first `days` days with papers, from `day` on, and the next day.

    Raise `EvaluationError` if there is no next day.
    """
    listed = sorted({one for one in corpus.days if one >= day})
    if days >= len(listed):
        raise EvaluationError(f"{len(listed)} days with papers from {day} on, not more than {days}")
    own = set(listed[:days])
    papers = [paper for paper, one in zip(corpus.papers, corpus.days, strict=True) if one in own]
    return papers, listed[days]


def since(cases: Iterable[Case], day: str) -> list[Case]:
    """Return the cases with a pool of this day or later."""
    return [case for case in cases if case.pool.partition(":")[2] >= day]


def cases_of_lists(corpus: Corpus, interests: Sequence[Interest]) -> list[Case]:
    """Return the days of reading lists: from three of the papers, from the title, from both."""
    day_of = {
        paper: name
        for name, pool in corpus.pools.items()
        if name.startswith("listed:") and len(pool) >= MIN_POOL
        for paper in pool.tolist()
    }
    cases = []
    for number, one in enumerate(interests):
        papers = np.random.default_rng(number).permutation(one.positions).tolist()
        starts = [(tuple(papers[:3]), "", papers[3:])]
        if one.title:
            starts += [((), one.title, papers), (tuple(papers[:3]), one.title, papers[3:])]
        for liked, text, rest in starts:
            by_day: dict[str, list[int]] = defaultdict(list)
            for paper in rest:
                if paper in day_of:
                    by_day[day_of[paper]].append(paper)
            cases += [
                Case(one.name, liked, text, day, frozenset(chosen))
                for day, chosen in list(by_day.items())[:MAX_DAYS]
            ]
    return cases


def merge_cases(cases: Iterable[Case]) -> list[Case]:
    """Return one case for all choices of a reader with the same profile and pool."""
    merged: dict[tuple[Any, ...], frozenset[int]] = defaultdict(frozenset)
    for case in cases:
        merged[case.reader, case.liked, case.text, case.pool] |= case.relevant
    return [
        Case(reader, liked, text, pool, relevant)
        for (reader, liked, text, pool), relevant in merged.items()
    ]


def observe(
    corpus: Corpus,
    lexicon: Lexicon,
    cases: Sequence[Case],
    progress: Progress = lambda items, _label: items,
) -> Observations:
    """Match the profile of each case with its pool, as the product does."""
    by_pool: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_pool[case.pool].append(case)
    rows: list[tuple[Any, ...]] = []
    for pool, own in progress(sorted(by_pool.items()), "Matching"):
        positions = corpus.pools[pool]
        candidates = Candidates.prepare(lexicon, [corpus.papers[n] for n in positions.tolist()])
        profiles = [
            Profile(text=case.text, liked=tuple(corpus.papers[n] for n in case.liked))
            for case in own
        ]
        for case, match in zip(own, match_profiles(profiles, candidates), strict=True):
            rows.append(_observe_case(case, positions, match.scores, match.curve))
    return Observations(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def _observe_case(
    case: Case, positions: NDArray[np.int64], scores: NDArray[np.float32], curve: FitCurve
) -> tuple[Any, ...]:
    kept = ~np.isin(positions, case.liked)
    own = scores[kept].astype(np.float64)
    chosen = np.isin(positions[kept], list(case.relevant))
    count = len(own)
    others = max(count - int(chosen.sum()), 1)
    weights = np.where(chosen, 1.0, (REFERENCE - 1) * chosen.sum() / others)
    return (
        np.repeat(_kind(case), count),
        np.repeat(case.pool, count),
        np.full(count, count),
        own,
        curve.predict(own),
        chosen,
        weights,
        np.repeat(case.reader, count),
    )


def _kind(case: Case) -> str:
    if not case.text:
        return EXAMPLES
    if not case.liked:
        return TYPED
    return FEW if len(case.liked) <= FEW_EXAMPLES else MORE


def first_half(readers: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return which observations are of a random half of the readers, always the same."""
    names = np.unique(readers)
    half = np.random.default_rng(5).permutation(names)[: len(names) // 2]
    return np.isin(readers, half)


def learn_curve(found: Observations) -> FitCurve:
    """Return the curve that predicts the choices best.

    It is a logistic regression whose slope changes at each of SCORES.
    """
    knots = np.array(SCORES)
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    model.fit(_bends(found.scores, knots), found.chosen, sample_weight=found.weights)
    shares = np.maximum.accumulate(model.predict_proba(_bends(knots, knots))[:, 1])
    return FitCurve(tuple(float(f"{share:.2g}") for share in shares))


def _bends(scores: Values, knots: Values) -> Values:
    """Return how far each score is beyond each knot (scores x knots)."""
    return np.maximum(np.minimum(scores, knots[-1])[:, None] - knots[:-1], 0.0)


def group_bins(found: Observations) -> dict[str, list[Bin]]:
    """Return the bins of all observations, and by kind of profile, day and size of pool."""
    days = np.array([name.partition(":")[2] for name in found.days])
    cuts = np.quantile(np.unique(days).astype("datetime64[D]").astype(int), (1 / 3, 2 / 3))
    thirds = np.searchsorted(cuts, days.astype("datetime64[D]").astype(int))
    groups: Mapping[str, NDArray[np.bool_]] = {
        "all": np.ones(len(days), dtype=bool),
        **{kind: found.kinds == kind for kind in KINDS},
        **{
            f"{name} third of days": thirds == n
            for n, name in enumerate(("first", "second", "last"))
        },
        f"pools below {SMALL_POOL} papers": found.sizes < SMALL_POOL,
        "larger pools": found.sizes >= SMALL_POOL,
    }
    return {name: bin_shares(found.select(flags)) for name, flags in groups.items() if flags.any()}


def bin_shares(found: Observations) -> list[Bin]:
    """Return the bins that have papers, by predicted share."""
    number = np.searchsorted(BINS[1:-1], found.predicted, side="right")
    bins = []
    for n in np.unique(number).tolist():
        own = found.select(number == n)
        share = [np.average(values, weights=own.weights) for values in (own.predicted, own.chosen)]
        predicted, actual = (round(float(value), 4) for value in share)
        bins.append(Bin(BINS[n], BINS[n + 1], predicted, actual, int(own.chosen.sum())))
    return bins


def table(report: Report) -> str:
    """Return the report as text, with a row for each bin; "*" marks a wrong one."""
    lines = []
    for name, bins in report.groups.items():
        lines.append(f"{name:26}{'predicted':>10}{'found':>8}{'choices':>9}")
        for one in bins:
            mark = "" if one.is_right or one.choices < MIN_CHOICES else " *"
            shares = f"{one.predicted:10.3f}{one.found:8.3f}{one.choices:9}"
            lines.append(f"  {one.low:.2f} to {one.high:.2f}{'':12}{shares}{mark}")
    for kind, curve in report.curves.items():
        lines.append(f"learnt from the other half, {kind}: {curve.shares}")
    return "\n".join([*lines, f"{report.seconds:.0f} s"])
