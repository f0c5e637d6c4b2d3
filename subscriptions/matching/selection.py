"""Selection of the papers of a digest, and of the section of each. Pure.

All readers of a chunk are selected for together, since numpy then works on long rows: .3 instead of
2.2 ms per reader (1,500 candidates, 200 readers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from django.utils.translation import gettext_noop
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]
# Takes positions (n) and others (n x m); returns the similarity of each to its others (n x m).
Similarity = Callable[[Positions, Positions], Scores]

PICKED, FOR_YOU, OUTSIDE = "picked", "for_you", "outside"
TRENDING, TODAY = "trending", "today"  # in the reader's fields, or everywhere without fields
SECTIONS = {
    PICKED: gettext_noop("From the editor"),
    FOR_YOU: gettext_noop("For you"),
    TRENDING: gettext_noop("Trending in your fields"),
    TODAY: gettext_noop("Trending today"),
    OUTSIDE: gettext_noop("Something different"),
}
MAX_PICKED_SHARE = 0.5  # of the places; the rest stays for the reader's own interests
TRENDING_SHARE = 0.3  # of the places
MIN_PLACES_FOR_OUTSIDE = 5  # a shorter digest has only papers the reader asked for
# The share of its score that a paper loses to an identical one. It was chosen on one half of the
# evaluation's readers: a little more variety at almost no loss of papers they would have picked.
VARIETY = 0.3
NEAR_DUPLICATE = 0.6  # the maximum similarity in a digest; see docs/experiments/matching.md
SPARE = 4  # as many candidates are considered for each place


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen candidate's position, its section, its personal score, and its topic.

    `topic` is the index of the topic that it was chosen for; None in sections of no topic.
    """

    position: int
    section: str
    score: float
    topic: int | None = None


@dataclass(frozen=True, slots=True)
class TopicCandidates:
    """The candidates of one topic.

    * `scores` (candidates): in [0, 1], below zero for papers that must not be sent.
    * `threshold`: the minimum score.
    * `max_papers`: the maximum number of papers, without a limit if None.
    * `has_interests`: false if the topic names fields at most, so that nothing is "for you".
    """

    scores: Scores
    threshold: float = 0.0
    max_papers: int | None = None
    has_interests: bool = True


@dataclass(frozen=True, slots=True)
class DigestCandidates:
    """The candidates of one digest. Arrays have one value for each candidate.

    * `topics`: in the reader's order.
    * `trending`: scores of any scale; `has_trending` is false without such a section.
    * `fresh`: new since the last digest. `open`: not sent before. `recent`: young enough.
    * `fields`: in one of the reader's fields; all papers are if `named_fields` is false.
    * `primary`: the number of the primary field.
    * `pinned`: positions of papers the curator pinned, in that order.
    * `own_fields`: numbers of primary fields the reader named or likes papers of.
    """

    topics: Sequence[TopicCandidates]
    trending: Scores
    fresh: Flags
    open: Flags
    fields: Flags
    primary: Positions
    recent: Flags | None = None
    pinned: Sequence[int] = ()
    own_fields: frozenset[int] = frozenset()
    named_fields: bool = True
    has_trending: bool = True

    @property
    def best_scores(self) -> Scores:
        """The highest score of each candidate in any topic (candidates)."""
        if len(self.topics) == 1:
            return self.topics[0].scores
        scores: Scores = np.max([topic.scores for topic in self.topics], axis=0)
        return scores


@dataclass(frozen=True, slots=True)
class SectionCandidates:
    """The candidates for one section of each reader's digest.

    * `ranked` (readers x n): positions, best first, and `scores` (readers x n) their scores.
    * `is_used` (readers x n): false beyond the end of a row.
    * `places` (readers): the maximum number of papers.
    * `before`: the positions chosen for each reader already.
    """

    ranked: Positions
    scores: Scores
    is_used: Flags
    places: Positions
    before: Sequence[Sequence[int]]


def select_papers(
    digests: Sequence[DigestCandidates], places: Sequence[int], similarity: Similarity
) -> list[list[Choice]]:
    """Select at most so many papers for each digest, best first within each section.

    The sections are: pinned by the curator, one for each topic, trending, one from outside the
    reader's fields. A paper of several topics is chosen for the first that has room. No two papers
    of a digest are near-duplicates.
    """
    if not digests:
        return []
    state = SelectionState(digests, places)
    for turn in range(max(len(digest.topics) for digest in digests)):
        state.add_topic(turn, similarity)
    for section in (TRENDING, OUTSIDE):
        state.add(section, diversify(state.section_candidates(section), similarity))
    return state.chosen


