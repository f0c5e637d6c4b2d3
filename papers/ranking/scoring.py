"""Trending scores as stored: from rows to what `papers.ranking.trending` reads, and back."""

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
from papers.ranking.vote_prediction import ENOUGH, Appeal, VotedPaper, weighted_text

SCORED_FOR = timedelta(days=30)  # counts of older papers hardly move
VOTES_ARE_IN = timedelta(days=4)
LEARNT_FROM = 20_000  # papers at most, the newest
USUAL_PAPERS = 10  # a field's usual heat leans on that of all fields as if by so many papers
NOTED_FROM = 0.05  # doublings; less is no news of how a paper stands in its field
WRITTEN = ("appeal", "heat", "standing", "score", "score_parts", "scored_at")
KEPT = 3  # older appeals


@dataclass(slots=True)
class Talk:
    """Counts of one paper over time, oldest first, and what kinds of places made them."""

    votes: list[tuple[datetime, int]] = field(default_factory=list)
    stars: list[tuple[datetime, int]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)


def rescore(now: datetime) -> int:
    """Score what is news, or was until lately, and what never was; returns how many were read.

    Only rows whose score came out otherwise are written: the day stands in the score, so that
    rows nobody talks about any more keep theirs and fall behind by themselves.
    """
    news = Paper.objects.filter(Q(day__gt=now.date() - SCORED_FOR) | Q(scored_at=None))
    papers = list(news.defer("abstract", "abstract_raw", "title_raw", "tldr", "note"))
    talk = _talk(now)
    predict_appeal([paper for paper in papers if paper.appeal is None])
    doubles = curation.merged_papers()
    heats = [
        trending.trending_heat(
            signals(paper, talk.get(paper.pk, Talk()), doubles.get(paper.pk, ()))
        )
        for paper in papers
    ]
    scored = list(zip(papers, heats, strict=True))
    usual = usual_heats([(paper.field, one.total) for paper, one in scored])
    changed = [paper for paper, one in scored if _apply(paper, one, usual[paper.field], now)]
    with transaction.atomic():
        bulk.update(changed, WRITTEN)
    return len(papers)


def rescore_if_new(now: datetime) -> int:
    """Rescore if a paper has no score yet; return how many were read."""
    return rescore(now) if Paper.objects.filter(scored_at=None).exists() else 0


def signals(paper: Paper, talk: Talk, doubles: Sequence[Paper] = ()) -> trending.Signals:
    """What the score is made from, for one paper. Its doubles may be counted elsewhere by the same
    people, so that the greatest number counts; our own readers are known to be others."""
    rows = (paper, *doubles)
    return trending.Signals(
        votes=max(row.votes for row in rows) + sum(row.site_votes for row in rows),
        rise=trending.votes_gained(talk.votes),
        comments=max(row.comments for row in rows),
        stars=max(row.stars for row in rows),
        new_stars=trending.votes_gained(talk.stars),
        mentions=len(talk.kinds) or int(paper.featured_on is not None),
        reactions=sum(row.liked for row in rows),
        picked=paper.featured,
        authors=len(paper.authors),
        title=len(paper.title),
        appeal=paper.appeal or 0.0,
    )


def usual_heats(heats: Sequence[tuple[str, float]]) -> Mapping[str, float]:
    """Each field's mean heat of papers that have any."""
    warm: dict[str, list[float]] = defaultdict(list)
    for name, heat in heats:
        warm[name] += [heat] * (heat > 0)
    everything = [heat for members in warm.values() for heat in members]
    overall = sum(everything) / len(everything) if everything else 0.0
    return {
        name: (sum(members) + USUAL_PAPERS * overall) / (len(members) + USUAL_PAPERS)
        for name, members in warm.items()
    }


def learn_appeal(now: datetime) -> StoredAppeal | None:
    """Learn which words went with votes; None while too few papers have theirs."""
    counted = Observation.objects.filter(paper=OuterRef("pk"), votes__isnull=False)
    known = Paper.objects.filter(Exists(counted.exclude(kind=community.OBSERVATION_KIND)))
    rows = known.filter(day__lte=now.date() - VOTES_ARE_IN).order_by("-day", "-pk")
    papers = [
        VotedPaper(weighted_text(title, abstract), day, votes)
        for title, abstract, day, votes in rows.values_list("title", "abstract", "day", "votes")[
            :LEARNT_FROM
        ]
    ]
    if len(papers) < ENOUGH:
        return None
    data = Appeal.learn(papers).dumps()
    stored = StoredAppeal.objects.create(data=data, papers=len(papers), made_at=now)
    old = StoredAppeal.objects.order_by("-made_at", "-pk").values_list("pk", flat=True)[KEPT:]
    StoredAppeal.objects.filter(pk__in=list(old)).delete()
    return stored


def predict_appeal(papers: Sequence[Paper]) -> None:
    """Set the appeal of papers by what was learnt last; left open where nothing was."""
    stored = StoredAppeal.objects.order_by("-made_at", "-pk").first() if papers else None
    if not stored:
        return
    pks = [paper.pk for paper in papers]
    abstracts = dict(Paper.objects.filter(pk__in=pks).values_list("pk", "abstract"))
    texts = [weighted_text(paper.title, abstracts.get(paper.pk, "")) for paper in papers]
    for paper, appeal in zip(papers, Appeal.loads(bytes(stored.data)).of(texts), strict=True):
        paper.appeal = round(float(appeal), 4)


def _talk(now: datetime) -> Mapping[int, Talk]:
    found: dict[int, Talk] = defaultdict(Talk)
    rows = Observation.objects.filter(observed_at__gt=now - SCORED_FOR).order_by("observed_at")
    for pk, kind, at, votes, stars in rows.values_list(
        "paper_id", "kind", "observed_at", "votes", "stars"
    ):
        talk = found[pk]
        talk.kinds.add(kind)
        if votes is not None and kind != community.OBSERVATION_KIND:
            talk.votes.append((at, votes))
        if stars is not None:
            talk.stars.append((at, stars))
    return found


def _apply(paper: Paper, heat: trending.Heat, usual: float, now: datetime) -> bool:
    """Put a score on the row; False where it stands there already."""
    standing = heat.total - usual
    same = (paper.heat, paper.score_parts) == (heat.total, heat.parts | _usual(paper))
    if paper.scored_at and same and abs(paper.standing - standing) < NOTED_FROM:
        return False
    paper.heat, paper.standing = heat.total, standing
    paper.score = trending.score(heat.total, paper.day)
    paper.score_parts = heat.parts | {"usual": round(usual, 2)}
    paper.scored_at = now
    return True


def _usual(paper: Paper) -> dict[str, float]:
    return {"usual": paper.score_parts["usual"]} if "usual" in paper.score_parts else {}
