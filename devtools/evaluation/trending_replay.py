"""Evaluation of trending on recorded votes, beside simpler rankings.

Papers are ranked by the counts known at an hour of the day on which they were featured; their last
counts are the truth. The product's `trending_heat` computes the scores.

It works on files and needs no database. Ties are broken by a fixed shuffle for every ranking.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from devtools.evaluation.recorded_votes import Count, RecordedPaper, ReplayError
from devtools.evaluation.vote_metrics import (
    Metrics,
    Scores,
    mean_differences,
    mean_metrics,
    measure_order,
)
from papers.ranking.trending import USUAL_AUTHORS, Signals, trending_heat

HOURS = (8, 12, 26, 50, 74)  # the files have counts in the morning, later at the start of a day
MIN_DELAY = timedelta(hours=24)  # between the counts known and the last count
MIN_PAPERS = 10  # of a day, with a late enough last count
MANY_AUTHORS = 20

Ranker = Callable[["Case"], float]
Progress = Callable[[Sequence[Any], str], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """A paper at an hour of its day: the counts until then, and its last votes."""

    paper: RecordedPaper
    counts: tuple[Count, ...]
    at: datetime
    last_votes: int

    def signals(self) -> Signals:
        """Return the signals the product would have."""
        newest, authors = self.counts[-1], self.paper.authors
        comments = [count.comments for count in self.counts if count.comments is not None]
        return Signals(
            votes=newest.votes,
            comments=comments[-1] if comments else 0,
            mentions=1,
            authors=authors or 1,
        )


@dataclass(frozen=True, slots=True)
class Hour:
    """The figures of one hour.

    * `better_by`: for each baseline and metric, the mean difference of the days and the ends of its
      95 % interval.
    * `authors`: how much higher papers with many authors rank, as a share of the day's list.
    """

    days: int
    papers: int
    paperboy: Metrics
    uncorrected: Metrics
    baselines: dict[str, Metrics]
    better_by: dict[str, dict[str, list[float]]]
    uncorrected_better_by: dict[str, dict[str, list[float]]]
    authors: Metrics

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "days": self.days,
            "papers": self.papers,
            "paperboy": self.paperboy,
            "paperboy without the correction for authors": self.uncorrected,
            "baselines": self.baselines,
            "better by": self.better_by,
            "better by, without the correction": self.uncorrected_better_by,
            "authors": self.authors,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of each hour; those of all hours are their means."""

    hours: dict[int, Hour]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        hours = list(self.hours.values())
        names = list(hours[0].baselines)
        return {
            "paperboy": mean_metrics([hour.paperboy for hour in hours]),
            "baselines": {
                name: mean_metrics([hour.baselines[name] for hour in hours]) for name in names
            },
            "hours": {str(number): hour.as_json() for number, hour in self.hours.items()},
            "seconds": round(self.seconds, 1),
        }


def rank_by_heat(case: Case) -> float:
    """Return the product's score."""
    return trending_heat(case.signals()).total


def rank_uncorrected(case: Case) -> float:
    """Return the product's score without its correction for long author lists."""
    return trending_heat(replace(case.signals(), authors=USUAL_AUTHORS)).total


def rank_by_votes(case: Case) -> float:
    """Return the current votes."""
    return float(case.counts[-1].votes)


def rank_by_votes_per_hour(case: Case) -> float:
    """Return the current votes per hour since publication."""
    return case.counts[-1].votes / _age(case)


def rank_as_hacker_news(case: Case) -> float:
    """Return (votes - 1) / (age + 2)^1.8, the formula of its early source."""
    return float((case.counts[-1].votes - 1) / (_age(case) + 2) ** 1.8)


def _age(case: Case) -> float:
    """Return hours since publication, or since the start of the day if that is unknown."""
    since = case.paper.published or case.paper.day_start
    return max((case.at - since) / timedelta(hours=1), 1.0)


BASELINES: Mapping[str, Ranker] = {
    "current votes": rank_by_votes,
    "votes per hour": rank_by_votes_per_hour,
    "hacker news": rank_as_hacker_news,
}


def evaluate(
    papers: Sequence[RecordedPaper],
    hours: Iterable[int] = HOURS,
    days: str | None = None,
    progress: Progress = lambda items, _label: items,
) -> Report:
    """Replay the days at each hour; leave out hours at which no day has enough papers.

    `days` limits the evaluation to "odd" or "even" days of the month. `progress` reports progress
    to the user; see config/progress.py.
    """
    started = time.monotonic()
    shuffled = np.random.default_rng(0).permutation(len(papers))
    chosen = [papers[place] for place in shuffled]
    if days:
        chosen = [paper for paper in chosen if (paper.day.day % 2 == 1) == (days == "odd")]
    cases = {hour: by_day for hour in hours if (by_day := cases_by_day(chosen, hour))}
    if not cases:
        raise ReplayError(
            f"no day has {MIN_PAPERS} papers with a count {MIN_DELAY} after the first"
        )
    tracked = progress(list(cases.items()), "Ranking by hour")
    measured = {hour: _measure_hour(by_day) for hour, by_day in tracked}
    return Report(measured, time.monotonic() - started)


