"""Simulated readers of real interests: sections of reading lists, and people's papers. Pure.

One half of the papers of an interest comes out on the reader's days, one or a few a day. The other
half is held out, to measure how well the profile ranks. Each interest can have several random
divisions into both halves, with readers of their own.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from devtools.evaluation import json_lines
from devtools.evaluation.cases import HALVES, Corpus, EvaluationError
from subscriptions.matching.profile import MAX_TEAM, author_key

DAYS = 20
MIN_PAPERS = 8  # of an interest
MIN_WANTED = 3  # that come out on one of the days; as many are held out, at least
MIN_POOL = 100  # papers of a day; the corpus lacks most papers of some days
MIN_LED, MAX_LED = 10, 60  # papers that an author leads; more are of several people
WORDS, EXAMPLE, PERSON = "words", "one example", "person, one example"
AUTHOR = "author, one example"

_SIGNS = re.compile(r"^\W+")


@dataclass(frozen=True, slots=True)
class Interest:
    """A section of a list, or a person: a name, its title, and the positions of its papers.

    `kind` is that of readers who start with an example; `half` is "first" or "second".
    """

    name: str
    title: str
    positions: tuple[int, ...]
    kind: str = EXAMPLE
    half: str = ""


@dataclass(frozen=True, slots=True)
class SimulatedReader:
    """A reader who starts with a typed text or an example.

    * `interest` names the interest; all readers of a list have the same. `half` is its half.
    * `seed`: the number of the random division of its papers.
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
    seed: int = 0
    half: str = ""


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
    title = f"{title}: {row['name']}" if title else ""
    return Interest(row["profile_id"], title, tuple(found), EXAMPLE if title else PERSON)


def find_authors(corpus: Corpus, count: int) -> list[Interest]:
    """Return so many authors, by chance, who lead a group: the last author of MIN_LED papers.

    All papers of one share a second author with another of them, since several people may have
    the same name.
    """
    led: dict[str, list[int]] = defaultdict(list)
    for position, paper in enumerate(corpus.papers):
        if 1 < len(paper.authors) <= MAX_TEAM:
            led[author_key(paper.authors[-1])].append(position)
    own = {name: _largest_group(corpus, name, led[name]) for name in sorted(led)}
    found = [
        Interest(f"author:{name}", "", tuple(papers), AUTHOR)
        for name, papers in own.items()
        if MIN_LED <= len(papers) <= MAX_LED
    ]
    order = np.random.default_rng(0).permutation(len(found))[:count]
    return [found[n] for n in sorted(order.tolist())]


def _largest_group(corpus: Corpus, name: str, papers: Sequence[int]) -> list[int]:
    """Return the most papers that are connected by authors other than `name`."""
    if len(papers) < MIN_LED:
        return []
    numbers: dict[str, int] = {}
    pairs = [
        (place, numbers.setdefault(key, len(numbers)))
        for place, paper in enumerate(papers)
        for key in map(author_key, corpus.papers[paper].authors)
        if key != name
    ]
    rows, columns = np.array(pairs).T
    shared = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)))
    _count, groups = connected_components(shared @ shared.T, directed=False)
    largest = np.flatnonzero(groups == np.bincount(groups).argmax())
    return [papers[n] for n in largest.tolist()]


def with_halves(interests: Sequence[Interest]) -> list[Interest]:
    """Return the interests with their halves: a random half is "first", always the same."""
    order = np.random.default_rng(5).permutation(len(interests)).tolist()
    first = set(order[: len(order) // 2])
    return [replace(one, half=HALVES[n not in first]) for n, one in enumerate(interests)]


def simulate_readers(
    corpus: Corpus, interests: Iterable[Interest], seeds: int = 1
) -> list[SimulatedReader]:
    """Return the readers of each interest: of a list one with its title and one with an example.

    Each has as many of them as there are seeds.
    """
    calendar = [
        name for name, pool in corpus.pools.items() if _is_listed(name) and len(pool) >= MIN_POOL
    ]
    days = {name: set(corpus.pools[name].tolist()) for name in sorted(calendar)}
    readers = []
    for interest, seed in product(interests, range(seeds)):
        rng = np.random.default_rng(zlib.crc32(f"{interest.name} {seed}".encode()))
        if plan := _plan_days(interest, days, rng):
            readers += _readers_of(interest, plan, seed)
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


def _readers_of(interest: Interest, plan: _Plan, seed: int) -> list[SimulatedReader]:
    starts: list[tuple[str, str, tuple[int, ...]]] = [(interest.kind, "", (plan.example,))]
    if interest.title:
        starts.insert(0, (WORDS, interest.title, ()))
    return [
        SimulatedReader(
            interest.name,
            kind,
            text,
            examples,
            plan.days,
            plan.wanted,
            plan.held_out,
            plan.given,
            seed,
            interest.half,
        )
        for kind, text, examples in starts
    ]
