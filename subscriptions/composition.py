"""Which papers stand in a digest, and in which part of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext_noop
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Alike = Callable[[Sequence[int]], Callable[[int], Scores]]

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
    the reader's fields. `threshold` is the least personal score. `alike` says of some positions how
    much each of these papers says the same as another one, in [0, 1]. `pinned` are the positions
    of what the curator puts first, in that order.
    """

    personal: Scores
    trending: Scores
    fresh: NDArray[np.bool_]
    open: NDArray[np.bool_]
    fields: NDArray[np.bool_]
    threshold: float
    alike: Alike
    pinned: Sequence[int] = ()


def compose(shelf: Shelf, places: int) -> list[Choice]:
    """At most `places` papers: what the curator pinned, for you, trending in your fields, one from
    outside; each section best first, and no section with what another says already."""
    allowed = shelf.open & (shelf.personal >= 0)
    pinned = [position for position in shelf.pinned if allowed[position]]
    pinned = pinned[: int(places * PICKED_SHARE)]
    places -= len(pinned)
    outside_places = 1 if places >= SMALLEST_WITH_OUTSIDE else 0
    trending_places = max(round(places * TRENDING_SHARE), 1) if places > 1 else 0
    chosen = [_choice(shelf, PICKED, position) for position in pinned]
    allowed[pinned] = False

    def take(section: str, among: NDArray[np.bool_], order: Scores, most: int) -> None:
        before = [choice.position for choice in chosen]
        ranked = best(among & allowed, order, most * SPARE)
        for position in varied(shelf.alike, before, ranked, order, most):
            allowed[position] = False
            chosen.append(_choice(shelf, section, position))

    talked_about = shelf.trending > 0
    liked = shelf.fresh & (shelf.personal > max(shelf.threshold, 0.0))
    take(FOR_YOU, liked, shelf.personal, places - trending_places - outside_places)
    take(TRENDING, shelf.fields & talked_about, shelf.trending, trending_places)
    take(OUTSIDE, ~shelf.fields & talked_about, shelf.trending, outside_places)
    return chosen


def _choice(shelf: Shelf, section: str, position: int) -> Choice:
    return Choice(position, section, max(float(shelf.personal[position]), 0.0))


def best(among: NDArray[np.bool_], order: Scores, most: int) -> list[int]:
    """Positions of the `most` highest in `order`; of equals the earlier position."""
    positions = np.flatnonzero(among)
    ranked = positions[np.argsort(-order[positions], kind="stable")]
    return [int(position) for position in ranked[: max(most, 0)]]


def varied(
    alike: Alike,
    before: Sequence[int],
    ranked: Sequence[int],
    order: Scores,
    most: int,
) -> list[int]:
    """At most `most` of the `ranked`, best first, chosen one after the other: each time the highest
    in `order`, less VARIETY of that for its likeness to the closest of those chosen already or
    `before`; twins of these never."""
    if not ranked:
        return []
    likeness_to = alike(ranked)
    worth = order[list(ranked)]
    nearest = np.zeros(len(ranked), dtype=np.float32)
    for one in before:
        nearest = np.maximum(nearest, likeness_to(one))
    left = nearest <= TWINS
    taken: list[int] = []
    while len(taken) < most and left.any():
        place = int(np.argmax(np.where(left, worth * (1.0 - VARIETY * nearest), -1.0)))
        taken.append(place)
        nearest = np.maximum(nearest, likeness_to(ranked[place]))
        left &= nearest <= TWINS
        left[place] = False
    return [ranked[place] for place in sorted(taken)]
