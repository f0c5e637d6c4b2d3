"""Evaluation of the forecast before the votes, beside simpler rankings.

All papers of an arXiv day are ranked from their announcement. The truth is whether
the community featured them, and how many votes they got. Weights are learnt only from
earlier months; authors' earlier features are those before the day.

It works on files and needs no database.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devtools.evaluation import json_lines
from devtools.evaluation.vote_metrics import (
    Metrics,
    Scores,
    mean_differences,
    mean_metrics,
    measure_order,
    share_among_ties,
)
from papers.ranking.forecast import Forecast
from papers.ranking.track_records import AnnouncedPaper, replay_records, team_records
from papers.text.identity import name_key

MIN_PAPERS, MIN_FEATURED = 100, 3  # of a day
FIRST = 50  # papers of the ranking that count
FAMOUS = 10  # earlier features of one author
TEAMS = (10, 20)  # authors

Progress = Callable[[Sequence[Any], str], Iterable[Any]]


class EarlyError(ValueError):
    """A file is invalid or has too few papers; str() is one line that says so."""


@dataclass(frozen=True, slots=True)
class Archive:
    """All papers, and the last count of the votes of each; 0 if it was never counted."""

    papers: list[AnnouncedPaper]
    votes: NDArray[np.int64]

    def days(self, first: date, last: date) -> list[NDArray[np.int64]]:
        """Return the places of the papers listed on each day that has enough of them."""
        by_day: dict[date, list[int]] = defaultdict(list)
        for place, paper in enumerate(self.papers):
            if paper.is_listed and first <= paper.day <= last:
                by_day[paper.day].append(place)
        return [
            np.array(by_day[day])
            for day in sorted(by_day)
            if len(by_day[day]) >= MIN_PAPERS
            and sum(self.papers[place].featured_on is not None for place in by_day[day])
            >= MIN_FEATURED
        ]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of all rankings.

    * `leads`: for each baseline and metric, the mean lead of the forecast over the days and the
      ends of its 95 % interval.
    * `groups`: for each group of papers, its share of all papers, of the featured ones and of the
      first fifty of each ranking, and the recall of its featured papers.
    """

    days: int
    papers: int
    featured: int
    rankings: dict[str, Metrics]
    leads: dict[str, dict[str, list[float]]]
    groups: dict[str, dict[str, float]]
    chosen: list[dict[str, float]]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def read_archive(papers: Path, observations: Path) -> Archive:
    """Read papers and the last counts of their votes; raise `EarlyError` for an invalid file."""
    votes = {
        row["arxiv_id"]: max(row["observations"], key=lambda count: count["at"])["upvotes"]
        for row in _rows(observations)
        if row["observations"]
    }
    rows = [row for row in _rows(papers) if row["listed"] or row["hf_day"]]
    keys = {name: name_key(name) for row in rows for name in row["authors"]}
    return Archive(
        [_announced(row, keys) for row in rows],
        np.array([votes.get(row["arxiv_id"], 0) for row in rows]),
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return list(json_lines.read_objects(path))
    except (OSError, ValueError) as error:
        raise EarlyError(f"{path}: {error}") from error


def _announced(row: Mapping[str, Any], keys: Mapping[str, str]) -> AnnouncedPaper:
    """Return a paper; one without categories comes from the community's page only."""
    return AnnouncedPaper(
        row["title"],
        row["abstract"],
        tuple(keys[name] for name in row["authors"]),
        date.fromisoformat(row["listed"] or row["hf_day"]),
        date.fromisoformat(row["hf_day"]) if row["hf_day"] else None,
        bool(row["listed"] and row["categories"]),
    )


def evaluate(
    archive: Archive,
    first: date,
    last: date,
    progress: Progress = lambda items, _label: items,
) -> Report:
    """Rank the papers of each day between two days, both included."""
    started = time.monotonic()
    days = archive.days(first, last)
    if not days:
        raise EarlyError(f"no day has {MIN_PAPERS} papers of which {MIN_FEATURED} were featured")
    papers = archive.papers
    is_featured = np.array([paper.featured_on is not None for paper in papers])
    features, signals = author_signals(papers)
    scores = {"forecast": predict(papers, days, progress)}
    scores["without names"] = predict(_without_names(papers), days, progress)
    scores["words"] = predict(_without_authors(papers), days, progress)
    scores |= signals | {"chance": np.zeros(len(papers))}
    measured = {
        name: [_measure_day(values, is_featured, archive.votes, day) for day in days]
        for name, values in scores.items()
    }
    listed = np.concatenate(days)
    return Report(
        len(days),
        len(listed),
        int(is_featured[listed].sum()),
        {name: mean_metrics(rows) for name, rows in measured.items()},
        {
            name: mean_differences(measured["forecast"], rows)
            for name, rows in measured.items()
            if name != "forecast"
        },
        measure_groups(_groups(papers, features), is_featured, scores, days),
        measure_chosen(scores["forecast"], is_featured, days),
        time.monotonic() - started,
    )


def predict(
    papers: Sequence[AnnouncedPaper],
    days: Sequence[NDArray[np.int64]],
    progress: Progress = lambda items, _label: items,
) -> Scores:
    """Return the forecast of each paper of the days, learnt before its month (papers)."""
    by_month: dict[date, list[int]] = defaultdict(list)
    for place in np.concatenate(days):
        by_month[papers[place].day.replace(day=1)].append(int(place))
    scores, records = np.zeros(len(papers)), team_records(papers)
    for month, places in progress(list(by_month.items()), "Learning by month"):
        model = Forecast.learn(papers, records, month)
        if model:
            scores[places] = model.log_odds([papers[at] for at in places], records[places])
    return scores


def _without_names(papers: Sequence[AnnouncedPaper]) -> list[AnnouncedPaper]:
    """Return the papers with as many authors, who have no record."""
    return [
        replace(paper, authors=tuple(f"{place}/{at}" for at in range(len(paper.authors))))
        for place, paper in enumerate(papers)
    ]


def _without_authors(papers: Sequence[AnnouncedPaper]) -> list[AnnouncedPaper]:
    return [replace(paper, authors=()) for paper in papers]


def author_signals(
    papers: Sequence[AnnouncedPaper],
) -> tuple[NDArray[np.int64], dict[str, Scores]]:
    """Return the best author's earlier features (papers), and the rankings by one signal."""
    best, total, rates = (np.zeros(len(papers)) for _signal in range(3))
    for records, places in replay_records(papers):
        for place in places:
            counts = records.feature_counts(papers[place].authors)
            best[place], total[place] = max(counts), sum(counts)
            rates[place] = records.team_record(papers[place].authors)
    numbers = np.array([len(paper.authors) for paper in papers], dtype=np.float64)
    return best.astype(np.int64), {
        "author count": numbers,
        "best author": best,
        "sum over authors": total,
        "track record": rates,
    }


def _measure_day(
    scores: Scores,
    is_featured: NDArray[np.bool_],
    votes: NDArray[np.int64],
    day: NDArray[np.int64],
) -> Metrics:
    """Return the metrics of one day; ties count as the mean of all their orders."""
    featured = is_featured[day]
    return {
        f"recall@{FIRST}": float(_first(scores[day], FIRST)[featured].sum() / featured.sum()),
        "precision@10": float(_first(scores[day], 10)[featured].sum() / 10),
        "votes ndcg@10": measure_order(scores[day], votes[day])["ndcg@10"],
    }


def _first(scores: Scores, count: int) -> Scores:
    """Return the probability of each paper to be among the first papers (papers)."""
    return share_among_ties(scores, np.arange(len(scores)) < count)


def _groups(
    papers: Sequence[AnnouncedPaper], best: NDArray[np.int64]
) -> dict[str, NDArray[np.bool_]]:
    numbers = np.array([len(paper.authors) for paper in papers])
    teams = {f"{size} authors or more": numbers >= size for size in TEAMS}
    famous = {f"an author with {FAMOUS} features": best >= FAMOUS}
    return teams | famous | {"no author with a feature": best == 0}


def measure_groups(
    groups: Mapping[str, NDArray[np.bool_]],
    is_featured: NDArray[np.bool_],
    scores: Mapping[str, Scores],
    days: Sequence[NDArray[np.int64]],
) -> dict[str, dict[str, float]]:
    """Return for each group its share in each ranking and the recall of its featured papers."""
    listed = np.concatenate(days)
    figures = {}
    for name, members in groups.items():
        featured = members & is_featured
        shares = {
            "of all": members[listed].mean(),
            "of the featured": featured[listed].sum() / is_featured[listed].sum(),
        }
        for ranking, values in scores.items():
            first = np.concatenate([_first(values[day], FIRST) for day in days])
            shares[f"of the first by {ranking}"] = first[members[listed]].sum() / first.sum()
            found = first[featured[listed]].sum()
            shares[f"recall by {ranking}"] = found / max(featured[listed].sum(), 1)
        figures[name] = {key: round(float(value), 4) for key, value in shares.items()}
    return figures


def measure_chosen(
    scores: Scores, is_featured: NDArray[np.bool_], days: Sequence[NDArray[np.int64]]
) -> list[dict[str, float]]:
    """Return, for bins of predicted probability, the papers and the share that was featured."""
    listed = np.concatenate(days)
    probability = 1 / (1 + np.exp(-scores[listed]))
    place = np.minimum((probability * 10).astype(int), 9)
    rows = []
    for number in range(10):
        inside = place == number
        if inside.any():
            predicted, found = probability[inside].mean(), is_featured[listed][inside].mean()
            rows.append(
                {
                    "papers": int(inside.sum()),
                    "predicted": round(float(predicted), 3),
                    "featured": round(float(found), 3),
                }
            )
    return rows


def table(report: Report) -> str:
    """Return the report as text: rankings with the forecast's lead, groups, probabilities."""
    lines = [f"{report.days} days, {report.papers} papers, {report.featured} featured"]
    for name, metrics in report.rankings.items():
        leads = report.leads.get(name)
        cells = [
            f"{metric} {value:.3f}" + (_interval(leads[metric]) if leads else " " * 25)
            for metric, value in metrics.items()
        ]
        lines.append(f"{name:17}" + "  ".join(cells).rstrip())
    for name, shares in report.groups.items():
        lines.append(f"papers with {name}")
        lines += [f"    {key:35} {value:.3f}" for key, value in shares.items()]
    lines.append("probability: predicted, featured")
    lines += [
        f"    {row['papers']:6} papers {row['predicted']:.3f} {row['featured']:.3f}"
        for row in report.chosen
    ]
    return "\n".join([*lines, f"{report.seconds:.0f} s"])


def _interval(lead: Sequence[float]) -> str:
    mean, low, high = lead
    return f" ({mean:+.3f}: {low:+.3f} to {high:+.3f})"
