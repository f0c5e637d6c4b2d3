"""Forecasts of stored papers: learn the model, predict arrivals, count hits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from papers.models import Paper, StoredForecast
from papers.ranking.forecast import LIKELY, Forecast
from papers.ranking.hit_rate import HitRate, count_hits, settled_period
from papers.ranking.track_records import (
    AnnouncedPaper,
    TrackRecords,
    records_until,
    team_records,
)
from papers.text.identity import name_key

MAX_TRAINING_PAPERS = 60_000  # the newest
ARRIVES_WITHIN = timedelta(days=2)  # after its list; later, the outcome may be known
SHOWN_FOR = timedelta(days=3)  # four in five are featured by then or never
MAX_STORED = 3  # models
REASON_WORDS, REASON_AUTHORS = 3, 2


@dataclass(frozen=True, slots=True)
class CurrentForecast:
    """The model in use, authors' records until it was learnt, and the hit rate by then."""

    model: Forecast
    records: TrackRecords
    hits: HitRate


def learn_forecast(now: datetime) -> StoredForecast | None:
    """Learn and store a model; return None while too few papers were featured."""
    papers = _announced_papers()
    until = now.date()
    model = Forecast.learn(papers, team_records(papers), until)
    if not model:
        return None
    records = records_until(papers, until).as_json()
    stored = StoredForecast.objects.create(
        data=json.dumps({"model": model.as_json(), "records": records}).encode(),
        papers=len(papers),
        hits=measure_hits(until).as_json(),
        made_at=now,
    )
    newest = StoredForecast.objects.order_by("-made_at", "-pk").values_list("pk", flat=True)
    StoredForecast.objects.filter(pk__in=list(newest[MAX_STORED:])).delete()
    return stored


def current_hits() -> HitRate | None:
    """Return the published hit rate; None while there is no model or nothing was forecast."""
    newest = StoredForecast.objects.order_by("-made_at", "-pk").values_list("hits", flat=True)
    hits = newest.first()
    return HitRate.from_json(hits) if hits and hits["likely"] else None


def measure_hits(today: date) -> HitRate:
    """Count the hits among the papers whose outcome is known."""
    listed = Paper.objects.filter(listed_on__range=settled_period(today))
    rows = listed.exclude(forecast=None).values_list("forecast", "listed_on", "featured_on")
    return count_hits(
        ((forecast or 0.0, listed, featured) for forecast, listed, featured in rows), today
    )


def forecast_arrivals(papers: Sequence[Paper], now: datetime) -> None:
    """Set the forecast of papers that arrived with a list of today or yesterday.

    Featured papers and revisions get none. A reason is set only if the paper is likely to trend
    and the hit rate so far is better than chance.
    """
    arrivals = [paper for paper in papers if _is_arrival(paper, now.date())]
    current = _load_current() if arrivals else None
    if not current:
        return
    pks = [paper.pk for paper in arrivals]
    abstracts = dict(Paper.objects.filter(pk__in=pks).values_list("pk", "abstract"))
    announced = [_announced(paper, abstracts.get(paper.pk, "")) for paper in arrivals]
    teams = np.array([current.records.team_record(paper.authors) for paper in announced])
    chances = current.model.probabilities(announced, teams)
    for paper, known, chance in zip(arrivals, announced, chances, strict=True):
        paper.forecast = round(float(chance), 4)
        if chance >= LIKELY and current.hits.beats_chance:
            paper.forecast_reason = _reason(paper, known, current)


def clear_outdated(papers: Sequence[Paper], today: date) -> set[int]:
    """Clear the reasons of forecasts that are no longer shown; return the keys of their papers.

    A forecast is shown until the paper is featured, for at most three days.
    """
    outdated = [
        paper
        for paper in papers
        if paper.forecast_reason and (paper.featured_on or today - paper.listed_on >= SHOWN_FOR)
    ]
    for paper in outdated:
        paper.forecast_reason = {}
    return {paper.pk for paper in outdated}


def _is_arrival(paper: Paper, today: date) -> bool:
    """Return whether an arXiv list announced a paper just now, and nobody featured it yet."""
    is_new = paper.scored_at is None and paper.forecast is None
    is_listed = _is_listed(paper.primary_category, paper.announce_type)
    return (
        is_new and is_listed and not paper.featured_on and today - paper.listed_on < ARRIVES_WITHIN
    )


def _is_listed(field: str, announce_type: str) -> bool:
    """Return whether a list announced the paper; a paper that was only featured has no field."""
    return bool(field) and not announce_type.startswith("replace")


def _reason(paper: Paper, known: AnnouncedPaper, current: CurrentForecast) -> dict[str, list[str]]:
    places = current.records.known_authors(known.authors, REASON_AUTHORS)
    return {
        "authors": [paper.authors[place] for place in places],
        "words": current.model.telling_words(known, REASON_WORDS),
    }


def _announced_papers() -> list[AnnouncedPaper]:
    rows = Paper.objects.order_by("-day", "-pk").values_list(
        *("title", "abstract", "authors", "listed_on", "featured_on", "field", "announce_type")
    )
    return [
        AnnouncedPaper(
            title, abstract, _keys(authors), listed, featured, _is_listed(field, announce_type)
        )
        for title, abstract, authors, listed, featured, field, announce_type in rows[
            :MAX_TRAINING_PAPERS
        ].iterator()
    ]


def _announced(paper: Paper, abstract: str) -> AnnouncedPaper:
    return AnnouncedPaper(paper.title, abstract, _keys(paper.authors), paper.listed_on)


def _keys(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name_key(name) for name in names)


def _load_current() -> CurrentForecast | None:
    newest = StoredForecast.objects.order_by("-made_at", "-pk").values_list("pk", flat=True)
    pk = newest.first()
    return _load(pk) if pk else None


@lru_cache(maxsize=1)
def _load(pk: int) -> CurrentForecast:
    stored = StoredForecast.objects.get(pk=pk)
    values = json.loads(bytes(stored.data))
    return CurrentForecast(
        Forecast.from_json(values["model"]),
        TrackRecords.from_json(values["records"]),
        HitRate.from_json(stored.hits),
    )
