"""Drawings in SVG: lines, shapes, labels and axes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence

WIDTH, HEIGHT = 480, 270  # pixels
BLUE, ORANGE, GREEN, RED, GREY = "#2b6cb0", "#dd6b20", "#2f855a", "#c53030", "#718096"
LIGHT, PALE_BLUE, PALE_ORANGE, PALE_GREEN = "#e2e8f0", "#d3e3f5", "#fbe3cf", "#d5ecdc"
INK = "#2d3748"

Point = tuple[float, float]


class Drawing:
    """A picture in SVG, built from lines, shapes and labels."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def svg(self) -> str:
        """Return the whole picture as an SVG element."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            'font-family="sans-serif" font-size="17"><defs><marker id="tip" markerWidth="10" '
            'markerHeight="10" refX="7" refY="4" orient="auto" markerUnits="userSpaceOnUse">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="{GREY}"/></marker></defs>'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(self.parts)}</svg>'
        )

    def line(
        self,
        points: Iterable[Point],
        color: str = GREY,
        width: float = 2,
        *,
        dash: str = "",
        fill: str = "none",
    ) -> None:
        """Draw a polyline, or a polygon if `fill` is given."""
        path = " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
        close = "" if fill == "none" else "z"
        self.parts.append(
            f'<path d="M{path}{close}" fill="{fill}" stroke="{color}" stroke-width="{width}" '
            f'stroke-linejoin="round" stroke-linecap="round" stroke-dasharray="{dash}"/>'
        )

    def arrow(self, start: Point, end: Point, color: str = GREY, bend: float = 0) -> None:
        """Draw an arrow, bent sideways by so many pixels."""
        (x1, y1), (x2, y2) = start, end
        length = math.hypot(x2 - x1, y2 - y1)
        x = (x1 + x2) / 2 - bend * (y2 - y1) / length
        y = (y1 + y2) / 2 + bend * (x2 - x1) / length
        self.parts.append(
            f'<path d="M{x1:.1f},{y1:.1f} Q{x:.1f},{y:.1f} {x2:.1f},{y2:.1f}" fill="none" '
            f'stroke="{color}" stroke-width="2" marker-end="url(#tip)"/>'
        )

    def box(self, x: float, y: float, w: float, h: float, fill: str, label: str = "") -> None:
        """Draw a rectangle with a label in its middle."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="4" '
            f'fill="{fill}" stroke="{GREY}"/>'
        )
        if label:
            self.text(x + w / 2, y + h / 2 + 6, label)

    def dot(self, x: float, y: float, r: float, fill: str, stroke: str = "none") -> None:
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{fill}" stroke="{stroke}"/>'
        )

    def text(
        self, x: float, y: float, label: str, color: str = INK, anchor: str = "middle"
    ) -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" text-anchor="{anchor}">{label}</text>'
        )

    def axes(self, x_label: str, y_label: str) -> Callable[[float, float], Point]:
        """Draw axes and return the function from the unit square to pixels."""
        left, top, right, bottom = 46, 18, WIDTH - 20, HEIGHT - 40
        self.line([(left, top), (left, bottom), (right, bottom)], INK)
        self.text((left + right) / 2, HEIGHT - 14, x_label)
        self.parts.append(
            f'<text transform="translate(28,{(top + bottom) / 2}) rotate(-90)" '
            f'text-anchor="middle" fill="{INK}">{y_label}</text>'
        )
        return lambda x, y: (left + x * (right - left), bottom - y * (bottom - top))


PICTURES: dict[str, Callable[[Drawing, random.Random], None]] = {}


def picture(arxiv_id: str) -> Callable[..., Callable[[Drawing, random.Random], None]]:
    """Register a function that draws the picture of a paper."""

    def register(
        draw: Callable[[Drawing, random.Random], None],
    ) -> Callable[[Drawing, random.Random], None]:
        PICTURES[arxiv_id] = draw
        return draw

    return register


def unit(count: int = 60) -> list[float]:
    """Return evenly spaced numbers from 0 to 1."""
    return [n / (count - 1) for n in range(count)]


def plot(
    drawing: Drawing,
    at: Callable[[float, float], Point],
    curve: Callable[[float], float],
    color: str,
    label: tuple[float, float, str] | None = None,
    dash: str = "",
) -> None:
    """Draw a curve over the unit interval, with a label at a place of the unit square."""
    drawing.line([at(x, min(max(curve(x), 0), 1)) for x in unit()], color, 3, dash=dash)
    if label:
        x, y = at(label[0], label[1])
        drawing.text(x, y, label[2], color, "start")


def row(drawing: Drawing, boxes: Sequence[tuple[str, str]], y: float, h: float = 56) -> None:
    """Draw labelled boxes from left to right with arrows between them."""
    gap, width = 30, (WIDTH - 40 - 30 * (len(boxes) - 1)) / len(boxes)
    for n, (label, fill) in enumerate(boxes):
        x = 20 + n * (width + gap)
        drawing.box(x, y, width, h, fill, label)
        if n:
            drawing.arrow((x - gap + 3, y + h / 2), (x - 4, y + h / 2))
