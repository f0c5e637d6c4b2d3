"""Trending held against how votes really went on, next to simpler ways of ranking.

Recorded counts are replayed: what was known by an hour of the day on which papers were featured
ranks them, and their last counts are the truth. The product's own `heat` makes the scores, and the
appeal of words is learnt only from papers whose last count was in before the month of the day.
Works on files and needs no database. Ties are broken by a fixed shuffle, for every ranking alike.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devtools.evaluation import json_lines
from papers.ranking.trending import (
    USUAL_AUTHORS,
    USUAL_TITLE_LENGTH,
    Signals,
    trending_heat,
    votes_gained,
)
from papers.ranking.vote_prediction import Appeal, VotedPaper, weighted_text

HOURS = (8, 12, 26, 50, 74)  # the files count in the morning, then in the first hours of a day
LATER = timedelta(hours=24)  # the truth is so much later than what is known, or more
PAPERS = 10  # a day needs as many, of those whose later count is known
MANY_AUTHORS = 20
RESAMPLES = 2000

Scores = NDArray[np.float64]
Metrics = dict[str, float]
Ranker = Callable[["Case"], float]
Progress = Callable[[Sequence[Any], str], Iterable[Any]]


class ReplayError(ValueError):
    """A file is not what it should be; str() is one line that says what and where."""


@dataclass(frozen=True, slots=True)
class Count:
    """Votes, and comments where they were counted, at a moment."""

    at: datetime
    votes: int
    comments: int | None


@dataclass(frozen=True, slots=True)
class Text:
    """What is known of a paper but for its votes."""

    title: str
    abstract: str
    authors: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A paper with its counts, oldest first; `appeal` as it was known on its day."""

    key: str
    day: date
    published: datetime | None
    counts: tuple[Count, ...]
    text: Text | None
    appeal: float = 0.0

    @property
    def opened(self) -> datetime:
        """When its day began (UTC)."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Case:
    """A paper at an hour of its day: what is known of it then, and its votes in the end."""

    paper: Recorded
    known: tuple[Count, ...]
    at: datetime
    votes_at_last: int

    def signals(self) -> Signals:
        """What the product would know."""
        newest, text = self.known[-1], self.paper.text
        comments = [count.comments for count in self.known if count.comments is not None]
        return Signals(
            votes=newest.votes,
            rise=votes_gained([(count.at, count.votes) for count in self.known]),
            comments=comments[-1] if comments else 0,
            mentions=1,
            authors=text.authors if text else 1,
            title=len(text.title) if text else USUAL_TITLE_LENGTH,
            appeal=self.paper.appeal,
        )


@dataclass(frozen=True, slots=True)
class Hour:
    """What was measured at one hour. `better_by` has for each baseline and metric the mean of the
    days' differences, and the ends of its 95 % interval; `authors` how much further up papers with
    many authors stand than others, in shares of the day's list."""

    days: int
    papers: int
    paperboy: Metrics
    uncorrected: Metrics
    baselines: dict[str, Metrics]
    better_by: dict[str, dict[str, list[float]]]
    bare_better_by: dict[str, dict[str, list[float]]]
    authors: Metrics

    def as_json(self) -> dict[str, Any]:
        return {
            "days": self.days,
            "papers": self.papers,
            "paperboy": self.paperboy,
            "paperboy without the correction for authors": self.uncorrected,
            "baselines": self.baselines,
            "better by": self.better_by,
            "better by, without the correction": self.bare_better_by,
            "authors": self.authors,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Each hour's figures; those of all hours are their means."""

    hours: dict[int, Hour]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        hours = list(self.hours.values())
        names = list(hours[0].baselines)
        return {
            "paperboy": _mean([hour.paperboy for hour in hours]),
            "baselines": {name: _mean([hour.baselines[name] for hour in hours]) for name in names},
            "hours": {str(number): hour.as_json() for number, hour in self.hours.items()},
            "seconds": round(self.seconds, 1),
        }


# --- Rankings -----------------------------------------------------------------------------------


def paperboy(case: Case) -> float:
    """The product's order."""
    return trending_heat(case.signals()).total


def uncorrected(case: Case) -> float:
    """The same, had nobody more than the usual number of authors."""
    return trending_heat(replace(case.signals(), authors=USUAL_AUTHORS)).total


def current_votes(case: Case) -> float:
    return float(case.known[-1].votes)


def votes_per_hour(case: Case) -> float:
    return case.known[-1].votes / _age(case)


def hacker_news(case: Case) -> float:
    """(votes - 1) / (age + 2)^1.8, the formula of its early source."""
    return float((case.known[-1].votes - 1) / (_age(case) + 2) ** 1.8)


def _age(case: Case) -> float:
    """Hours since publication; since the day began where that is not known."""
    since = case.paper.published or case.paper.opened
    return max((case.at - since) / timedelta(hours=1), 1.0)


BASELINES: Mapping[str, Ranker] = {
    "current votes": current_votes,
    "votes per hour": votes_per_hour,
    "hacker news": hacker_news,
}


# --- Measuring ----------------------------------------------------------------------------------


def evaluate(
    papers: Sequence[Recorded],
    hours: Iterable[int] = HOURS,
    days: str | None = None,
    progress: Progress = lambda items, _what: items,
) -> Report:
    """Replay the days at each hour; an hour at which no day has enough papers is left out.

    `days`: "odd" or "even" days of the month only; words are learnt from all days before.
    `progress` shows the caller's user what is done (see config/progress.py).
    """
    started = time.monotonic()
    shuffled = np.random.default_rng(0).permutation(len(papers))
    told = with_appeal([papers[place] for place in shuffled], progress)
    if days:
        told = [paper for paper in told if (paper.day.day % 2 == 1) == (days == "odd")]
    found = {hour: chosen for hour in hours if (chosen := cases(told, hour))}
    if not found:
        raise ReplayError(f"no day has {PAPERS} papers with a count {LATER} after an early one")
    shown = progress(list(found.items()), "Ranking, hour by hour")
    measured = {hour: _measured(chosen) for hour, chosen in shown}
    return Report(measured, time.monotonic() - started)


def with_appeal(
    papers: Sequence[Recorded], progress: Progress = lambda items, _what: items
) -> list[Recorded]:
    """The papers, each with the appeal of its words as learnt before its month."""
    months: dict[date, list[Recorded]] = defaultdict(list)
    for paper in papers:
        months[paper.day.replace(day=1)].append(paper)
    told = []
    for month, members in progress(list(months.items()), "Learning, month by month"):
        earlier = [one for one in papers if one.counts[-1].at.date() < month]
        learnt = Appeal.learn([voted for one in earlier if (voted := _voted(one))])
        appeals = learnt.predict([_words(paper) for paper in members])
        told += [
            replace(paper, appeal=float(appeal))
            for paper, appeal in zip(members, appeals, strict=True)
        ]
    return told


def cases(papers: Iterable[Recorded], hour: int) -> list[list[Case]]:
    """What is known by the hour, a list a day, of days with enough papers."""
    days: dict[date, list[Case]] = defaultdict(list)
    for paper in papers:
        at = paper.opened + timedelta(hours=hour)
        known = tuple(count for count in paper.counts if count.at <= at)
        last = paper.counts[-1]
        if known and last.at >= at + LATER:
            days[paper.day].append(Case(paper, known, at, last.votes))
    return [days[day] for day in sorted(days) if len(days[day]) >= PAPERS]


def measure(scores: Scores, votes: NDArray[np.int64]) -> Metrics:
    """How well the scores put first what gets most votes, as expected over all orders of ties.

    A place's gain is the votes. Right among the first ten is what has as many votes as the tenth.
    """
    weights = np.zeros(len(scores))
    weights[:10] = 1.0 / np.log2(np.arange(len(weights[:10])) + 2.0)
    best = -np.sort(-votes)
    right = votes >= best[:10][-1]
    first = _shared(scores, np.arange(len(scores)) < 10)
    gained, ideal = float(votes @ _shared(scores, weights)), float(best @ weights)
    return {
        "ndcg@10": gained / ideal if ideal else 1.0,
        "precision@10": float(first[right].sum() / first.sum()),
        "kendall_tau": _tau(scores, votes),
    }


def _shared(scores: Scores, by_place: NDArray[Any]) -> Scores:
    """What each paper has of the places from the first on; those of one score share theirs."""
    _values, group = np.unique(-scores, return_inverse=True)
    counts = np.bincount(group)
    totals = np.bincount(np.sort(group), weights=by_place.astype(np.float64))
    return np.asarray((totals / counts)[group])


def _tau(scores: Scores, votes: NDArray[np.int64]) -> float:
    """Kendall's tau of an order without ties: a tie of the scores is right as often as wrong."""
    ordered = np.sign(scores[:, None] - scores) * np.sign(votes[:, None] - votes)
    pairs = len(votes) * (len(votes) - 1)
    apart = int((votes[:, None] != votes).sum())
    return float(ordered.sum() / np.sqrt(pairs * apart)) if apart else 0.0


def _measured(days: Sequence[Sequence[Case]]) -> Hour:
    truths = [np.array([case.votes_at_last for case in day]) for day in days]

    def by_day(rank: Ranker) -> list[Scores]:
        return [np.array([rank(case) for case in day]) for day in days]

    def metrics(ranked: Sequence[Scores]) -> list[Metrics]:
        return [measure(scores, truth) for scores, truth in zip(ranked, truths, strict=True)]

    ours, bare = by_day(paperboy), by_day(uncorrected)
    product, plain = metrics(ours), metrics(bare)
    baselines = {name: metrics(by_day(rank)) for name, rank in BASELINES.items()}
    return Hour(
        days=len(days),
        papers=sum(map(len, days)),
        paperboy=_mean(product),
        uncorrected=_mean(plain),
        baselines={name: _mean(found) for name, found in baselines.items()},
        better_by={name: _differences(product, found) for name, found in baselines.items()},
        bare_better_by={name: _differences(plain, found) for name, found in baselines.items()},
        authors={
            "current votes": ahead(days, by_day(current_votes)),
            "before the correction": ahead(days, bare),
            "after the correction": ahead(days, ours),
            "last votes": ahead(days, [truth.astype(np.float64) for truth in truths]),
        },
    )


def ahead(days: Sequence[Sequence[Case]], ranked: Sequence[Scores]) -> float:
    """How much further up papers with many authors stand than others, on average, as a share of
    the day's list: 0 as far as others, 0.2 a fifth of the list further up."""
    many: list[float] = []
    others: list[float] = []
    for day, scores in zip(days, ranked, strict=True):
        places = np.empty(len(day))
        places[np.argsort(-scores, kind="stable")] = (np.arange(len(day)) + 1) / len(day)
        for case, place in zip(day, places, strict=True):
            if case.paper.text:
                (many if case.paper.text.authors > MANY_AUTHORS else others).append(place)
    return round(float(np.mean(others) - np.mean(many)), 4) if many and others else 0.0


def _differences(ours: Sequence[Metrics], theirs: Sequence[Metrics]) -> dict[str, list[float]]:
    """For each metric the mean of the days' differences, and its 95 % interval (bootstrap over
    days)."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(ours), (RESAMPLES, len(ours)))
    found = {}
    for name in ours[0]:
        apart = np.array([a[name] - b[name] for a, b in zip(ours, theirs, strict=True)])
        low, high = np.percentile(apart[drawn].mean(axis=1), [2.5, 97.5])
        found[name] = [round(float(value), 4) for value in (apart.mean(), low, high)]
    return found


def _mean(measured: Sequence[Metrics]) -> Metrics:
    return {
        name: round(float(np.mean([metrics[name] for metrics in measured])), 4)
        for name in measured[0]
    }


def table(report: Report) -> str:
    """The report for people: for each hour a row for the product and for each baseline, with what
    the product is better by and the interval of that."""
    lines = []
    for number, hour in report.hours.items():
        lines.append(f"by hour {number}: {hour.papers} papers of {hour.days} days")
        lines.append(_row("paperboy", hour.paperboy))
        lines.append(_row("  uncorrected", hour.uncorrected))
        for name, metrics in hour.baselines.items():
            lines.append(_row(name, metrics, hour.better_by[name]))
        shares = ", ".join(f"{name} {share:.3f}" for name, share in hour.authors.items())
        lines.append(f"  more than {MANY_AUTHORS} authors, further up by: {shares}")
    return "\n".join([*lines, f"{report.seconds:.0f} s"])


def _row(name: str, metrics: Metrics, better: Mapping[str, list[float]] | None = None) -> str:
    def cell(metric: str, value: float) -> str:
        if not better:
            return f"{metric} {value:.4f}{'':26}"
        apart, low, high = better[metric]
        return f"{metric} {value:.4f} ({apart:+.4f}: {low:+.4f} to {high:+.4f})"

    cells = "  ".join(cell(metric, value) for metric, value in metrics.items())
    return f"  {name:16} {cells}".rstrip()


# --- Files --------------------------------------------------------------------------------------


def read(observations: Path, papers: Path | None) -> list[Recorded]:
    """The papers of a file of observations, with their texts where a file has those."""
    rows = _rows(observations)
    texts = _texts(papers, {row["arxiv_id"] for row in rows}) if papers else {}
    found = []
    for row in rows:
        try:
            found.append(_recorded(row, texts.get(row["arxiv_id"])))
        except (KeyError, TypeError, ValueError) as problem:
            raise ReplayError(f"{observations}: {row.get('arxiv_id')}: {problem!r}") from problem
    return [paper for paper in found if paper]


def _texts(path: Path, wanted: set[str]) -> dict[str, Text]:
    try:
        return {
            row["arxiv_id"]: Text(row["title"], row["abstract"], len(row["authors"]))
            for row in json_lines.read_objects(path)
            if row["arxiv_id"] in wanted
        }
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ReplayError(f"{path}: {problem!r}") from problem


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return list(json_lines.read_objects(path))
    except (OSError, ValueError) as problem:
        raise ReplayError(f"{path}: {problem}") from problem


def _recorded(row: Mapping[str, Any], text: Text | None) -> Recorded | None:
    """None for a paper whose day is not known: its day is the one it was featured on, or the one
    before the first daily list, read after midnight, that has it."""
    counts = sorted(
        (datetime.fromisoformat(one["at"]), one["upvotes"], one["comments"], one["source"])
        for one in row["observations"]
    )
    if row["hf_day"]:
        day = date.fromisoformat(row["hf_day"])
    elif counts and counts[0][3] == "rss_daily":
        day = counts[0][0].astimezone(UTC).date() - timedelta(days=1)
    else:
        return None
    return Recorded(
        key=row["arxiv_id"],
        day=day,
        published=datetime.fromisoformat(row["published"]) if row["published"] else None,
        counts=tuple(Count(at, votes, comments) for at, votes, comments, _source in counts),
        text=text,
    )


def _voted(paper: Recorded) -> VotedPaper | None:
    return VotedPaper(_words(paper), paper.day, paper.counts[-1].votes) if paper.text else None


def _words(paper: Recorded) -> str:
    return weighted_text(paper.text.title, paper.text.abstract) if paper.text else ""
