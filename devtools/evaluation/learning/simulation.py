"""Evaluation of learning from taps: a digest a day for simulated readers. Pure.

A reader taps More on each paper of the digest from their interest, and Less on one other. After
a day, the learner ranks the held-out papers of the interest among OTHER_PAPERS others. Each
learner sends its own digests, so that it also learns only from papers that it found.
"""

from __future__ import annotations

import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from devtools.evaluation.baselines import TfidfFeatures
from devtools.evaluation.cases import Corpus
from devtools.evaluation.learning.learners import (
    Learner,
    Pool,
    Product,
    Rocchio,
    Svm,
    Taps,
)
from devtools.evaluation.learning.simulated_readers import SimulatedReader
from devtools.evaluation.ranking_metrics import Metrics, measure_ranking
from papers.vectors.lexicon import Lexicon

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
Step = Callable[[str], AbstractContextManager[Any]]
Interval = tuple[float, float, float]  # a mean, and the ends of its 95 % interval

OTHER_PAPERS = 1500  # that no reader wants, in the pool of held-out papers
MEASURED_DAYS = (0, 1, 2, 3, 5, 7, 10, 15, 20)
FEW_TAPS = 6  # compared with five given examples
AFTER_TAPS, AFTER_MORE = f"after {FEW_TAPS} taps", f"after {FEW_TAPS} More"
RESAMPLES = 10_000  # of interests, for the intervals
PAPERBOY, NO_LEARNING, GIVEN = "paperboy", "no learning", "five given examples"
METRICS = ("ndcg@10", "recall@100")


Curve = Mapping[int, Metrics]  # of one reader with one learner, by day


@dataclass(frozen=True, slots=True)
class Report:
    """Results of groups of readers: each half of the interests, and each kind of reader in it.

    `readers` and `interests` count them. `curves` has the mean metrics by learner and day. `leads`
    has the lead of the product over each other learner in nDCG@10, by day. `few` compares the
    product after FEW_TAPS taps, of either kind or More, with five given examples, in nDCG@10.
    """

    readers: dict[str, int]
    interests: dict[str, int]
    curves: dict[str, dict[str, dict[int, Metrics]]]
    leads: dict[str, dict[str, dict[int, Interval]]]
    few: dict[str, dict[str, Interval]]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "readers": self.readers,
            "interests": self.interests,
            "curves": self.curves,
            "leads": self.leads,
            "few": self.few,
            "seconds": round(self.seconds, 1),
        }


