"""Evaluation of learning from taps: a digest a day for simulated readers. Pure.

A reader taps More on each paper of the digest from their interest, and Less on one other. After
a day, the learner ranks the held-out papers of the interest among OTHER_PAPERS others. Each
learner sends its own digests, so that it also learns only from papers that it found.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from devtools.evaluation.baselines import TfidfFeatures
from devtools.evaluation.cases import Corpus
from devtools.evaluation.learning.learners import Learner, Pool, Product, Rocchio, Svm, Taps
from devtools.evaluation.learning.simulated_readers import DAYS, SimulatedReader
from devtools.evaluation.ranking_metrics import Metrics, measure_ranking
from papers.vectors.lexicon import Lexicon

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
Step = Callable[[str], AbstractContextManager[Any]]
Interval = tuple[float, float, float]  # a mean, and the ends of its 95 % interval

OTHER_PAPERS = 1500  # that no reader wants, in the pool of held-out papers
MEASURED_DAYS = (0, 1, 2, 3, 5, 7, 10, 15, 20)
FEW_TAPS = 6  # compared with five given examples
RESAMPLES = 10_000  # of interests, for the intervals
PAPERBOY, GIVEN = "paperboy", "five given examples"
METRICS = ("ndcg@10", "recall@100")


@dataclass(frozen=True, slots=True)
class Curve:
    """The metrics of one reader with one learner, by day; `few` is that after FEW_TAPS taps."""

    by_day: Mapping[int, Metrics]
    few: Metrics


@dataclass(frozen=True, slots=True)
class Report:
    """Results by kind of reader, "all" first.

    `curves` has the mean metrics by learner and day. `leads` has the lead of the product over each
    other learner in nDCG@10, by day. `few` compares the product after FEW_TAPS taps with five
    given examples, in nDCG@10.
    """

    readers: dict[str, int]
    curves: dict[str, dict[str, dict[int, Metrics]]]
    leads: dict[str, dict[str, dict[int, Interval]]]
    few: dict[str, dict[str, Interval]]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "readers": self.readers,
            "curves": self.curves,
            "leads": self.leads,
            "few": self.few,
            "seconds": round(self.seconds, 1),
        }


def evaluate(
    corpus: Corpus,
    readers: Sequence[SimulatedReader],
    *,
    progress: Progress = lambda items, _label: items,
    step: Step = nullcontext,
) -> Report:
    """Simulate all days with the product and with each baseline."""
    started = time.monotonic()
    with step("Learning from the papers"):
        lexicon = Lexicon.learn(corpus.papers)
        features = TfidfFeatures.of_corpus(corpus, {reader.text for reader in readers} - {""})
    learners: dict[str, Learner] = {
        PAPERBOY: Product(corpus),
        "no learning": Product(corpus, learns=False),
        "rocchio": Rocchio(features),
        "svm": Svm(features),
    }
    simulation = Simulation(corpus, lexicon, readers)
    curves = simulation.run(learners, progress)
    curves[GIVEN] = simulation.rank_given(learners[PAPERBOY])
    return make_report(readers, curves, time.monotonic() - started)


class Simulation:
    """The pools of all days, and the pool of held-out papers."""

    def __init__(
        self, corpus: Corpus, lexicon: Lexicon, readers: Sequence[SimulatedReader]
    ) -> None:
        self.corpus, self.lexicon, self.readers = corpus, lexicon, readers
        held_out = sorted({paper for reader in readers for paper in reader.held_out})
        known = {paper for reader in readers for paper in (*reader.wanted, *reader.examples)}
        strangers = np.setdiff1d(np.arange(len(corpus.papers)), [*held_out, *known])
        self.others = np.random.default_rng(0).permutation(strangers)[:OTHER_PAPERS]
        self.pool = Pool(corpus, lexicon, np.array([*held_out, *self.others.tolist()]))

    def run(
        self, learners: Mapping[str, Learner], progress: Progress = lambda items, _label: items
    ) -> dict[str, list[Curve]]:
        """Return the curves of the readers, in order, for each learner."""
        states = {name: [Taps(reader) for reader in self.readers] for name in learners}
        rows: dict[str, list[dict[int, Metrics]]] = {
            name: [{0: metrics} for metrics in self.measure(learner, states[name])]
            for name, learner in learners.items()
        }
        few: dict[str, list[Metrics]] = {
            name: [row[0] for row in curves] for name, curves in rows.items()
        }
        days = sorted({day for reader in self.readers for day in reader.days})
        for day in progress(days, "Simulating days"):
            pool = Pool(self.corpus, self.lexicon, self.corpus.pools[day])
            places = [n for n, reader in enumerate(self.readers) if day in reader.days]
            for name, learner in learners.items():
                due = [states[name][n] for n in places]
                for taps, digest in zip(due, learner.choose(due, pool), strict=True):
                    tap(taps, digest, day)
                    taps.days += 1
                measured = [n for n in places if _is_measured(states[name][n])]
                found = self.measure(learner, [states[name][n] for n in measured])
                for n, metrics in zip(measured, found, strict=True):
                    taps = states[name][n]
                    rows[name][n][taps.days] = metrics
                    if taps.count <= FEW_TAPS:
                        few[name][n] = metrics
        return {
            name: [Curve(*pair) for pair in zip(rows[name], few[name], strict=True)]
            for name in learners
        }

    def rank_given(self, learner: Learner) -> list[Curve]:
        """Return the constant curves of readers who gave five examples at the start."""
        given = [Taps(replace(reader, text="", examples=reader.given)) for reader in self.readers]
        return [
            Curve(dict.fromkeys(range(DAYS + 1), metrics), metrics)
            for metrics in self.measure(learner, given)
        ]

    def measure(self, learner: Learner, states: Sequence[Taps]) -> list[Metrics]:
        """Return how well each reader's held-out papers rank among the others."""
        if not states:
            return []
        rows = []
        for taps, scores in zip(states, learner.score(states, self.pool), strict=True):
            held_out = taps.reader.held_out
            is_held_out = np.isin(self.pool.positions, list(held_out))
            own = is_held_out | np.isin(self.pool.positions, self.others)
            metrics = measure_ranking(scores[own], is_held_out[own], len(held_out))
            row = {name: metrics[name] for name in METRICS}
            rows.append(row | {"more": float(len(taps.more)), "less": float(len(taps.less))})
        return rows


