"""Plots that illustrate sample papers; they show no data."""

from __future__ import annotations

import math
import random

from devtools.sample.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    WIDTH,
    Drawing,
    picture,
    plot,
    unit,
)


@picture("2604.26799")
def rate_distortion(d: Drawing, _: random.Random) -> None:
    at = d.axes("file size", "quality")
    plot(d, at, lambda x: 0.95 * (1 - math.exp(-4.5 * x)), BLUE, (0.42, 0.92, "searched"))
    plot(d, at, lambda x: 0.85 * (1 - math.exp(-2.6 * x)), GREY, (0.62, 0.58, "by hand"))
    d.line([at(0.3, 0), at(0.3, 0.7)], ORANGE, 2, dash="6 5")
    d.dot(*at(0.3, 0.704), 7, ORANGE)


@picture("2604.26694")
def two_schedules(d: Drawing, _: random.Random) -> None:
    at = d.axes("denoising step", "noise")
    plot(d, at, lambda x: max(1 - 3.2 * x, 0) * 0.95, ORANGE, (0.04, 0.25, "action"))
    plot(d, at, lambda x: 0.95 * (1 - x**1.4), BLUE, (0.62, 0.66, "video"))
    plot(d, at, lambda x: 0.9 * (1 - x**0.9), GREEN, (0.42, 0.3, "depth"))


@picture("2604.26412")
def acceptance_by_position(d: Drawing, _: random.Random) -> None:
    at = d.axes("draft position", "acceptance")
    plot(d, at, lambda x: 0.25 + 0.65 * math.exp(-1.1 * x), BLUE, (0.62, 0.64, "KV cache"))
    plot(d, at, lambda x: 0.9 * math.exp(-2.6 * x), GREY, (0.1, 0.2, "hidden state"))


@picture("2604.26744")
def information_plane(d: Drawing, _: random.Random) -> None:
    at = d.axes("I(X;T)", "I(T;Y)")
    plot(d, at, lambda x: 0.82 * (1 - math.exp(-3.6 * x)), BLUE)
    for x in (0.08, 0.2, 0.36, 0.6, 0.85):
        d.dot(*at(x, 0.82 * (1 - math.exp(-3.6 * x))), 7, ORANGE)
    d.line([at(0, 0.86), at(1, 0.86)], GREY, 2, dash="6 6")


@picture("2604.26866")
def monotonic_features(d: Drawing, rng: random.Random) -> None:
    at = d.axes("share of unknown facts", "activation")
    for _ in range(7):
        level = rng.uniform(0.15, 0.7)
        d.line([at(x, level + rng.uniform(-0.1, 0.1)) for x in unit(9)], "#cbd5e0", 2)
    d.line([at(x, 0.12 + 0.75 * x**1.2) for x in unit(9)], ORANGE, 4)
    for x in unit(9):
        d.dot(*at(x, 0.12 + 0.75 * x**1.2), 5, ORANGE)


@picture("2604.25884")
def rabi_oscillation(d: Drawing, rng: random.Random) -> None:
    at = d.axes("pulse duration", "population")

    def curve(x: float) -> float:
        return 0.5 - 0.42 * math.exp(-1.8 * x) * math.cos(6.5 * math.tau * x / 1.6)

    plot(d, at, curve, BLUE)
    for x in unit(46):
        d.dot(*at(x, min(max(curve(x) + rng.gauss(0, 0.05), 0), 1)), 4, ORANGE)


@picture("2604.24763")
def resolution_curves(d: Drawing, _: random.Random) -> None:
    at = d.axes("image resolution", "accuracy")
    plot(d, at, lambda x: 0.3 + 0.6 * x**0.7, BLUE, (0.44, 0.82, "pixels"))
    plot(d, at, lambda x: 0.42 + 0.28 * x**0.6, GREY, (0.6, 0.5, "vision encoder"))


@picture("2604.24003")
def training_curves(d: Drawing, rng: random.Random) -> None:
    at = d.axes("training step", "reward")

    def stable(x: float) -> float:
        return 0.15 + 0.7 * (1 - math.exp(-3.5 * x)) + rng.gauss(0, 0.012)

    def collapse(x: float) -> float:
        rise = 0.15 + 0.6 * (1 - math.exp(-4 * x))
        return rise * (1 if x < 0.5 else max(0.12, 1 - 3.2 * (x - 0.5))) + rng.gauss(0, 0.02)

    plot(d, at, stable, BLUE, (0.55, 0.93, "selected steps"))
    plot(d, at, collapse, GREY, (0.74, 0.5, "baseline"))


@picture("2604.23551")
def attenuation(d: Drawing, _: random.Random) -> None:
    for n in range(12):
        d.parts.append(
            f'<rect x="0" y="{22.5 * n}" width="{WIDTH}" height="23" '
            f'fill="hsl({196 + n},55%,{88 - 3 * n}%)"/>'
        )
    at = d.axes("depth", "light")
    plot(d, at, lambda x: 0.92 * math.exp(-6 * x), RED, (0.16, 0.5, "red"))
    plot(d, at, lambda x: 0.92 * math.exp(-2.2 * x), GREEN, (0.42, 0.45, "green"))
    plot(d, at, lambda x: 0.92 * math.exp(-0.9 * x), BLUE, (0.72, 0.6, "blue"))
