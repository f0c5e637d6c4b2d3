"""Matches of topics with the papers of a day: ranked by profile, or those of a strict query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.utils.translation import gettext as _

from papers import bulk
from papers.searching import strict_matching
from papers.text.shortening import truncate
from subscriptions.editions.candidate_pool import SEEN_DAYS, CandidatePool
from subscriptions.matching.match import Match, match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import ProfileVectors
from subscriptions.matching.reasons import Reason, explain_choices
from subscriptions.matching.selection import FOR_YOU, Choice, DigestCandidates
from subscriptions.models import Digest, Topic

MATCH_SCORE = 0.5  # of a paper that matches and doesn't trend; trending ones score up to 1
MAX_ALL_MATCHES = 50  # papers of one topic in a digest
MAX_QUERY_SHOWN = 80  # characters of a query in a reason


def strict_matches(
    pool: CandidatePool, topics: Sequence[Topic], found: Sequence[Match]
) -> list[Match]:
    """Return the matches with those of strict topics replaced.

    Papers that match the query score between MATCH_SCORE and 1, by what trends; others score 0.
    Papers that must not be sent keep their score below 0.
    """
    queries = {topic.query for topic in topics if topic.query}
    if not queries:
        return list(found)
    positions = match_queries(pool, queries)
    strongest = max(float(pool.week.max(initial=0.0)), 1e-9)
    scores = MATCH_SCORE + (1.0 - MATCH_SCORE) * np.clip(pool.week / strongest, 0.0, 1.0)
    matches = []
    for topic, match in zip(topics, found, strict=True):
        if topic.query:
            is_match = np.zeros(len(pool.papers), dtype=bool)
            is_match[positions[topic.query]] = True
            strict = np.where(is_match, scores, 0.0).astype(np.float32)
            match = Match(np.where(match.scores < 0, match.scores, strict), is_match)
        matches.append(match)
    return matches


def match_queries(pool: CandidatePool, queries: Iterable[str]) -> dict[str, list[int]]:
    """Return the positions of the papers that match each query."""
    found = strict_matching.match_queries(queries, pool.ids.tolist(), today=pool.day)
    return {query: pool.find_positions(pks) for query, pks in found.items()}


def sent_by_topic(topics: Collection[Topic], pool: CandidatePool) -> dict[int, set[int]]:
    """Return the papers that digests brought for these topics, by topic."""
    sent: dict[int, set[int]] = defaultdict(set)
    if not topics:
        return sent
    readers = {topic.subscriber_id for topic in topics}
    rows = Digest.objects.filter(
        bulk.any_of("subscriber_id", readers), day__gt=pool.day - timedelta(days=SEEN_DAYS)
    )
    for items in rows.filter(status__in=Digest.RESERVING_STATUSES).values_list("items", flat=True):
        for item in items:
            if item.get("topic"):
                sent[item["topic"]].add(item["paper"])
    return sent


def repeated_choices(
    pool: CandidatePool,
    topics: Sequence[MatchedTopic],
    candidates: DigestCandidates,
    choices: Sequence[Choice],
    sent: Mapping[int, set[int]],
) -> list[Choice]:
    """Return further choices for strict topics that ask for all matches.

    These are new papers that the topic has not brought yet, including those that other topics,
    sections and subscriptions have brought.
    """
    found: list[Choice] = []
    recent = candidates.open if candidates.recent is None else candidates.recent
    for index, one in enumerate(topics):
        if not (one.topic.query and one.topic.all_matches):
            continue
        own = [choice.position for choice in choices if choice.topic == index]
        scores = np.where(candidates.fresh & recent, one.match.personal, 0.0)
        scores[[*own, *pool.find_positions(sent.get(one.topic.pk, ()))]] = 0.0
        best = np.argsort(-scores, kind="stable")[: max(MAX_ALL_MATCHES - len(own), 0)]
        found += [
            Choice(position, FOR_YOU, float(scores[position]), index)
            for position in best.tolist()
            if scores[position] > 0
        ]
    return found


def describe_match(topic: Topic) -> str:
    """Return the reason for a paper of a strict topic, in the active language."""
    return _("Matches your search “%(query)s”") % {"query": truncate(topic.query, MAX_QUERY_SHOWN)}


@dataclass(frozen=True, slots=True)
class MatchedTopic:
    """A topic with its profile and its match, whose index among the day's matches is `row`."""

    topic: Topic
    profile: Profile
    match: Match
    row: int = 0

    @property
    def wish(self) -> str:
        """Return the query or the typed text; empty for a topic of examples only."""
        return self.topic.query or self.profile.typed

    @property
    def has_interests(self) -> bool:
        """Return True if there is more to match than categories."""
        return bool(self.topic.query) or self.profile.has_interests

    def fit(self, position: int) -> str:
        """Return how well a paper fits; "" for a strict topic, whose papers match or don't."""
        if self.topic.query:
            return ""
        return self.match.curve.fit(float(self.match.scores[position]))


class Matches:
    """The matches of topics with a day's papers, and the reasons of those chosen."""

    def __init__(
        self, pool: CandidatePool, topics: Sequence[Topic], profiles: Sequence[Profile]
    ) -> None:
        self.pool, self.profiles = pool, profiles
        self.vectors = ProfileVectors.of_profiles(profiles, pool.candidates.lexicon)
        ranked = match_profiles(profiles, pool.candidates, self.vectors)
        found = zip(topics, profiles, strict_matches(pool, topics, ranked), strict=True)
        self.topics = [
            MatchedTopic(topic, profile, match, row)
            for row, (topic, profile, match) in enumerate(found)
        ]

    def explain(self, chosen: Sequence[set[int]]) -> dict[tuple[int, int], Reason]:
        """Return the reasons by row and position; `chosen` has the positions of each row."""
        positions = [sorted(row) for row in chosen]
        reasons = explain_choices(self.profiles, self.pool.candidates, positions, self.vectors)
        return {
            (row, position): reason
            for row, (places, found) in enumerate(zip(positions, reasons, strict=True))
            for position, reason in zip(places, found, strict=True)
        }

    def reason(self, one: MatchedTopic, reason: Reason) -> str:
        """Return a reason as a sentence in the active language; empty without a personal one."""
        return describe_match(one.topic) if one.topic.query else reason.sentence()