def cases_by_day(papers: Iterable[RecordedPaper], hour: int) -> list[list[Case]]:
    """Return the cases at an hour, as a list for each day with enough papers."""
    days: dict[date, list[Case]] = defaultdict(list)
    for paper in papers:
        at = paper.day_start + timedelta(hours=hour)
        counts = tuple(count for count in paper.counts if count.at <= at)
        last = paper.counts[-1]
        if counts and last.at >= at + MIN_DELAY:
            days[paper.day].append(Case(paper, counts, at, last.votes))
    return [days[day] for day in sorted(days) if len(days[day]) >= MIN_PAPERS]


def _measure_hour(days: Sequence[Sequence[Case]]) -> Hour:
    last_votes = [np.array([case.last_votes for case in day]) for day in days]

    def rank(ranker: Ranker) -> list[Scores]:
        return [np.array([ranker(case) for case in day]) for day in days]

    def measure(ranked: Sequence[Scores]) -> list[Metrics]:
        return [
            measure_order(scores, votes) for scores, votes in zip(ranked, last_votes, strict=True)
        ]

    corrected, uncorrected = rank(rank_by_heat), rank(rank_uncorrected)
    product, product_uncorrected = measure(corrected), measure(uncorrected)
    baselines = {name: measure(rank(ranker)) for name, ranker in BASELINES.items()}
    return Hour(
        days=len(days),
        papers=sum(map(len, days)),
        paperboy=mean_metrics(product),
        uncorrected=mean_metrics(product_uncorrected),
        baselines={name: mean_metrics(rows) for name, rows in baselines.items()},
        better_by={name: mean_differences(product, rows) for name, rows in baselines.items()},
        uncorrected_better_by={
            name: mean_differences(product_uncorrected, rows) for name, rows in baselines.items()
        },
        authors={
            "current votes": many_authors_lead(days, rank(rank_by_votes)),
            "before the correction": many_authors_lead(days, uncorrected),
            "after the correction": many_authors_lead(days, corrected),
            "last votes": many_authors_lead(
                days, [votes.astype(np.float64) for votes in last_votes]
            ),
        },
    )


def many_authors_lead(days: Sequence[Sequence[Case]], ranked: Sequence[Scores]) -> float:
    """Return how much higher papers with many authors rank than others, on average.

    The result is a share of the day's list: 0 for equal, 0.2 for a fifth of the list higher.
    """
    many: list[float] = []
    others: list[float] = []
    for day, scores in zip(days, ranked, strict=True):
        ranks = np.empty(len(day))
        ranks[np.argsort(-scores, kind="stable")] = (np.arange(len(day)) + 1) / len(day)
        for case, rank in zip(day, ranks, strict=True):
            if case.paper.authors:
                (many if case.paper.authors > MANY_AUTHORS else others).append(rank)
    return round(float(np.mean(others) - np.mean(many)), 4) if many and others else 0.0


def table(report: Report) -> str:
    """Return the report as text.

    For each hour, it has a row for the product and for each baseline, with the lead of the product
    over the baseline and its interval.
    """
    lines = []
    for number, hour in report.hours.items():
        lines.append(f"by hour {number}: {hour.papers} papers of {hour.days} days")
        lines.append(_table_row("paperboy", hour.paperboy))
        lines.append(_table_row("  uncorrected", hour.uncorrected))
        for name, metrics in hour.baselines.items():
            lines.append(_table_row(name, metrics, hour.better_by[name]))
        leads = ", ".join(f"{name} {lead:.3f}" for name, lead in hour.authors.items())
        lines.append(f"  lead of papers with more than {MANY_AUTHORS} authors: {leads}")
    return "\n".join([*lines, f"{report.seconds:.0f} s"])


def _table_row(
    name: str, metrics: Metrics, better_by: Mapping[str, list[float]] | None = None
) -> str:
    def cell(metric: str, value: float) -> str:
        if not better_by:
            return f"{metric} {value:.4f}{'':26}"
        difference, low, high = better_by[metric]
        return f"{metric} {value:.4f} ({difference:+.4f}: {low:+.4f} to {high:+.4f})"

    cells = "  ".join(cell(metric, value) for metric, value in metrics.items())
    return f"  {name:16} {cells}".rstrip()
