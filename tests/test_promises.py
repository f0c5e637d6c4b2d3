"""Each promise of docs/promises.md has a test, and each marker names a promise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PROMISES = (TESTS.parent / "docs" / "promises.md").read_text()
NUMBERS = [int(number) for number in re.findall(r"^(\d+)\. ", PROMISES, re.M)]


def marked_numbers() -> Iterator[int]:
    """Yield the number of each `@pytest.mark.promise(number)` on a test."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for decorator in map(ast.unparse, node.decorator_list):
                    if match := re.fullmatch(r"pytest\.mark\.promise\((\d+)\)", decorator):
                        yield int(match[1])


MARKED = set(marked_numbers())


def test_promises_are_numbered_in_order() -> None:
    assert list(range(1, len(NUMBERS) + 1)) == NUMBERS


def test_each_promise_has_a_test() -> None:
    assert sorted(set(NUMBERS) - MARKED) == []


def test_each_marker_names_a_promise() -> None:
    assert sorted(MARKED - set(NUMBERS)) == []


def test_no_test_is_named_after_a_promise() -> None:
    named = [
        f"{path.relative_to(TESTS)}: {name}"
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"def (test_promises?_\d\w*)", path.read_text())
    ]
    assert named == []