def evaluate(
    corpus: Corpus,
    readers: Sequence[SimulatedReader],
    lexicon: Lexicon,
    *,
    progress: Progress = lambda items, _label: items,
    step: Step = nullcontext,
) -> Report:
    """Simulate all days with the product and with each baseline."""
    started = time.monotonic()
    simulation = Simulation(corpus, lexicon, readers)
    with step("Computing features of the baselines"):
        features = TfidfFeatures.of_corpus(corpus, {reader.text for reader in readers} - {""})
    paperboy = Product(corpus)
    learners: dict[str, Learner] = {
        PAPERBOY: paperboy,
        "rocchio": Rocchio(features),
        "svm": Svm(features),
    }
    runs = {
        name: simulation.run(learner, progress, f"Days with {name}")
        for name, learner in learners.items()
    }
    history = runs[PAPERBOY].history
    starts = {
        NO_LEARNING: [Taps(reader) for reader in readers],
        GIVEN: [Taps(replace(reader, text="", examples=reader.given)) for reader in readers],
        AFTER_TAPS: [last_state(states, lambda taps: taps.count) for states in history],
        AFTER_MORE: [last_state(states, lambda taps: len(taps.more)) for states in history],
    }
    curves: dict[str, Sequence[Curve]] = {name: run.curves for name, run in runs.items()}
    for name, states in starts.items():
        found = simulation.measure(paperboy, states)
        curves[name] = [dict.fromkeys(MEASURED_DAYS, metrics) for metrics in found]
    return make_report(readers, curves, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class Run:
    """The curves of all readers with one learner, and their taps after each day, from 0 on."""

    curves: list[dict[int, Metrics]]
    history: list[list[Taps]]


def last_state(states: Sequence[Taps], count: Callable[[Taps], int]) -> Taps:
    """Return the last of these states with at most FEW_TAPS taps."""
    return [taps for taps in states if count(taps) <= FEW_TAPS][-1]


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
        self.days = sorted({day for reader in readers for day in reader.days})
        self.pool = Pool(corpus, lexicon, np.array([*held_out, *self.others.tolist()]))

    def run(
        self,
        learner: Learner,
        progress: Progress = lambda items, _label: items,
        label: str = "",
    ) -> Run:
        """Send digests of all days; return what readers tapped and how well each state ranks."""
        history = [[Taps(reader)] for reader in self.readers]
        starts = [states[0] for states in history]
        curves = [{0: metrics} for metrics in self.measure(learner, starts)]
        for day in progress(self.days, label):
            pool = Pool(self.corpus, self.lexicon, self.corpus.pools[day])
            places = [n for n, reader in enumerate(self.readers) if day in reader.days]
            digests = learner.choose([history[n][-1] for n in places], pool)
            for n, digest in zip(places, digests, strict=True):
                history[n].append(tap(history[n][-1], digest, day))
            places = [n for n in places if history[n][-1].days in MEASURED_DAYS]
            found = self.measure(learner, [history[n][-1] for n in places])
            for n, metrics in zip(places, found, strict=True):
                curves[n][history[n][-1].days] = metrics
        return Run(curves, history)

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


def tap(taps: Taps, digest: Sequence[int], day: str) -> Taps:
    """React to a digest: More on each wanted paper, Less on one other, by chance."""
    reader = taps.reader
    more = tuple(paper for paper in digest if paper in reader.wanted)
    less: tuple[int, ...] = ()
    if others := [paper for paper in digest if paper not in reader.wanted | reader.held_out]:
        name = f"{reader.interest} {reader.kind} {reader.seed} {day}"
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        less = (others[int(rng.integers(len(others)))],)
    return Taps(reader, taps.more + more, taps.less + less, taps.days + 1)


def make_report(
    readers: Sequence[SimulatedReader], curves: Mapping[str, Sequence[Curve]], seconds: float
) -> Report:
    """Return means and intervals for each kind of reader."""
    groups: dict[str, list[int]] = defaultdict(list)
    for n, reader in enumerate(readers):
        groups[f"{reader.half} half"].append(n)
    for n, reader in enumerate(readers):
        groups[f"{reader.half} half, {reader.kind}"].append(n)
    names = {group: [readers[n].interest for n in rows] for group, rows in groups.items()}
    report = Report(
        {group: len(rows) for group, rows in groups.items()},
        {group: len(set(own)) for group, own in names.items()},
        *({}, {}, {}),
        seconds,
    )
    for group, rows in groups.items():
        own = {name: [found[n] for n in rows] for name, found in curves.items()}
        paperboy = own.pop(PAPERBOY)
        few = {name: _values(own.pop(name), 0) for name in (AFTER_TAPS, AFTER_MORE)}
        report.curves[group] = {
            name: {day: _mean([curve[day] for curve in found]) for day in MEASURED_DAYS}
            for name, found in {PAPERBOY: paperboy, **own}.items()
        }
        report.leads[group] = {
            name: {
                day: paired_interval(_values(paperboy, day), _values(found, day), names[group])
                for day in MEASURED_DAYS
            }
            for name, found in own.items()
        }
        report.few[group] = _compare_few(few, _values(own[GIVEN], 0), names[group])
    return report


def _compare_few(
    few: Mapping[str, list[float]], given: list[float], names: Sequence[str]
) -> dict[str, Interval]:
    compared = {name: _interval(values, names) for name, values in {**few, GIVEN: given}.items()}
    leads = {f"lead {name}": paired_interval(values, given, names) for name, values in few.items()}
    return compared | leads


def _values(curves: Iterable[Curve], day: int) -> list[float]:
    return [curve[day]["ndcg@10"] for curve in curves]


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
    for group, count in report.readers.items():
        count_text = f"{count} readers of {report.interests[group]} interests"
        lines.append(f"{group}: {count_text}, nDCG@10 / recall@100 after each day")
        lines.append(f"{'':20}" + "".join(f"{day:>14}" for day in days))
        for name, curve in report.curves[group].items():
            cells = (
                f"{curve[day]['ndcg@10']:.3f} / {curve[day]['recall@100']:.3f}" for day in days
            )
            lines.append(f"{name:20}" + "".join(f"{cell:>14}" for cell in cells))
        taps = report.curves[group][PAPERBOY]
        cells = (f"{taps[day]['more']:.1f} + {taps[day]['less']:.1f}" for day in days)
        lines.append(f"{'taps: More + Less':20}" + "".join(f"{cell:>14}" for cell in cells))
        for name, lead in report.leads[group].items():
            lines.append(f"lead over {name} in nDCG@10 (95 % interval)")
            lines.append("  " + ", ".join(f"{day}: {_format_interval(lead[day])}" for day in days))
        few = (f"{name} {_format_interval(values)}" for name, values in report.few[group].items())
        lines += ["; ".join(few), ""]
    return "\n".join([*lines, f"{report.seconds:.0f} s"])


def _format_interval(values: Interval) -> str:
    mean, low, high = values
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