class SelectionState:
    """The digests of a chunk during selection. Arrays are digests x candidates."""

    def __init__(self, digests: Sequence[DigestCandidates], places: Sequence[int]) -> None:
        self.digests = digests
        self.personal = np.stack([digest.best_scores for digest in digests])
        self.trending = np.stack([digest.trending for digest in digests])
        self.fresh = np.stack([digest.fresh for digest in digests])
        self.fields = np.stack([digest.fields for digest in digests])
        self.allowed = np.stack([digest.open for digest in digests]) & (self.personal >= 0)
        self.chosen: list[list[Choice]] = [[] for _ in digests]
        pinned = [
            [place for place in digest.pinned if allowed[place]][: int(count * MAX_PICKED_SHARE)]
            for digest, allowed, count in zip(digests, self.allowed, places, strict=True)
        ]
        self.add(PICKED, pinned)
        shares = [
            _divide_places(count - len(row), digest)
            for digest, row, count in zip(digests, pinned, places, strict=True)
        ]
        self.places = {
            section: np.array([share[section] for share in shares], dtype=np.int64)
            for section in (TRENDING, OUTSIDE)
        }
        self.topic_places = [
            self._divide_among_topics(row, share[FOR_YOU]) for row, share in enumerate(shares)
        ]

    def _divide_among_topics(self, row: int, places: int) -> list[int]:
        """Return the places of each topic of a digest."""
        topics = self.digests[row].topics
        limits = [_limit(topic, places) for topic in topics]
        if len(topics) == 1:
            return limits
        available = self.fresh[row] & self.allowed[row]
        scores = [np.where(available, topic.scores, -1.0) for topic in topics]
        counts = [
            int(np.count_nonzero(row_scores > max(topic.threshold, 0.0)))
            for topic, row_scores in zip(topics, scores, strict=True)
        ]
        usable = [min(pair) for pair in zip(limits, counts, strict=True)]
        return share_places(
            places, usable, [float(row_scores.max(initial=-1.0)) for row_scores in scores]
        )

    def add_topic(self, turn: int, similarity: Similarity) -> None:
        """Choose papers for the topic with this index of each digest that has one."""
        rows = [row for row, digest in enumerate(self.digests) if turn < len(digest.topics)]
        topics = [self.digests[row].topics[turn] for row in rows]
        scores = np.stack([topic.scores for topic in topics])
        thresholds = np.array([[max(topic.threshold, 0.0)] for topic in topics], dtype=np.float32)
        eligible = self._of(self.fresh, rows) & self._of(self.allowed, rows) & (scores > thresholds)
        places = np.array([self.topic_places[row][turn] for row in rows], dtype=np.int64)
        before = [[choice.position for choice in self.chosen[row]] for row in rows]
        found = diversify(best_candidates(eligible, scores, places, before), similarity)
        for row, row_scores, positions in zip(rows, scores, found, strict=True):
            self.allowed[row, positions] = False
            self.chosen[row] += [
                Choice(position, FOR_YOU, score, turn)
                for position, score in zip(positions, row_scores[positions].tolist(), strict=True)
            ]

    def _of(self, flags: Flags, rows: list[int]) -> Flags:
        """Return these rows without a copy if they are all."""
        return flags if len(rows) == len(self.digests) else flags[rows]

    def section_candidates(self, section: str) -> SectionCandidates:
        """Return the candidates for a section of no topic."""
        eligible = (self.fields if section == TRENDING else self._outside()) & (self.trending > 0)
        before = [[choice.position for choice in choices] for choices in self.chosen]
        return best_candidates(eligible & self.allowed, self.trending, self.places[section], before)

    def _outside(self) -> Flags:
        """Return which papers are outside each reader's fields (digests x candidates).

        These are papers of another primary field than the reader's and the papers chosen for them.
        """
        outside = np.zeros_like(self.fields)
        for row, (digest, choices) in enumerate(zip(self.digests, self.chosen, strict=True)):
            for_you = [choice.position for choice in choices if choice.section == FOR_YOU]
            own_fields = digest.own_fields | set(digest.primary[for_you].tolist())
            if own_fields or digest.named_fields:
                outside[row] = ~np.isin(digest.primary, list(own_fields))
                if digest.named_fields:
                    outside[row] &= ~digest.fields
        return outside

    def add(self, section: str, positions: Sequence[Sequence[int]]) -> None:
        """Add the positions chosen for each digest to a section of no topic."""
        for row, chosen in enumerate(positions):
            is_today = section == TRENDING and not self.digests[row].named_fields
            label = TODAY if is_today else section
            self.allowed[row, chosen] = False
            scores = np.maximum(self.personal[row, chosen], 0.0).tolist()
            self.chosen[row] += [Choice(*values) for values in zip(chosen, repeat(label), scores)]


