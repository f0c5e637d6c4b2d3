"""A small line chart of counts over time, as the points of an SVG polyline. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT, MARGIN = 320, 96, 6  # SVG user units
MAX_DOTS = 60

Count = tuple[datetime, str, int]  # time, source, count so far


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart: `line` for the `points` attribute, `dots` as (x, y), at most `MAX_DOTS`."""

    line: str
    dots: Sequence[tuple[float, float]]
    first: datetime
    last: datetime
    start: int
    end: int
    highest: int


def total_over_time(counts: Iterable[Count]) -> list[tuple[datetime, int]]:
    """Return the sum over all sources at each time.

    A source without a count at that time keeps its previous one.
    """
    latest: dict[str, int] = {}
    totals: dict[datetime, int] = {}
    for at, source, count in sorted(counts):
        latest[source] = count
        totals[at] = sum(latest.values())
    return list(totals.items())


def draw_plot(counts: Iterable[Count]) -> Plot | None:
    """Return the chart, or None if there are fewer than two points in time."""
    points = _thin_out(total_over_time(counts))
    if len(points) < 2:
        return None
    first, last = points[0][0], points[-1][0]
    highest = max(count for _, count in points)
    span = (last - first).total_seconds()
    dots = [
        (
            round(MARGIN + (at - first).total_seconds() / span * (WIDTH - 2 * MARGIN), 1),
            round(HEIGHT - MARGIN - count / max(highest, 1) * (HEIGHT - 2 * MARGIN), 1),
        )
        for at, count in points
    ]
    line = " ".join(f"{x},{y}" for x, y in dots)
    return Plot(line, dots, first, last, points[0][1], points[-1][1], highest)


def _thin_out(points: Sequence[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Return at most `MAX_DOTS` evenly spaced points, including the first and the last."""
    if len(points) <= MAX_DOTS:
        return list(points)
    step = (len(points) - 1) / (MAX_DOTS - 1)
    return [points[round(index * step)] for index in range(MAX_DOTS)]
