"""Which papers stand in a digest, and in which part of it. Pure."""

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
# How much each of some papers says the same as each of its row of others, in [0, 1].
Similarities = Callable[[Positions, Positions], Scores]

PICKED, FOR_YOU, OUTSIDE = "picked", "for_you", "outside"
TRENDING, TODAY = "trending", "today"  # in the reader's fields, or everywhere if they named none
SECTIONS = {
    PICKED: gettext_noop("From the editor"),
    FOR_YOU: gettext_noop("For you"),
    TRENDING: gettext_noop("Trending in your fields"),
    TODAY: gettext_noop("Trending today"),
    OUTSIDE: gettext_noop("Something different"),
}
PICKED_SHARE = 0.5  # of the places at most; what a reader asked for is never crowded out
TRENDING_SHARE = 0.3  # of the places; the reader's own papers come first and may take the rest
SMALLEST_WITH_OUTSIDE = 5  # in a shorter digest every place is wanted for what was asked for
# The share of its score that a paper loses to one that is just like it, chosen on one half of the
# readers of the evaluation: a little more variety for next to nothing that they would have picked.
VARIETY = 0.3
NEAR_DUPLICATE = 0.6  # no more similar papers in one digest; docs/experiments/matching.md
SPARE = 4  # times as many as there are places are looked at


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate's position, the part of the digest it stands in, and its personal score."""

    position: int
    section: str
    score: float


@dataclass(frozen=True, slots=True)
class ReaderCandidates:
    """What one reader may get. All arrays are by candidate position.

    personal: scores in [0, 1], below zero for what must never be sent; trending: scores of any
    scale; fresh: news since the reader's last digest; open: not sent before; fields: in one of
    the reader's fields; primary: a number for the primary field. `threshold` is the least personal
    score. `pinned` are the positions of what the curator puts first, in that order. `own_fields`
    are numbers of the primary fields that the reader named or likes papers of. Without
    `named_fields` all papers are in the reader's fields; without `wishes` the reader named fields
    at most, and nothing can be "for you".
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
    wishes: bool = True


@dataclass(frozen=True, slots=True)
class SectionCandidates:
    """What may stand in one section of each reader's digest, a row a reader: positions `ranked`
    best first, and the `worth` of each, as far as `there` says that the row goes. `most` are
    wanted of a row. `before`: what is chosen already."""

    ranked: Positions
    worth: Scores
    there: Flags
    most: Positions
    before: Sequence[Sequence[int]]


class SelectionState:
    """The digests of a chunk of readers while they are composed: what is chosen, and what still
    may be. Arrays have a row a reader and a column a candidate."""

    def __init__(self, shelves: Sequence[ReaderCandidates], places: Sequence[int]) -> None:
        self.personal = np.stack([one.personal for one in shelves])
        self.trending = np.stack([one.trending for one in shelves])
        self.fresh = np.stack([one.fresh for one in shelves])
        self.fields = np.stack([one.fields for one in shelves])
        self.allowed = np.stack([one.open for one in shelves]) & (self.personal >= 0)
        self.threshold = np.array([[max(one.threshold, 0.0)] for one in shelves], dtype=np.float32)
        self.chosen: list[list[Choice]] = [[] for _ in shelves]
        pinned = [
            [position for position in one.pinned if mine[position]][: int(count * PICKED_SHARE)]
            for one, mine, count in zip(shelves, self.allowed, places, strict=True)
        ]
        self.take(PICKED, pinned)
        self.shelves = shelves
        shared = [
            _shared_out(count - len(own), one.wishes)
            for one, own, count in zip(shelves, pinned, places, strict=True)
        ]
        self.places = {
            section: np.array([mine[section] for mine in shared], dtype=np.int64)
            for section in (FOR_YOU, TRENDING, OUTSIDE)
        }

    def offers(self, section: str) -> SectionCandidates:
        """What may stand in a section."""
        if section == FOR_YOU:
            order = self.personal
            among = self.fresh & (order > self.threshold)
        else:
            order = self.trending
            among = (self.fields if section == TRENDING else self._elsewhere()) & (order > 0)
        before = [[choice.position for choice in own] for own in self.chosen]
        return best_candidates(among & self.allowed, order, self.places[section], before)

    def _elsewhere(self) -> Flags:
        """What is of another primary field than the reader's, and outside of all they named."""
        found = np.zeros_like(self.fields)
        for row, (one, chosen) in enumerate(zip(self.shelves, self.chosen, strict=True)):
            chosen_for = [choice.position for choice in chosen if choice.section == FOR_YOU]
            own = one.own_fields | set(one.primary[chosen_for].tolist())
            if own or one.named_fields:
                found[row] = ~np.isin(one.primary, list(own))
                if one.named_fields:
                    found[row] &= ~one.fields
        return found

    def take(self, section: str, positions: Sequence[Sequence[int]]) -> None:
        for row, mine in enumerate(positions):
            if section == TRENDING and not self.shelves[row].named_fields:
                section_of_row = TODAY
            else:
                section_of_row = section
            self.allowed[row, mine] = False
            scores = np.maximum(self.personal[row, mine], 0.0).tolist()
            self.chosen[row] += [Choice(*one) for one in zip(mine, repeat(section_of_row), scores)]


