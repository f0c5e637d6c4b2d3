"""Simulated readers of real interests: sections of reading lists, and people's own papers. Pure.

One half of the papers of an interest comes out on the reader's days, one or a few a day. The other
half is held out, to measure how well the profile ranks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from devtools.evaluation import json_lines
from devtools.evaluation.cases import Corpus, EvaluationError

DAYS = 20
MIN_PAPERS = 8  # of an interest
MIN_WANTED = 3  # that come out on one of the days; as many are held out, at least
MIN_POOL = 100  # papers of a day; the corpus lacks most papers of some days
WORDS, EXAMPLE, PERSON = "words", "one example", "person, one example"

_SIGNS = re.compile(r"^\W+")


@dataclass(frozen=True, slots=True)
class Interest:
    """A section of a list, or a person: a name, its title, and the positions of its papers."""

    name: str
    title: str
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SimulatedReader:
    """A reader who starts with a typed text or an example.

    * `interest` names the interest; both readers of a list have the same.
    * `days`: the names of DAYS pools, in order of date.
    * `wanted`: positions of papers in these pools that the reader wants, and `held_out` of others.
    * `given`: positions of five of the wanted papers, for the comparison with given examples.
    """

    interest: str
    kind: str
    text: str
    examples: tuple[int, ...]
    days: tuple[str, ...]
    wanted: frozenset[int]
    held_out: frozenset[int]
    given: tuple[int, ...]


def read_interests(path: Path, corpus: Corpus) -> list[Interest]:
    """Read interests with enough papers in the corpus, by name. Raise EvaluationError."""
    positions = corpus.positions
    try:
        rows = list(json_lines.read_objects(path))
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: {error}") from error
    interests = [_read_interest(row, positions) for row in rows]
    kept = [interest for interest in interests if len(interest.positions) >= MIN_PAPERS]
    if len(kept) < 2:
        raise EvaluationError(f"{path}: fewer than two interests of {MIN_PAPERS} known papers")
    return sorted(kept, key=lambda interest: interest.name)


def _read_interest(row: Mapping[str, Any], positions: Mapping[str, int]) -> Interest:
    keys = (item["arxiv_id"] for item in row["items"])
    found = dict.fromkeys(positions[key] for key in keys if key in positions)
    title = _SIGNS.sub("", row.get("list_title", ""))
    return Interest(row["profile_id"], f"{title}: {row['name']}" if title else "", tuple(found))


def split_interests(interests: Sequence[Interest]) -> tuple[set[str], set[str]]:
    """Return the names of a random half of the interests, always the same, and of the other."""
    order = np.random.default_rng(5).permutation(len(interests)).tolist()
    names = [interests[n].name for n in order]
    return set(names[: len(names) // 2]), set(names[len(names) // 2 :])


def simulate_readers(corpus: Corpus, interests: Iterable[Interest]) -> list[SimulatedReader]:
    """Return the readers of each interest: of a list one with its title and one with an example."""
    calendar = [
        name for name, pool in corpus.pools.items() if _is_listed(name) and len(pool) >= MIN_POOL
    ]
    days = {name: set(corpus.pools[name].tolist()) for name in sorted(calendar)}
    readers = []
    for number, interest in enumerate(interests):
        if plan := _plan_days(interest, days, np.random.default_rng(number)):
            readers += _readers_of(interest, plan)
    return readers


def _is_listed(pool: str) -> bool:
    return pool.startswith("listed:")


@dataclass(frozen=True, slots=True)
class _Plan:
    example: int
    days: tuple[str, ...]
    wanted: frozenset[int]
    held_out: frozenset[int]
    given: tuple[int, ...]


def _plan_days(
    interest: Interest, days: Mapping[str, set[int]], rng: np.random.Generator
) -> _Plan | None:
    """Divide the papers of an interest; return None if too few come out on one of the days.

    Papers of other days are held out.
    """
    own = set(interest.positions)
    day_of = {paper: name for name, pool in days.items() for paper in pool & own}
    example, *rest = rng.permutation(interest.positions).tolist()
    count = len(rest) // 2
    dated = [paper for paper in rest if paper in day_of][:count]
    by_day: dict[str, list[int]] = defaultdict(list)
    for paper in dated:
        by_day[day_of[paper]].append(paper)
    chosen = [str(name) for name in rng.permutation(sorted(by_day))[:DAYS]]
    wanted = [paper for name in chosen for paper in by_day[name]]
    if len(wanted) < MIN_WANTED:
        return None
    others = [name for name in days if name not in by_day]
    chosen += [str(name) for name in rng.permutation(others)[: DAYS - len(chosen)]]
    held_out = frozenset(rest).difference(dated)
    return _Plan(example, tuple(sorted(chosen)), frozenset(wanted), held_out, tuple(wanted[:5]))


def _readers_of(interest: Interest, plan: _Plan) -> list[SimulatedReader]:
    def reader(kind: str, text: str, examples: tuple[int, ...]) -> SimulatedReader:
        return SimulatedReader(
            interest.name,
            kind,
            text,
            examples,
            plan.days,
            plan.wanted,
            plan.held_out,
            plan.given,
        )

    if not interest.title:
        return [reader(PERSON, "", (plan.example,))]
    return [reader(WORDS, interest.title, ()), reader(EXAMPLE, "", (plan.example,))]
