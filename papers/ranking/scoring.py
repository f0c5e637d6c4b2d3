"""Trending scores of stored papers: collect signals, compute scores, write changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from papers import bulk, curation
from papers.models import Observation, Paper
from papers.ranking import trending
from papers.ranking.forecasting import clear_outdated, forecast_arrivals

SCORING_PERIOD = timedelta(days=30)  # counts of older papers hardly change
PRIOR_PAPERS = 10  # the mean heat of all fields counts as so many papers in the mean of a field
MIN_STANDING_CHANGE = 0.05  # doublings; a smaller change of a paper's standing is not written
WRITTEN_FIELDS = (
    *("forecast", "forecast_reason"),
    *("heat", "standing", "score", "score_parts", "scored_at"),
)


def rescore(now: datetime) -> int:
    """Score papers of the scoring period and those without a score; return how many were read.

    Only changed rows are written. The day is a term of the score, so that unchanged rows fall
    behind by themselves.
    """
    recent = Paper.objects.filter(Q(day__gt=now.date() - SCORING_PERIOD) | Q(scored_at=None))
    papers = list(recent.defer("abstract", "abstract_raw", "title_raw", "tldr", "note"))
    kinds = _kinds_by_paper(now)
    forecast_arrivals([paper for paper in papers if paper.scored_at is None], now)
    duplicates = curation.merged_papers()
    heats = [
        trending.trending_heat(
            collect_signals(paper, len(kinds.get(paper.pk, ())), duplicates.get(paper.pk, ()))
        )
        for paper in papers
    ]
    scored = list(zip(papers, heats, strict=True))
    usual = mean_heats([(paper.field, heat.total) for paper, heat in scored])
    outdated = clear_outdated(papers, now.date())
    changed = [
        paper
        for paper, heat in scored
        if _apply(paper, heat, usual[paper.field], now) or paper.pk in outdated
    ]
    with transaction.atomic():
        bulk.update(changed, WRITTEN_FIELDS)
    return len(papers)


def rescore_if_new(now: datetime) -> int:
    """Rescore if a paper has no score yet; return how many were read."""
    return rescore(now) if Paper.objects.filter(scored_at=None).exists() else 0


def collect_signals(paper: Paper, kinds: int, duplicates: Sequence[Paper] = ()) -> trending.Signals:
    """Return the signals of one paper and its duplicates; `kinds` of sources counted it.

    The same people may count both elsewhere, so the greatest of their counts is used. Votes of our
    own readers are added up, since they are one for each reader.
    """
    rows = (paper, *duplicates)
    return trending.Signals(
        votes=max(row.votes for row in rows) + sum(row.site_votes for row in rows),
        comments=max(row.comments for row in rows),
        stars=max(row.stars for row in rows),
        mentions=kinds or int(paper.featured_on is not None),
        reactions=sum(row.liked for row in rows),
        picked=paper.featured,
        authors=len(paper.authors),
    )


def mean_heats(heats: Sequence[tuple[str, float]]) -> Mapping[str, float]:
    """Return the mean heat by field, from pairs of field and heat; papers without heat are left
    out."""
    by_field: dict[str, list[float]] = defaultdict(list)
    for name, heat in heats:
        by_field[name] += [heat] * (heat > 0)
    positive = [heat for members in by_field.values() for heat in members]
    overall = sum(positive) / len(positive) if positive else 0.0
    return {
        name: (sum(members) + PRIOR_PAPERS * overall) / (len(members) + PRIOR_PAPERS)
        for name, members in by_field.items()
    }


def _kinds_by_paper(now: datetime) -> Mapping[int, set[str]]:
    """Return the kinds of sources that counted each paper lately, by its key."""
    kinds: dict[int, set[str]] = defaultdict(set)
    recent = Observation.objects.filter(observed_at__gt=now - SCORING_PERIOD)
    for pk, kind in recent.order_by().values_list("paper_id", "kind").distinct():
        kinds[pk].add(kind)
    return kinds


def _apply(paper: Paper, heat: trending.Heat, usual: float, now: datetime) -> bool:
    """Set the score on the row; return False if it is unchanged."""
    standing = heat.total - usual
    is_same = (paper.heat, paper.score_parts) == (heat.total, heat.parts | _usual_part(paper))
    if paper.scored_at and is_same and abs(paper.standing - standing) < MIN_STANDING_CHANGE:
        return False
    paper.heat, paper.standing = heat.total, standing
    paper.score = trending.score(heat.total, paper.day)
    paper.score_parts = heat.parts | {"usual": round(usual, 2)}
    paper.scored_at = now
    return True


def _usual_part(paper: Paper) -> dict[str, float]:
    return {"usual": paper.score_parts["usual"]} if "usual" in paper.score_parts else {}