def _shared_out(places: int, wishes: bool) -> dict[str, int]:
    """How many of these places each section has; "for you" has none for a reader who wished for
    nothing of their own."""
    outside = 1 if places >= SMALLEST_WITH_OUTSIDE else 0
    if not wishes:
        return {FOR_YOU: 0, TRENDING: places - outside, OUTSIDE: outside}
    trending = max(round(places * TRENDING_SHARE), 1) if places > 1 else 0
    return {FOR_YOU: places - trending - outside, TRENDING: trending, OUTSIDE: outside}


def select_papers(
    shelves: Sequence[ReaderCandidates], places: Sequence[int], alike: Similarities
) -> list[list[Choice]]:
    """For each reader at most so many papers: what the curator pinned, for you, what is trending,
    one from outside their fields; each section best first, and no section with what another says
    already."""
    if not shelves:
        return []
    plans = SelectionState(shelves, places)
    for section in (FOR_YOU, TRENDING, OUTSIDE):
        plans.take(section, diversify(plans.offers(section), alike))
    return plans.chosen


def best_candidates(
    among: Flags, order: Scores, most: Positions, before: Sequence[Sequence[int]]
) -> SectionCandidates:
    """Of each row of `among` the highest in `order`, SPARE times as many as are wanted; of equals
    the earlier position."""
    looked_at = np.minimum(most * SPARE, among.shape[1])
    longest = int(looked_at.max(initial=0))
    ranked = np.zeros((len(among), longest), dtype=np.int64)
    worth, there = np.zeros(ranked.shape, dtype=np.float32), np.zeros(ranked.shape, dtype=bool)
    if longest:
        values = np.where(among, order, -np.inf)
        least = np.partition(values, -longest, axis=1)[:, -longest, None]
        rows, positions = np.nonzero(among & (values >= least))
        best_first = np.lexsort((-values[rows, positions], rows))
        rows, positions = rows[best_first], positions[best_first]
        places = np.arange(len(rows)) - np.searchsorted(rows, rows)
        kept = places < looked_at[rows]
        rows, positions, places = rows[kept], positions[kept], places[kept]
        ranked[rows, places] = positions
        worth[rows, places] = order[rows, positions]
        there[rows, places] = True
    return SectionCandidates(ranked, worth, there, most, before)


def diversify(offers: SectionCandidates, alike: Similarities) -> list[list[int]]:
    """Of each row the positions chosen, best first. They are chosen one after the other: each time
    the one worth most, less VARIETY of that for its likeness to the closest of those chosen
    already or `before`; twins of these never. All rows take their turns together.
    """
    ranked, worth, left = offers.ranked, offers.worth, offers.there.copy()
    nearest, taken = np.zeros_like(worth), np.zeros_like(left)

    def stand_beside(rows: Positions, ones: Positions) -> None:
        nearest[rows] = np.maximum(nearest[rows], alike(ones, ranked[rows]))

    before = np.array([len(row) for row in offers.before], dtype=np.int64)
    for turn in range(before.max(initial=0)):
        rows = np.flatnonzero((before > turn) & left.any(axis=1))
        ones = [offers.before[row][turn] for row in rows.tolist()]
        stand_beside(rows, np.array(ones, dtype=np.int64))
    left &= nearest <= NEAR_DUPLICATE
    while len(rows := np.flatnonzero(left.any(axis=1) & (taken.sum(axis=1) < offers.most))):
        value = worth[rows] * (1.0 - VARIETY * nearest[rows])
        places = np.argmax(np.where(left[rows], value, -np.inf), axis=1)
        taken[rows, places] = True
        stand_beside(rows, ranked[rows, places])
        left &= (nearest <= NEAR_DUPLICATE) & ~taken
    return [positions[mine].tolist() for positions, mine in zip(ranked, taken, strict=True)]
