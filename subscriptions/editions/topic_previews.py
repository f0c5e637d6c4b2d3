"""Previews of topics: the papers that each would have brought in the last days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subscriptions.editions.candidate_pool import CandidatePool, newest_day
from subscriptions.editions.topic_matches import MatchedTopic, Matches
from subscriptions.matching.selection import FOR_YOU
from subscriptions.models import Topic
from subscriptions.profiles.load import load_profiles, paper_ids, profile_from_topic

PREVIEW_DAYS = 14
MAX_SHOWN = 10  # papers
MANY_PER_DAY = 10  # papers; nobody reads more


@dataclass(frozen=True, slots=True)
class TopicPreview:
    """The papers that a topic would have brought in the last PREVIEW_DAYS days.

    `items` has the best ones, as records of a digest. `last_match` is the newest day with one.
    """

    count: int
    last_match: date | None = None
    items: Sequence[dict[str, Any]] = field(default_factory=tuple)

    @property
    def is_too_many(self) -> bool:
        """Return True if it is more than a person reads."""
        return self.count > MANY_PER_DAY * PREVIEW_DAYS

    @property
    def per_day(self) -> int:
        return round(self.count / PREVIEW_DAYS)


def preview_topics(topics: Sequence[Topic], now: datetime) -> list[TopicPreview]:
    """Return the previews of stored topics with their readers, without items."""
    if not topics or not (pool := _pool(now)):
        return [TopicPreview(0) for _ in topics]
    matches = Matches(pool, topics, load_profiles(topics))
    return [_summarize(pool, _matching(pool, one)) for one in matches.topics]


def preview_topic(topic: Topic, now: datetime) -> TopicPreview:
    """Return the preview of one topic, stored or not, with the best papers and their reasons."""
    if not (pool := _pool(now)):
        return TopicPreview(0)
    matches = _match_topic(pool, topic)
    [one] = matches.topics
    positions = _matching(pool, one)
    best = positions[np.argsort(-one.match.personal[positions], kind="stable")][:MAX_SHOWN]
    summary = _summarize(pool, positions)
    return TopicPreview(summary.count, summary.last_match, _records(matches, best.tolist()))


def newest_matches(topic: Topic, now: datetime, limit: int) -> list[dict[str, Any]]:
    """Return the newest papers that a topic would have brought, best first within a day.

    They are records of a digest. Papers that the reader wants less of are left out.
    """
    if not (pool := _pool(now)):
        return []
    matches = _match_topic(pool, topic)
    [one] = matches.topics
    unwanted = pool.find_positions(paper_ids(one.profile.disliked))
    positions = np.setdiff1d(_matching(pool, one), unwanted)
    # Rounded, because a paper's kept vector may differ in the last digits from a computed one.
    scores = np.round(one.match.personal[positions], 3)
    order = np.lexsort((positions, -scores, pool.age[positions]))
    return _records(matches, positions[order][:limit].tolist())


def _match_topic(pool: CandidatePool, topic: Topic) -> Matches:
    profiles = load_profiles([topic]) if topic.pk else [profile_from_topic(topic, topic.subscriber)]
    return Matches(pool, [topic], profiles)


def _records(matches: Matches, positions: Sequence[int]) -> list[dict[str, Any]]:
    """Return these papers of the only topic as records of a digest, with their reasons."""
    [one], pool = matches.topics, matches.pool
    reasons = matches.explain([set(positions)])
    return [
        {
            "paper": pool.papers[position].pk,
            "title": pool.papers[position].title,
            "section": FOR_YOU,
            "reason": matches.reason(one, reasons[0, position]) or pool.popularity(position),
            "score": round(float(one.match.personal[position]), 4),
            "fit": one.fit(position),
        }
        for position in positions
    ]


def _pool(now: datetime) -> CandidatePool | None:
    """Return the papers of the last days, until the newest day; None without papers."""
    day = newest_day(now)
    return CandidatePool.of(day, PREVIEW_DAYS) if day else None


def _matching(pool: CandidatePool, one: MatchedTopic) -> NDArray[np.int64]:
    """Return the positions of papers that match the topic, with the limit of each day applied."""
    scores, threshold = one.match.personal, max(one.match.threshold, 0.0)
    if not one.has_interests:
        return np.array([], dtype=np.int64)
    matching = np.flatnonzero((scores > threshold) & (pool.age < PREVIEW_DAYS))
    if one.topic.max_papers is None:
        return matching
    ordered = matching[np.lexsort((-scores[matching], pool.age[matching]))]
    ages = pool.age[ordered]
    ranks = np.arange(len(ordered)) - np.searchsorted(ages, ages)  # rank within the day
    return np.sort(ordered[ranks < one.topic.max_papers])


def _summarize(pool: CandidatePool, positions: NDArray[np.int64]) -> TopicPreview:
    if not len(positions):
        return TopicPreview(0)
    last = pool.day - timedelta(days=int(pool.age[positions].min()))
    return TopicPreview(len(positions), last)
