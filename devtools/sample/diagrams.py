"""Diagrams that illustrate sample papers."""

from __future__ import annotations

import math
import random
from itertools import pairwise

from devtools.sample.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    PALE_BLUE,
    PALE_GREEN,
    PALE_ORANGE,
    Drawing,
    Point,
    picture,
    row,
    unit,
)


@picture("2604.26752")
def perception_loop(d: Drawing, _: random.Random) -> None:
    d.box(30, 40, 170, 120, LIGHT)
    d.box(30, 40, 170, 22, PALE_BLUE)
    for n in range(3):
        d.box(44, 74 + 26 * n, 60 + 30 * (n % 2), 14, "white")
    d.box(150, 100, 36, 46, PALE_ORANGE)
    for n, (label, fill) in enumerate(
        (("perceive", PALE_BLUE), ("plan", PALE_GREEN), ("act", PALE_ORANGE))
    ):
        d.box(300, 30 + 66 * n, 140, 44, fill, label)
    d.arrow((206, 70), (294, 52))
    d.arrow((370, 76), (370, 92))
    d.arrow((370, 142), (370, 158))
    d.arrow((296, 186), (120, 170), bend=-40)
    d.text(115, 215, "screen")


@picture("2604.24927")
def branching_samples(d: Drawing, rng: random.Random) -> None:
    ends = [40, 88, 136, 184, 230]
    for n, y in enumerate(ends):
        middle = 90 if n < 2 else 136 if n == 2 else 182
        color = ORANGE if n == 3 else GREY
        d.line([(50, 136), (180, middle), (310, y)], color, 2 + 3 * (n == 3))
        d.dot(310, y, 7, color)
        d.box(350, y - 10, 20 + 80 * (0.9 if n == 3 else 0.2 + 0.2 * rng.random()), 20, LIGHT)
    d.dot(50, 136, 10, BLUE)
    d.text(400, 262, "prediction error")


@picture("2604.26951")
def two_teachers(d: Drawing, _: random.Random) -> None:
    d.box(30, 30, 150, 70, PALE_BLUE, "teacher A")
    d.box(30, 160, 150, 70, PALE_ORANGE, "teacher B")
    d.box(320, 105, 120, 54, PALE_GREEN, "student")
    d.arrow((186, 66), (312, 118))
    d.arrow((186, 194), (312, 146))