def _limit(topic: TopicCandidates, places: int) -> int:
    """Return the maximum number of papers for a topic."""
    if not topic.has_interests:
        return 0
    return places if topic.max_papers is None else min(topic.max_papers, places)


def share_places(places: int, usable: Sequence[int], best: Sequence[float]) -> list[int]:
    """Return the places of each topic: equal shares, as far as it can use them.

    Places that one topic cannot use go to the others. If there are too few for all, the topics
    with the best papers come first.

    >>> share_places(6, [9, 1, 9], [0.5, 0.9, 0.7])
    [2, 1, 3]
    """
    shares = [0] * len(usable)
    order = sorted(range(len(usable)), key=lambda topic: -best[topic])
    while places and (short := [topic for topic in order if shares[topic] < usable[topic]]):
        for topic in short[:places]:
            shares[topic] += 1
        places -= min(len(short), places)
    return shares


def _divide_places(places: int, digest: DigestCandidates) -> dict[str, int]:
    """Return the places of each section; without interests, the topics have none."""
    if not digest.has_trending:
        return {FOR_YOU: places, TRENDING: 0, OUTSIDE: 0}
    outside = 1 if places >= MIN_PLACES_FOR_OUTSIDE else 0
    if not any(topic.has_interests for topic in digest.topics):
        return {FOR_YOU: 0, TRENDING: places - outside, OUTSIDE: outside}
    trending = max(round(places * TRENDING_SHARE), 1) if places > 1 else 0
    return {FOR_YOU: places - trending - outside, TRENDING: trending, OUTSIDE: outside}


def best_candidates(
    eligible: Flags, scores: Scores, places: Positions, before: Sequence[Sequence[int]]
) -> SectionCandidates:
    """Return the SPARE * places eligible candidates of each row with the highest scores.

    `eligible` and `scores` are readers x candidates, `places` has one number for each reader. Of
    equal scores, the earlier position comes first.
    """
    counts = np.minimum(places * SPARE, eligible.shape[1])
    width = int(counts.max(initial=0))
    ranked = np.zeros((len(eligible), width), dtype=np.int64)
    ranked_scores = np.zeros(ranked.shape, dtype=np.float32)
    is_used = np.zeros(ranked.shape, dtype=bool)
    if width:
        values = np.where(eligible, scores, -np.inf)
        cutoffs = np.partition(values, -width, axis=1)[:, -width, None]
        rows, positions = np.nonzero(eligible & (values >= cutoffs))
        order = np.lexsort((-values[rows, positions], rows))
        rows, positions = rows[order], positions[order]
        ranks = np.arange(len(rows)) - np.searchsorted(rows, rows)
        kept = ranks < counts[rows]
        rows, positions, ranks = rows[kept], positions[kept], ranks[kept]
        ranked[rows, ranks] = positions
        ranked_scores[rows, ranks] = scores[rows, positions]
        is_used[rows, ranks] = True
    return SectionCandidates(ranked, ranked_scores, is_used, places, before)


def diversify(candidates: SectionCandidates, similarity: Similarity) -> list[list[int]]:
    """Choose positions for each reader one after the other, best first.

    A candidate's value is its score, less VARIETY of it for its similarity to the closest paper
    chosen before, in this section or another. Near-duplicates of chosen papers are dropped.
    """
    ranked, scores, left = candidates.ranked, candidates.scores, candidates.is_used.copy()
    nearest = np.zeros_like(scores)  # similarity to the closest chosen paper
    taken = np.zeros_like(left)

    def compare(rows: Positions, positions: Positions) -> None:
        """Note that each of these readers now has the paper at this position."""
        nearest[rows] = np.maximum(nearest[rows], similarity(positions, ranked[rows]))

    before = np.array([len(row) for row in candidates.before], dtype=np.int64)
    for turn in range(before.max(initial=0)):
        rows = np.flatnonzero((before > turn) & left.any(axis=1))
        positions = [candidates.before[row][turn] for row in rows.tolist()]
        compare(rows, np.array(positions, dtype=np.int64))
    left &= nearest <= NEAR_DUPLICATE
    while len(rows := np.flatnonzero(left.any(axis=1) & (taken.sum(axis=1) < candidates.places))):
        values = scores[rows] * (1.0 - VARIETY * nearest[rows])
        best = np.argmax(np.where(left[rows], values, -np.inf), axis=1)
        taken[rows, best] = True
        compare(rows, ranked[rows, best])
        left &= (nearest <= NEAR_DUPLICATE) & ~taken
    return [positions[mask].tolist() for positions, mask in zip(ranked, taken, strict=True)]
