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
    """A chosen candidate's position, its section, and its personal score."""

    position: int
    section: str
    score: float


@dataclass(frozen=True, slots=True)
class ReaderCandidates:
    """The candidates of one reader. All arrays have one value for each candidate.

    * `personal`: scores in [0, 1], below zero for papers that must not be sent.
    * `trending`: scores of any scale.
    * `fresh`: new since the reader's last digest. `open`: not sent before.
    * `fields`: in one of the reader's fields; all papers are if `named_fields` is false.
    * `primary`: the number of the primary field.
    * `threshold`: the minimum personal score.
    * `pinned`: positions of papers the curator pinned, in that order.
    * `own_fields`: numbers of primary fields the reader named or likes papers of.
    * `has_interests`: false if the reader named fields at most, so that nothing is "for you".
    """

    personal: Scores
    trending: Scores
    fresh: Flags
    open: Flags
    fields: Flags
    threshold: float
    primary: Positions
    pinned: Sequence[int] = ()
    own_fields: frozenset[int] = frozenset()
    named_fields: bool = True
    has_interests: bool = True


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
    readers: Sequence[ReaderCandidates], places: Sequence[int], similarity: Similarity
) -> list[list[Choice]]:
    """Select at most so many papers for each reader, best first within each section.

    The sections are: pinned by the curator, for you, trending, one from outside the reader's
    fields. No two papers of a digest are near-duplicates.
    """
    if not readers:
        return []
    state = SelectionState(readers, places)
    for section in (FOR_YOU, TRENDING, OUTSIDE):
        state.add(section, diversify(state.section_candidates(section), similarity))
    return state.chosen


class SelectionState:
    """The digests of a chunk of readers during selection.

    Arrays are readers x candidates, apart from `threshold` (readers x 1).
    """

    def __init__(self, readers: Sequence[ReaderCandidates], places: Sequence[int]) -> None:
        self.readers = readers
        self.personal = np.stack([reader.personal for reader in readers])
        self.trending = np.stack([reader.trending for reader in readers])
        self.fresh = np.stack([reader.fresh for reader in readers])
        self.fields = np.stack([reader.fields for reader in readers])
        self.allowed = np.stack([reader.open for reader in readers]) & (self.personal >= 0)
        thresholds = [[max(reader.threshold, 0.0)] for reader in readers]
        self.threshold = np.array(thresholds, dtype=np.float32)
        self.chosen: list[list[Choice]] = [[] for _ in readers]
        pinned = [
            [place for place in reader.pinned if allowed[place]][: int(count * MAX_PICKED_SHARE)]
            for reader, allowed, count in zip(readers, self.allowed, places, strict=True)
        ]
        self.add(PICKED, pinned)
        shares = [
            _divide_places(count - len(row), has_interests=reader.has_interests)
            for reader, row, count in zip(readers, pinned, places, strict=True)
        ]
        self.places = {
            section: np.array([share[section] for share in shares], dtype=np.int64)
            for section in (FOR_YOU, TRENDING, OUTSIDE)
        }

    def section_candidates(self, section: str) -> SectionCandidates:
        """Return the candidates for a section."""
        if section == FOR_YOU:
            scores = self.personal
            eligible = self.fresh & (scores > self.threshold)
        else:
            scores = self.trending
            eligible = (self.fields if section == TRENDING else self._outside()) & (scores > 0)
        before = [[choice.position for choice in choices] for choices in self.chosen]
        return best_candidates(eligible & self.allowed, scores, self.places[section], before)

    def _outside(self) -> Flags:
        """Return which papers are outside each reader's fields (readers x candidates).

        These are papers of another primary field than the reader's and the papers chosen for them.
        """
        outside = np.zeros_like(self.fields)
        for row, (reader, choices) in enumerate(zip(self.readers, self.chosen, strict=True)):
            for_you = [choice.position for choice in choices if choice.section == FOR_YOU]
            own_fields = reader.own_fields | set(reader.primary[for_you].tolist())
            if own_fields or reader.named_fields:
                outside[row] = ~np.isin(reader.primary, list(own_fields))
                if reader.named_fields:
                    outside[row] &= ~reader.fields
        return outside

    def add(self, section: str, positions: Sequence[Sequence[int]]) -> None:
        """Add the positions chosen for each reader to a section."""
        for row, chosen in enumerate(positions):
            is_today = section == TRENDING and not self.readers[row].named_fields
            label = TODAY if is_today else section
            self.allowed[row, chosen] = False
            scores = np.maximum(self.personal[row, chosen], 0.0).tolist()
            self.chosen[row] += [Choice(*values) for values in zip(chosen, repeat(label), scores)]


def _divide_places(places: int, *, has_interests: bool) -> dict[str, int]:
    """Return the places of each section; without interests, "for you" has none."""
    outside = 1 if places >= MIN_PLACES_FOR_OUTSIDE else 0
    if not has_interests:
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
