"""A line through counts over time, as the points of a small SVG. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT, MARGIN = 320, 96, 6  # of the drawing, in its own units

Count = tuple[datetime, str, int]  # when, by whom, how many so far


@dataclass(frozen=True, slots=True)
class Plot:
    """`line` is the `points` of a polyline; `dots` are (x, y) of each count, at most `MOST`."""

    line: str
    dots: Sequence[tuple[float, float]]
    first: datetime
    last: datetime
    start: int
    end: int
    highest: int


MOST = 60


def total_over_time(counts: Iterable[Count]) -> list[tuple[datetime, int]]:
    """All who count added up at each moment; who was not asked then stands as last heard of."""
    standing: dict[str, int] = {}
    found: dict[datetime, int] = {}
    for at, kind, number in sorted(counts):
        standing[kind] = number
        found[at] = sum(standing.values())
    return list(found.items())


def draw_plot(counts: Iterable[Count]) -> Plot | None:
    """None where there are not two moments to draw a line between."""
    points = _thinned(total_over_time(counts))
    if len(points) < 2:
        return None
    first, last = points[0][0], points[-1][0]
    highest = max(number for _, number in points)
    span = (last - first).total_seconds()
    dots = [
        (
            round(MARGIN + (at - first).total_seconds() / span * (WIDTH - 2 * MARGIN), 1),
            round(HEIGHT - MARGIN - number / max(highest, 1) * (HEIGHT - 2 * MARGIN), 1),
        )
        for at, number in points
    ]
    line = " ".join(f"{x},{y}" for x, y in dots)
    return Plot(line, dots, first, last, points[0][1], points[-1][1], highest)


def _thinned(points: Sequence[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """At most `MOST` of them, the first and the last among these."""
    if len(points) <= MOST:
        return list(points)
    step = (len(points) - 1) / (MOST - 1)
    return [points[round(place * step)] for place in range(MOST)]
