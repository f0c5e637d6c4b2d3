"""Which papers stand in a digest, and in which part of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FOR_YOU, TRENDING, OUTSIDE = "for_you", "trending", "outside"
SECTIONS = {
    FOR_YOU: "For you",
    TRENDING: "Trending in your fields",
    OUTSIDE: "From outside your usual",
}
TRENDING_SHARE = 0.3  # of the places; the reader's own papers come first and may take the rest
SMALLEST_WITH_OUTSIDE = 5  # in a shorter digest every place is wanted for what was asked for


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
    the reader's fields. `threshold` is the least personal score.
    """

    personal: NDArray[np.float32]
    trending: NDArray[np.float32]
    fresh: NDArray[np.bool_]
    open: NDArray[np.bool_]
    fields: NDArray[np.bool_]
    threshold: float


def compose(shelf: Shelf, places: int) -> list[Choice]:
    """At most `places` papers: for you, trending in your fields, one from outside."""
    allowed = shelf.open & (shelf.personal >= 0)
    outside_places = 1 if places >= SMALLEST_WITH_OUTSIDE else 0
    trending_places = max(round(places * TRENDING_SHARE), 1) if places > 1 else 0
    chosen: list[Choice] = []

    def take(section: str, among: NDArray[np.bool_], order: NDArray[np.float32], most: int) -> None:
        for position in best(among & allowed, order, most):
            allowed[position] = False
            chosen.append(Choice(position, section, max(float(shelf.personal[position]), 0.0)))

    talked_about = shelf.trending > 0
    liked = shelf.fresh & (shelf.personal > max(shelf.threshold, 0.0))
    take(FOR_YOU, liked, shelf.personal, places - trending_places - outside_places)
    take(TRENDING, shelf.fields & talked_about, shelf.trending, trending_places)
    take(OUTSIDE, ~shelf.fields & talked_about, shelf.trending, outside_places)
    return chosen


def best(among: NDArray[np.bool_], order: NDArray[np.float32], most: int) -> list[int]:
    """Positions of the `most` highest in `order`; of equals the earlier position."""
    positions = np.flatnonzero(among)
    ranked = positions[np.argsort(-order[positions], kind="stable")]
    return [int(position) for position in ranked[: max(most, 0)]]
