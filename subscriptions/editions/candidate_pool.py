"""The candidate papers of a day, prepared once per process and shared by all readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

import numpy as np
from django.conf import settings
from django.db.models import Count, Max, Sum
from numpy.typing import NDArray

from papers.models import Paper, PaperQuerySet
from papers.ranking.trending import describe_popularity
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import PaperText
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.profile import Profile
from subscriptions.models import Subscription
from subscriptions.profiles.load import paper_text
from web.language import active_language

# Days back that sent digests are searched for a paper. A paper is first seen before it is sent,
# and no older paper is a candidate unless it is featured late.
SEEN_DAYS = 120
# A round-up also covers papers that came after the last one on its own day.
ROUND_UP_DAYS: dict[str, int] = {
    Subscription.Frequency.WEEKLY: 8,
    Subscription.Frequency.FORTNIGHTLY: 15,
    Subscription.Frequency.MONTHLY: 32,
}
SHORT_SPAN, LONG_SPAN = 8, 32  # days of the pool for daily and weekly digests, and for others


@dataclass(frozen=True, eq=False)
class CandidatePool:
    """The candidates of one day.

    Arrays are indexed by candidate position: `ids` are primary keys of papers, `trending` the
    scores for daily digests, `week` the scores for weekly digests (without the bonus for today's
    papers), `first_seen` timestamps in seconds, `age` days since the paper was news. The pool
    reaches back as far as the longest of the digests that share it.
    """

    day: date
    papers: Sequence[Paper]
    candidates: Candidates
    ids: NDArray[np.int64]
    trending: NDArray[np.float32]
    week: NDArray[np.float32]
    first_seen: NDArray[np.float64]
    age: NDArray[np.int64]

    @classmethod
    def of(cls, day: date, days: int = SHORT_SPAN) -> CandidatePool:
        """Return the current pool of a day, cached until its papers change.

        It reaches back `days` days, at least as far as daily digests do.
        """
        news = _news(day, days)
        # The sum of the keys changes if one paper is hidden and another one shown again.
        state = news.aggregate(
            Count("pk"), Sum("pk"), Max("pk"), Max("text_seen_at"), Max("scored_at")
        )
        return _prepare_pool(day, days, stored_lexicon.current_version(), *state.values())

    @cached_property
    def positions_by_pk(self) -> dict[int, int]:
        """Candidate positions by the primary key of the paper."""
        return {pk: position for position, pk in enumerate(self.ids.tolist())}

    def find_positions(self, pks: Iterable[int]) -> list[int]:
        """Return the positions of these papers, in their order, without those not in the pool."""
        return [self.positions_by_pk[pk] for pk in pks if pk in self.positions_by_pk]

    @cached_property
    def _popularity(self) -> dict[tuple[str, int], str]:
        return {}

    def popularity(self, position: int) -> str:
        """Return why a paper is popular, in the active language; cached since few papers trend."""
        key = active_language(), position
        if key not in self._popularity:
            self._popularity[key] = describe_popularity(
                self.papers[position].score_parts, is_today=not self.age[position]
            )
        return self._popularity[key]

    @cached_property
    def primary_numbers(self) -> dict[str, int]:
        """Numbers of the primary categories, by name."""
        names = sorted({_primary(paper.categories) for paper in self.candidates.papers})
        return {name: number for number, name in enumerate(names)}

    @cached_property
    def primary(self) -> NDArray[np.int64]:
        """The number of each candidate's primary category."""
        numbers = [
            self.primary_numbers[_primary(paper.categories)] for paper in self.candidates.papers
        ]
        return np.array(numbers, dtype=np.int64)

    def own_fields(self, profile: Profile) -> frozenset[int]:
        """Return the numbers of primary categories that a reader named or likes papers of."""
        liked = (_primary(paper.categories) for paper in profile.liked if paper.categories)
        names = {*profile.categories, *liked}
        return frozenset(number for name, number in self.primary_numbers.items() if name in names)

    def in_fields(self, categories: Sequence[str]) -> NDArray[np.bool_]:
        """Return a flag per paper: is it in one of these categories? All are if none is given."""
        flags = np.full(len(self.papers), not categories)
        for name in categories:
            flags[self.candidates.lookups.by_category.get(name, [])] = True
        return flags


def _primary(categories: Sequence[str]) -> str:
    return categories[0] if categories else ""


@lru_cache(maxsize=4)  # local days span two dates, a preview may need a third, a month a fourth
def _prepare_pool(day: date, days: int, *_state: object) -> CandidatePool:
    horizon = day - timedelta(days=SEEN_DAYS)
    papers = list(_news(day, days).filter(first_seen_at__date__gt=horizon).order_by("pk"))
    return CandidatePool(
        day=day,
        papers=papers,
        candidates=_prepare_candidates(
            stored_lexicon.current_version(), tuple(paper_text(paper) for paper in papers)
        ),
        ids=np.array([paper.pk for paper in papers], dtype=np.int64),
        trending=np.array([paper.score for paper in papers], dtype=np.float32),
        week=np.array([paper.heat for paper in papers], dtype=np.float32),
        first_seen=np.array([paper.first_seen_at.timestamp() for paper in papers]),
        age=np.array([(day - paper.day).days for paper in papers], dtype=np.int64),
    )


@lru_cache(maxsize=4)
def _prepare_candidates(_version: str, texts: tuple[PaperText, ...]) -> Candidates:
    """Return vectors of these texts. Cached apart from the pool: new scores do not change them."""
    return Candidates.prepare(stored_lexicon.load_lexicon(), texts)


def _news(day: date, days: int) -> PaperQuerySet:
    return Paper.objects.news(day, max(settings.LOOKBACK_DAYS, days))


def candidate_papers(day: date) -> PaperQuerySet:
    """Return the candidates for daily digests of `day`."""
    return Paper.objects.news(day, settings.LOOKBACK_DAYS)


def lookback_days(subscription: Subscription) -> int:
    """Return how many days back a subscription's digests look for papers."""
    days = ROUND_UP_DAYS.get(subscription.frequency, 0)
    return max(settings.LOOKBACK_DAYS, days)


def pool_days(subscription: Subscription) -> int:
    """Return how many days back the pool of a subscription's digests reaches.

    Daily and weekly digests share one pool. Only the others need the larger one.
    """
    days = ROUND_UP_DAYS.get(subscription.frequency, 0)
    return SHORT_SPAN if days <= SHORT_SPAN else LONG_SPAN


def newest_day(now: datetime) -> date | None:
    """Return the last day with visible papers, or None if there are no papers."""
    papers = Paper.objects.visible().filter(day__lte=now.date())
    newest: date | None = papers.aggregate(newest=Max("day"))["newest"]
    return newest