def _is_measured(taps: Taps) -> bool:
    return taps.days in MEASURED_DAYS or taps.count <= FEW_TAPS


def tap(taps: Taps, digest: Sequence[int], day: str) -> None:
    """React to a digest: More on each wanted paper, Less on one other, by chance."""
    reader = taps.reader
    taps.more += [paper for paper in digest if paper in reader.wanted]
    if others := [paper for paper in digest if paper not in reader.wanted | reader.held_out]:
        rng = np.random.default_rng(zlib.crc32(f"{reader.interest} {reader.kind} {day}".encode()))
        taps.less.append(others[int(rng.integers(len(others)))])


def make_report(
    readers: Sequence[SimulatedReader], curves: Mapping[str, list[Curve]], seconds: float
) -> Report:
    """Return means and intervals for each kind of reader."""
    kinds = {"all": list(range(len(readers)))}
    for n, reader in enumerate(readers):
        kinds.setdefault(reader.kind, []).append(n)
    report = Report({kind: len(rows) for kind, rows in kinds.items()}, {}, {}, {}, seconds)
    for kind, rows in kinds.items():
        names = [readers[n].interest for n in rows]
        own = {name: [found[n] for n in rows] for name, found in curves.items()}
        report.curves[kind] = {
            name: {day: _mean([curve.by_day[day] for curve in found]) for day in MEASURED_DAYS}
            for name, found in own.items()
        }
        report.leads[kind] = {
            name: {
                day: paired_interval(_values(own[PAPERBOY], day), _values(found, day), names)
                for day in MEASURED_DAYS
            }
            for name, found in own.items()
            if name != PAPERBOY
        }
        report.few[kind] = _compare_few(own, names)
    return report


def _compare_few(curves: Mapping[str, list[Curve]], names: Sequence[str]) -> dict[str, Interval]:
    few, given = ([curve.few["ndcg@10"] for curve in curves[name]] for name in (PAPERBOY, GIVEN))
    return {
        f"after {FEW_TAPS} taps": _interval(few, names),
        GIVEN: _interval(given, names),
        "difference": paired_interval(few, given, names),
    }


def _values(curves: Iterable[Curve], day: int) -> list[float]:
    return [curve.by_day[day]["ndcg@10"] for curve in curves]


def _mean(rows: Sequence[Metrics]) -> Metrics:
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}


def paired_interval(
    left: Sequence[float], right: Sequence[float], names: Sequence[str]
) -> Interval:
    """Return the mean of left - right and its 95 % interval; see `_interval`."""
    return _interval((np.array(left) - np.array(right)).tolist(), names)


def _interval(values: Sequence[float], names: Sequence[str]) -> Interval:
    """Return the mean of `values` and its 95 % interval from a bootstrap over interests.

    `names` has the interest of each value; all values of one are drawn together.
    """
    groups = {name: n for n, name in enumerate(dict.fromkeys(names))}
    owner = np.array([groups[name] for name in names])
    sums = np.bincount(owner, values)
    counts = np.bincount(owner)
    samples = np.random.default_rng(0).integers(0, len(groups), (RESAMPLES, len(groups)))
    means = sums[samples].sum(axis=1) / counts[samples].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975)).tolist()
    return round(float(np.mean(values)), 4), round(low, 4), round(high, 4)


def table(report: Report) -> str:
    """Return the report as text, by kind of reader: nDCG@10 / recall@100, then leads."""
    days = MEASURED_DAYS
    lines = []
    for kind, count in report.readers.items():
        lines.append(f"{kind}: {count} readers, nDCG@10 / recall@100 after each day")
        lines.append(f"{'':20}" + "".join(f"{day:>14}" for day in days))
        for name, curve in report.curves[kind].items():
            cells = (
                f"{curve[day]['ndcg@10']:.3f} / {curve[day]['recall@100']:.3f}" for day in days
            )
            lines.append(f"{name:20}" + "".join(f"{cell:>14}" for cell in cells))
        taps = report.curves[kind][PAPERBOY]
        cells = (f"{taps[day]['more']:.1f} + {taps[day]['less']:.1f}" for day in days)
        lines.append(f"{'taps: More + Less':20}" + "".join(f"{cell:>14}" for cell in cells))
        for name, lead in report.leads[kind].items():
            lines.append(f"lead over {name} in nDCG@10 (95 % interval)")
            lines.append("  " + ", ".join(f"{day}: {_format_interval(lead[day])}" for day in days))
        few = (f"{name} {_format_interval(values)}" for name, values in report.few[kind].items())
        lines += ["; ".join(few), ""]
    return "\n".join([*lines, f"{report.seconds:.0f} s"])


def _format_interval(values: Interval) -> str:
    mean, low, high = values
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
