"""Trending scores of stored papers: collect signals, compute scores, write changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from papers import bulk, community, curation
from papers.models import Observation, Paper, StoredAppeal
from papers.ranking import trending
from papers.ranking.vote_prediction import MIN_PAPERS, Appeal, VotedPaper, weighted_text

SCORING_PERIOD = timedelta(days=30)  # counts of older papers hardly change
VOTES_FINAL_AFTER = timedelta(days=4)
MAX_TRAINING_PAPERS = 20_000  # the newest
PRIOR_PAPERS = 10  # the mean heat of all fields counts as so many papers in the mean of a field
MIN_STANDING_CHANGE = 0.05  # doublings; a smaller change of a paper's standing is not written
WRITTEN_FIELDS = ("appeal", "heat", "standing", "score", "score_parts", "scored_at")
MAX_STORED = 3  # appeal models


@dataclass(slots=True)
class Counts:
    """Counts of one paper over time, oldest first, and the kinds of sources they are from."""

    votes: list[tuple[datetime, int]] = field(default_factory=list)
    stars: list[tuple[datetime, int]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)


def rescore(now: datetime) -> int:
    """Score papers of the scoring period and those without a score; return how many were read.

    Only changed rows are written. The day is a term of the score, so that unchanged rows fall
    behind by themselves.
    """
    recent = Paper.objects.filter(Q(day__gt=now.date() - SCORING_PERIOD) | Q(scored_at=None))
    papers = list(recent.defer("abstract", "abstract_raw", "title_raw", "tldr", "note"))
    counts = _counts_by_paper(now)
    predict_appeal([paper for paper in papers if paper.appeal is None])
    duplicates = curation.merged_papers()
    heats = [
        trending.trending_heat(
            collect_signals(paper, counts.get(paper.pk, Counts()), duplicates.get(paper.pk, ()))
        )
        for paper in papers
    ]
    scored = list(zip(papers, heats, strict=True))
    usual = mean_heats([(paper.field, heat.total) for paper, heat in scored])
    changed = [paper for paper, heat in scored if _apply(paper, heat, usual[paper.field], now)]
    with transaction.atomic():
        bulk.update(changed, WRITTEN_FIELDS)
    return len(papers)


def rescore_if_new(now: datetime) -> int:
    """Rescore if a paper has no score yet; return how many were read."""
    return rescore(now) if Paper.objects.filter(scored_at=None).exists() else 0


def collect_signals(
    paper: Paper, counts: Counts, duplicates: Sequence[Paper] = ()
) -> trending.Signals:
    """Return the signals of one paper and its duplicates.

    The same people may count both elsewhere, so the greatest of their counts is used. Votes of our
    own readers are added up, since they are one for each reader.
    """
    rows = (paper, *duplicates)
    return trending.Signals(
        votes=max(row.votes for row in rows) + sum(row.site_votes for row in rows),
        rise=trending.votes_gained(counts.votes),
        comments=max(row.comments for row in rows),
        stars=max(row.stars for row in rows),
        new_stars=trending.votes_gained(counts.stars),
        mentions=len(counts.kinds) or int(paper.featured_on is not None),
        reactions=sum(row.liked for row in rows),
        picked=paper.featured,
        authors=len(paper.authors),
        title=len(paper.title),
        appeal=paper.appeal or 0.0,
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


def learn_appeal(now: datetime) -> StoredAppeal | None:
    """Learn and store an appeal model; return None while too few papers have final votes."""
    counted = Observation.objects.filter(paper=OuterRef("pk"), votes__isnull=False)
    voted = Paper.objects.filter(Exists(counted.exclude(kind=community.OBSERVATION_KIND)))
    rows = voted.filter(day__lte=now.date() - VOTES_FINAL_AFTER).order_by("-day", "-pk")
    values = rows.values_list("title", "abstract", "day", "votes")[:MAX_TRAINING_PAPERS]
    papers = [
        VotedPaper(weighted_text(title, abstract), day, votes)
        for title, abstract, day, votes in values
    ]
    if len(papers) < MIN_PAPERS:
        return None
    data = Appeal.learn(papers).dumps()
    stored = StoredAppeal.objects.create(data=data, papers=len(papers), made_at=now)
    newest = StoredAppeal.objects.order_by("-made_at", "-pk").values_list("pk", flat=True)
    StoredAppeal.objects.filter(pk__in=list(newest[MAX_STORED:])).delete()
    return stored


def predict_appeal(papers: Sequence[Paper]) -> None:
    """Set the appeal of papers by the newest model; leave it unset if there is none."""
    stored = StoredAppeal.objects.order_by("-made_at", "-pk").first() if papers else None
    if not stored:
        return
    pks = [paper.pk for paper in papers]
    abstracts = dict(Paper.objects.filter(pk__in=pks).values_list("pk", "abstract"))
    texts = [weighted_text(paper.title, abstracts.get(paper.pk, "")) for paper in papers]
    appeals = Appeal.loads(bytes(stored.data)).predict(texts)
    for paper, appeal in zip(papers, appeals, strict=True):
        paper.appeal = round(float(appeal), 4)


def _counts_by_paper(now: datetime) -> Mapping[int, Counts]:
    counts_by_paper: dict[int, Counts] = defaultdict(Counts)
    observations = Observation.objects.filter(observed_at__gt=now - SCORING_PERIOD)
    for pk, kind, at, votes, stars in observations.order_by("observed_at").values_list(
        "paper_id", "kind", "observed_at", "votes", "stars"
    ):
        counts = counts_by_paper[pk]
        counts.kinds.add(kind)
        if votes is not None and kind != community.OBSERVATION_KIND:
            counts.votes.append((at, votes))
        if stars is not None:
            counts.stars.append((at, stars))
    return counts_by_paper


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
