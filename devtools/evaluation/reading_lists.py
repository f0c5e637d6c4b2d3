"""Curated reading lists as interests: one list is one interest, two lists are two. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from devtools.evaluation import json_lines
from devtools.evaluation.cases import EvaluationError

MIN_PAPERS = 8  # of a list: three examples, and at least five to be found
# Sizes of made-up topics; those of two lists are the numbers of papers from each.
SINGLE_SIZES = (6, 8, 10, 14, 20, 30)
DOUBLE_SIZES = ((3, 3), (5, 5), (3, 7), (10, 10), (5, 15))
MIN_LISTS = 4  # two for each half
DRAWS = 6  # topics of one list and one size


@dataclass(frozen=True, slots=True)
class ReadingList:
    """A section of a curated list: its name, the collection it is from, and its papers."""

    name: str
    collection: str
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MadeUpTopic:
    """Papers of one list, or of two, as the examples of one topic.

    `is_second` marks the papers of the second list; `lists` names the lists, and `is_near` tells
    whether two lists are from one collection.
    """

    lists: tuple[str, ...]
    positions: tuple[int, ...]
    is_second: tuple[bool, ...]
    is_near: bool = False


def read_lists(path: Path, positions: Mapping[str, int]) -> list[ReadingList]:
    """Read the lists of a file, by name, with the papers that the corpus has."""
    try:
        rows = list(json_lines.read_objects(path))
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: {error}") from error
    lists = [
        ReadingList(
            row["profile_id"],
            row["repo"],
            tuple(dict.fromkeys(positions[key] for key in _keys(row) if key in positions)),
        )
        for row in rows
    ]
    if sum(len(one.positions) >= MIN_PAPERS for one in lists) < MIN_LISTS:
        raise EvaluationError(f"{path}: fewer than {MIN_LISTS} lists of {MIN_PAPERS} known papers")
    return sorted(lists, key=lambda one: one.name)


def _keys(row: Mapping[str, Sequence[Mapping[str, str]]]) -> Iterator[str]:
    return (item["arxiv_id"] for item in row["items"])


def split_lists(lists: Sequence[ReadingList]) -> tuple[list[ReadingList], list[ReadingList]]:
    """Return a random half of the lists, always the same, and the other half."""
    order = np.random.default_rng(5).permutation(len(lists))
    middle = len(lists) // 2
    return [lists[n] for n in order[:middle]], [lists[n] for n in order[middle:]]


def single_topics(lists: Sequence[ReadingList]) -> Iterator[MadeUpTopic]:
    """Yield random topics of each list, in all sizes that it has papers for."""
    rng = np.random.default_rng(1)
    for one in lists:
        for size in SINGLE_SIZES:
            draws = DRAWS if len(one.positions) > size else len(one.positions) == size
            for _ in range(draws):
                chosen = rng.choice(one.positions, size, replace=False).tolist()
                yield MadeUpTopic((one.name,), tuple(chosen), (False,) * size)


def double_topics(lists: Sequence[ReadingList]) -> Iterator[MadeUpTopic]:
    """Yield a random topic of each pair of lists and each size, without papers of both."""
    rng = np.random.default_rng(2)
    for first, second in combinations(lists, 2):
        common = {*first.positions} & {*second.positions}
        pools = [[n for n in one.positions if n not in common] for one in (first, second)]
        for sizes in DOUBLE_SIZES:
            if all(len(pool) >= size for pool, size in zip(pools, sizes, strict=True)):
                chosen = [
                    rng.choice(pool, size, replace=False).tolist()
                    for pool, size in zip(pools, sizes, strict=True)
                ]
                yield MadeUpTopic(
                    (first.name, second.name),
                    tuple(chosen[0] + chosen[1]),
                    (False,) * sizes[0] + (True,) * sizes[1],
                    first.collection == second.collection,
                )