@picture("2604.26904")
def sandboxes(d: Drawing, rng: random.Random) -> None:
    for n in range(15):
        x, y = 30 + 86 * (n % 5), 24 + 78 * (n // 5)
        passed = rng.random() < 0.6
        d.box(x, y, 72, 62, PALE_GREEN if passed else LIGHT)
        d.box(x, y, 72, 14, GREY)
        if passed:
            d.line([(x + 24, y + 38), (x + 34, y + 48), (x + 52, y + 26)], GREEN, 4)
        else:
            d.line([(x + 20, y + 34), (x + 52, y + 34)], GREY, 3, dash="4 8")


@picture("2604.26779")
def rollout_timeline(d: Drawing, _: random.Random) -> None:
    for n, (label, lengths) in enumerate(
        (("standard", (300, 40, 60)), ("speculative", (150, 40, 60)))
    ):
        y = 60 + 90 * n
        d.text(24, y - 10, label, INK, "start")
        x = 24.0
        for length, fill in zip(lengths, (PALE_BLUE, PALE_ORANGE, PALE_GREEN), strict=True):
            d.box(x, y, length, 40, fill)
            x += length + 4
    d.text(24, 246, "rollout  ·  reward  ·  update", GREY, "start")


@picture("2604.26311")
def lemma_graph(d: Drawing, rng: random.Random) -> None:
    levels = [[(90 + 100 * n, 226) for n in range(4)], [(90, 150), (210, 150), (350, 150)]]
    levels += [[(160, 84), (300, 84)], [(230, 32)]]
    for lower, upper in pairwise(levels):
        for n, end in enumerate(upper):
            for start in {lower[n], lower[-1 - n], rng.choice(lower)}:
                d.arrow(start, (end[0], end[1] + 13))
    for n, level in enumerate(levels):
        for x, y in level:
            d.dot(x, y, 12, (PALE_BLUE, PALE_BLUE, PALE_GREEN, ORANGE)[n], GREY)


@picture("2604.26664")
def phase_circle(d: Drawing, _: random.Random) -> None:
    d.dot(125, 135, 90, "white", INK)
    for n in range(36):
        angle = n * math.tau / 36
        color = f"hsl({n * 10},60%,55%)"
        d.dot(125 + 90 * math.cos(angle), 135 + 90 * math.sin(angle), 8, color)
    d.arrow((125, 135), (186, 86), INK)
    for x in range(11):
        for y in range(11):
            wave = math.sin(x / 2.2) + math.cos(y / 2.7)
            hue = int(180 + 100 * wave) % 360
            d.parts.append(
                f'<rect x="{262 + 18 * x}" y="{36 + 18 * y}" width="18" height="18" '
                f'fill="hsl({hue},60%,60%)"/>'
            )


@picture("2604.26517")
def filaments(d: Drawing, rng: random.Random) -> None:
    d.box(10, 10, 460, 250, "#1a202c")
    for _ in range(11):
        x, y, angle = rng.uniform(30, 430), rng.uniform(30, 240), rng.uniform(0, math.tau)
        bend = rng.uniform(-0.09, 0.09)
        for _ in range(40):
            bend += rng.uniform(-0.012, 0.012)
            end = (x + 6 * math.cos(angle), y + 6 * math.sin(angle))
            if not (16 < end[0] < 464 and 16 < end[1] < 254):
                break
            d.line([(x, y), end], f"hsl({max(10, 200 - abs(bend) * 1800):.0f},85%,60%)", 4)
            (x, y), angle = end, angle + bend


@picture("2604.25917")
def recursive_team(d: Drawing, _: random.Random) -> None:
    places = [(240 + 130 * math.cos(a), 130 + 84 * math.sin(a)) for a in (-1.57, 0, 1.57, 3.14)]
    for n, (x, y) in enumerate(places):
        end = places[(n + 1) % 4]
        dx, dy = end[0] - x, end[1] - y
        d.arrow((x + 0.26 * dx, y + 0.26 * dy), (x + 0.74 * dx, y + 0.74 * dy), bend=-18)
    fills = (PALE_BLUE, PALE_ORANGE, PALE_GREEN, LIGHT)
    for (x, y), fill in zip(places, fills, strict=True):
        d.dot(x, y, 30, fill, GREY)
        for n in range(3):
            d.box(x - 17 + 12 * n, y - 10, 9, 20, "white")
    d.text(240, 136, "× rounds")


@picture("2604.25914")
def dashboard(d: Drawing, rng: random.Random) -> None:
    for n in range(4):
        d.box(20 + 228 * (n % 2), 16 + 124 * (n // 2), 212, 112, "white")
    for n in range(7):
        h = rng.uniform(20, 85)
        d.box(36 + 26 * n, 118 - h, 18, h, PALE_BLUE)
    d.line([(262 + 30 * n, 100 - rng.uniform(0, 70)) for n in range(7)], ORANGE, 3)
    for _ in range(28):
        x = rng.random()
        d.dot(36 + 180 * x, 240 - 80 * x + rng.uniform(-14, 14), 4, GREEN)
    for n in range(4):
        d.box(264, 154 + 22 * n, rng.uniform(60, 170), 14, PALE_ORANGE)


@picture("2604.24819")
def data_cycle(d: Drawing, _: random.Random) -> None:
    row(d, (("corpus", LIGHT), ("data", PALE_BLUE), ("train", PALE_GREEN)), 50)
    d.box(300, 170, 160, 56, PALE_ORANGE, "run tests")
    d.box(80, 170, 160, 56, LIGHT, "repair data")
    d.arrow((392, 110), (386, 164))
    d.arrow((296, 198), (246, 198))
    d.arrow((170, 166), (232, 112))


@picture("2604.25106")
def simplex_flow(d: Drawing, rng: random.Random) -> None:
    corners = [(240, 20), (80, 246), (400, 246)]
    d.line(corners, INK, 2, fill="white")
    target = (255.0, 172.0)
    for _ in range(9):
        weights = [rng.random() ** 2 for _ in corners]
        total = sum(weights)
        x = sum(w * c[0] for w, c in zip(weights, corners, strict=True)) / total
        y = sum(w * c[1] for w, c in zip(weights, corners, strict=True)) / total
        spin = 0.5
        path = []
        for step in unit(30):
            shrink, turn = (1 - step) ** 1.6, spin * step
            dx, dy = (x - target[0]) * shrink, (y - target[1]) * shrink
            path.append(
                (
                    target[0] + dx * math.cos(turn) - dy * math.sin(turn),
                    target[1] + dx * math.sin(turn) + dy * math.cos(turn),
                )
            )
        d.line(path, BLUE, 2)
    d.dot(*target, 7, ORANGE)


@picture("2604.25235")
def score_intervals(d: Drawing, _: random.Random) -> None:
    rows = (
        ("ranking", 0.55, 0.1),
        *(("captions", 0.5, 0.22), ("charts", 0.48, 0.38)),
        *(("math", 0.52, 0.42), ("aesthetics", 0.5, 0.45)),
    )
    for n, (label, middle, half) in enumerate(rows):
        y = 36 + 46 * n
        color = GREEN if half < 0.15 else ORANGE
        d.text(118, y + 6, label, INK, "end")
        d.line([(140 + 310 * (middle - half), y), (140 + 310 * (middle + half), y)], color, 5)
        d.dot(140 + 310 * middle, y, 8, color)
    d.line([(140, 252), (450, 252)], INK)


@picture("2604.25371")
def phylogeny(d: Drawing, rng: random.Random) -> None:
    leaves = [28 + 36 * n for n in range(7)]
    joins = (((0, 1), 250), ((2, 3), 220), ((4, 5), 270), ((7, 8), 170), ((9, 6), 190))
    nodes: list[Point] = [(330, y) for y in leaves]
    for (first, second), x in (*joins, ((10, 11), 90)):
        a, b = nodes[first], nodes[second]
        d.line([a, (x, a[1]), (x, b[1]), b], INK)
        nodes.append((x, (a[1] + b[1]) / 2))
    d.line([(50, nodes[-1][1]), nodes[-1]], INK)
    for n, y in enumerate(leaves):
        size = 11 + 1.2 * n + rng.uniform(-1, 1)
        angles = [k * math.tau / 30 for k in range(30)]
        outline = [
            (390 + 2.1 * size * math.cos(a), y + 0.9 * size * math.sin(a + 0.3 * math.cos(a)))
            for a in angles
        ]
        d.line(outline, GREY, 1.5, fill=PALE_ORANGE)
        d.dot(404, y - 3, 2.5, INK)


@picture("2604.24942")
def component_time_courses(d: Drawing, rng: random.Random) -> None:
    names = (("auditory", BLUE), ("language", GREEN), ("default mode", ORANGE), ("artifact", GREY))
    for n, (label, color) in enumerate(names):
        y, phase = 40 + 64 * n, rng.uniform(0, 6)
        noise = 16 if label == "artifact" else 3
        d.text(128, y + 6, label, color, "end")
        wave = [16 * math.sin((14 - 3 * n) * x + phase) + rng.gauss(0, noise) / 2 for x in unit(90)]
        d.line([(144 + 316 * x, y + w) for x, w in zip(unit(90), wave, strict=True)], color, 2)


@picture("2604.25611")
def streaming_windows(d: Drawing, rng: random.Random) -> None:
    for n in range(110):
        x = 20 + 4 * n
        loud = abs(math.sin(n / 9)) * (0.2 if 38 < n < 56 else 1)
        h = 4 + 44 * loud * rng.uniform(0.4, 1)
        d.line([(x, 80 - h), (x, 80 + h)], BLUE, 2.5)
    for n in range(4):
        d.box(20 + 100 * n, 150 + 22 * n, 150, 18, PALE_ORANGE if n < 3 else PALE_GREEN)


@picture("2604.22446")
def organisation_chart(d: Drawing, _: random.Random) -> None:
    d.box(180, 16, 120, 44, PALE_ORANGE, "director")
    for n in range(2):
        x = 80 + 210 * n
        d.box(x, 104, 110, 44, PALE_BLUE, "manager")
        d.line([(240, 60), (240, 82), (x + 55, 82), (x + 55, 104)])
        for k in range(3):
            left = x - 50 + 72 * k
            d.box(left, 200, 58, 40, LIGHT if (n, k) != (1, 2) else PALE_GREEN, "agent")
            d.line([(x + 55, 148), (x + 55, 174), (left + 29, 174), (left + 29, 200)])


@picture("2604.24764")
def camera_path(d: Drawing, _: random.Random) -> None:
    front = [(190, 110), (290, 110), (290, 200), (190, 200)]
    back = [(x + 40, y - 40) for x, y in front]
    d.line(back, GREY, 2, fill="white")
    d.line(front, INK, 2, fill=PALE_BLUE)
    d.line([front[0], back[0], back[1], front[1]], INK, 2, fill=PALE_GREEN)
    d.line([front[1], back[1], back[2], front[2]], INK, 2, fill=LIGHT)
    for n in range(6):
        angle = math.pi * (1.02 + n / 5 * 0.96)
        x, y = 258 + 205 * math.cos(angle), 222 + 195 * math.sin(angle)
        d.line([(x, y), (258 + 0.72 * (x - 258), 150 + 0.72 * (y - 150))], ORANGE, 1.5, dash="4 5")
        d.dot(x, y, 8, ORANGE)


@picture("2604.24432")
def attention_mask(d: Drawing, _: random.Random) -> None:
    size, cell = 20, 12
    for i in range(size):
        for j in range(i + 1):
            segment = j // 5
            recent = i - j < 5
            summary = j % 5 == 4 and segment < i // 5
            fill = BLUE if recent else ORANGE if summary else LIGHT
            d.parts.append(
                f'<rect x="{40 + cell * j}" y="{16 + cell * i}" width="{cell - 1}" '
                f'height="{cell - 1}" fill="{fill}"/>'
            )
    for n, (label, color) in enumerate((("recent", BLUE), ("summary", ORANGE), ("dropped", LIGHT))):
        d.box(320, 40 + 44 * n, 24, 24, color)
        d.text(356, 58 + 44 * n, label, INK, "start")


@picture("2604.23548")
def power_grid(d: Drawing, rng: random.Random) -> None:
    nodes = [(50 + 76 * (n % 6) + rng.uniform(-18, 18), 46.0 + 88 * (n // 6)) for n in range(18)]
    nodes = [(x, y + rng.uniform(-20, 20)) for x, y in nodes]
    for n, (x, y) in enumerate(nodes):
        for k in (n + 1, n + 6):
            if k < 18 and not (k == n + 1 and k % 6 == 0) and rng.random() < 0.85:
                d.line([(x, y), nodes[k]], GREY, rng.choice((2, 3, 5)))
    for n, (x, y) in enumerate(nodes):
        color = ORANGE if n in (1, 9, 16) else BLUE
        d.dot(x, y, 13 if color == ORANGE else 8, color, "white")


@picture("2604.24393")
def linear_regions(d: Drawing, rng: random.Random) -> None:
    center = (240.0, 135.0)
    for n in range(34):
        angle = rng.uniform(0, math.pi)
        offset = rng.gauss(0, 34) if n % 3 else rng.uniform(-170, 170)
        x, y = center[0] - offset * math.sin(angle), center[1] + offset * math.cos(angle)
        dx, dy = 600 * math.cos(angle), 600 * math.sin(angle)
        d.line([(x - dx, y - dy), (x + dx, y + dy)], "#a0aec0", 1.2)
    for _ in range(90):
        angle = rng.uniform(0, math.tau)
        r = 52 + rng.gauss(0, 7)
        d.dot(center[0] + 1.5 * r * math.cos(angle), center[1] + r * math.sin(angle), 4, ORANGE)
