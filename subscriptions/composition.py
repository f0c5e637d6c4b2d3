"""Which papers stand in a digest, and in which part of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from django.utils.translation import gettext_noop
from numpy.typing import NDArray

Scores = NDArray[np.float32]
# How much each of some papers says the same as each of its row of others, in [0, 1].
Alike = Callable[[NDArray[np.int64], NDArray[np.int64]], Scores]

PICKED, FOR_YOU, TRENDING, OUTSIDE = "picked", "for_you", "trending", "outside"
SECTIONS = {
    PICKED: gettext_noop("From the editor"),
    FOR_YOU: gettext_noop("For you"),
    TRENDING: gettext_noop("Trending in your fields"),
    OUTSIDE: gettext_noop("From outside your usual"),
}
PICKED_SHARE = 0.5  # of the places at most; what a reader asked for is never crowded out
TRENDING_SHARE = 0.3  # of the places; the reader's own papers come first and may take the rest
SMALLEST_WITH_OUTSIDE = 5  # in a shorter digest every place is wanted for what was asked for
# The share of its score that a paper loses to one that is just like it, chosen on one half of the
# readers of the evaluation: a little more variety for next to nothing that they would have picked.
VARIETY = 0.3
TWINS = 0.7  # papers more alike than this never stand in one digest
SPARE = 4  # times as many as there are places are looked at


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate's position, the part of the digest it stands in, and its personal score."""

    position: int
    section: str
    score: float


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one reader may get. All arrays are by candidate position.

    personal: scores in [0, 1], below zero for what must never be sent; trending: scores of any
    scale; fresh: news since the reader's last digest; open: not sent before; fields: in one of
    the reader's fields. `threshold` is the least personal score. `pinned` are the positions of
    what the curator puts first, in that order.
    """

    personal: Scores
    trending: Scores
    fresh: NDArray[np.bool_]
    open: NDArray[np.bool_]
    fields: NDArray[np.bool_]
    threshold: float
    pinned: Sequence[int] = ()


class _Plan:
    """One reader's digest while it is composed: what is chosen, and what still may be."""

    def __init__(self, shelf: Shelf, places: int) -> None:
        self.shelf = shelf
        self.allowed = shelf.open & (shelf.personal >= 0)
        self.chosen: list[Choice] = []
        pinned = [position for position in shelf.pinned if self.allowed[position]]
        pinned = pinned[: int(places * PICKED_SHARE)]
        self.take(PICKED, pinned)
        places -= len(pinned)
        outside = 1 if places >= SMALLEST_WITH_OUTSIDE else 0
        trending = max(round(places * TRENDING_SHARE), 1) if places > 1 else 0
        self.places = {FOR_YOU: places - trending - outside, TRENDING: trending, OUTSIDE: outside}

    def offer(self, section: str) -> Offer:
        """What may stand in a section, best first."""
        shelf, most = self.shelf, self.places[section]
        if section == FOR_YOU:
            order = shelf.personal
            among = shelf.fresh & (order > max(shelf.threshold, 0.0))
        else:
            order = shelf.trending
            among = (shelf.fields if section == TRENDING else ~shelf.fields) & (order > 0)
        ranked = best(among & self.allowed, order, most * SPARE)
        return Offer(ranked, order[ranked], most, [choice.position for choice in self.chosen])

    def take(self, section: str, positions: Sequence[int]) -> None:
        self.allowed[positions] = False
        scores = np.maximum(self.shelf.personal[positions], 0.0).tolist()
        self.chosen += [Choice(*one) for one in zip(positions, repeat(section), scores)]


@dataclass(frozen=True, slots=True)
class Offer:
    """The `most` that are wanted of the `ranked` positions, best first; `worth`: of each of these.
    `before`: what is chosen already."""

    ranked: Sequence[int]
    worth: Scores
    most: int
    before: Sequence[int] = ()


def compose(shelves: Sequence[Shelf], places: Sequence[int], alike: Alike) -> list[list[Choice]]:
    """For each reader at most so many papers: what the curator pinned, for you, trending in your
    fields, one from outside; each section best first, and no section with what another says
    already."""
    plans = [_Plan(*one) for one in zip(shelves, places, strict=True)]
    for section in (FOR_YOU, TRENDING, OUTSIDE):
        chosen = varied([plan.offer(section) for plan in plans], alike)
        for plan, positions in zip(plans, chosen, strict=True):
            plan.take(section, positions)
    return [plan.chosen for plan in plans]


def best(among: NDArray[np.bool_], order: Scores, most: int) -> list[int]:
    """Positions of the `most` highest in `order`; of equals the earlier position."""
    if most <= 0:
        return []
    positions = np.flatnonzero(among)
    if most < len(positions):
        least = np.partition(order[positions], -most)[-most]
        positions = positions[order[positions] >= least]
    ranked: list[int] = positions[np.argsort(-order[positions], kind="stable")].tolist()
    return ranked[:most]


def varied(offers: Sequence[Offer], alike: Alike) -> list[list[int]]:
    """Of each offer the positions chosen, best first. They are chosen one after the other: each
    time the one worth most, less VARIETY of that for its likeness to the closest of those chosen
    already or `before`; twins of these never. All offers take their turns together.
    """
    counts = np.array([len(offer.ranked) for offer in offers], dtype=np.int64)
    before = np.array([len(offer.before) for offer in offers], dtype=np.int64)
    most = np.array([offer.most for offer in offers], dtype=np.int64)
    left = np.arange(counts.max(initial=0)) < counts[:, None]
    ranked, worth = np.zeros(left.shape, dtype=np.int64), np.zeros(left.shape, dtype=np.float32)
    ranked[left] = [position for offer in offers for position in offer.ranked]
    worth[left] = np.concatenate([np.empty(0, np.float32), *(offer.worth for offer in offers)])
    nearest, taken = np.zeros_like(worth), np.zeros_like(left)

    def stand_beside(rows: NDArray[np.int64], ones: NDArray[np.int64]) -> None:
        nearest[rows] = np.maximum(nearest[rows], alike(ones, ranked[rows]))

    for turn in range(before.max(initial=0)):
        rows = np.flatnonzero((before > turn) & (counts > 0))
        ones = [offers[row].before[turn] for row in rows.tolist()]
        stand_beside(rows, np.array(ones, dtype=np.int64))
    left &= nearest <= TWINS
    while len(rows := np.flatnonzero(left.any(axis=1) & (taken.sum(axis=1) < most))):
        value = worth[rows] * (1.0 - VARIETY * nearest[rows])
        places = np.argmax(np.where(left[rows], value, -np.inf), axis=1)
        taken[rows, places] = True
        stand_beside(rows, ranked[rows, places])
        left &= (nearest <= TWINS) & ~taken
    return [positions[mine].tolist() for positions, mine in zip(ranked, taken, strict=True)]
