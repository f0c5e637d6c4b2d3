"""Slow test files come first, files stay together, and ordered tests keep their order."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.order import SLOWEST_FILES, sort_tests

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Item:
    """The attributes of a test that `sort_tests` uses."""

    file: str
    line: int
    step: bool = False

    @property
    def path(self) -> Path:
        return ROOT / self.file

    @property
    def nodeid(self) -> str:
        return f"{self.file}::test_{self.line}"

    @property
    def location(self) -> tuple[str, int, str]:
        return self.file, self.line, f"test_{self.line}"

    def get_closest_marker(self, name: str) -> Any:
        return pytest.mark.in_order if self.step and name == "in_order" else None


def test_every_listed_file_exists() -> None:
    assert [file for file in SLOWEST_FILES if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("seed", range(5))
def test_the_slowest_files_come_first_and_stay_together(seed: int) -> None:
    steps = [Item(SLOWEST_FILES[0], line, step=True) for line in range(5)]
    others = [
        Item(file, line)
        for file in (SLOWEST_FILES[1], "tests/a.py", "tests/b.py")
        for line in range(5)
    ]
    items: list[Any] = steps + others
    random.Random(seed).shuffle(items)
    before = list(items)
    sort_tests(items)
    assert items[:5] == steps
    assert all(item.file == SLOWEST_FILES[1] for item in items[5:10])
    assert len({item.file for item in items[10:15]}) == 1, "tests of one file stay together"
    for file in (SLOWEST_FILES[1], "tests/a.py"):
        of_file = [item for item in before if item.file == file]
        assert [item for item in items if item.file == file] == of_file, (
            "the shuffled order is kept"
        )
