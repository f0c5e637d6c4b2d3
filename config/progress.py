"""Say how far a long command is: a bar on a terminal, else a line every few seconds, on stderr.

for paper in progress(papers, "Learning"): ...
with step("Starting PostgreSQL and Redis"): ...
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")
BETWEEN_LINES = 5.0  # seconds


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """The same items; what lasts less than some seconds says nothing but on a terminal."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    shown = _bar(items, what, total) if sys.stderr.isatty() else _lines(items, what, total)
    yield from shown


def _bar(items: Iterable[Item], what: str, total: int | None) -> Iterator[Item]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        yield from bar.track(items, total=total, description=what)


def _lines(items: Iterable[Item], what: str, total: int | None) -> Iterator[Item]:
    said = time.monotonic()
    for count, item in enumerate(items):
        if time.monotonic() - said > BETWEEN_LINES:
            said = time.monotonic()
            of = f" of {total:,}" if total is not None else ""
            print(f"{what}: {count:,}{of}", file=sys.stderr, flush=True)
        yield item


@contextmanager
def step(what: str) -> Iterator[None]:
    """One part of a command that nothing can be counted of."""
    if sys.stderr.isatty():
        with Console(stderr=True).status(f"{what} …"):
            yield
    else:
        print(f"{what} …", file=sys.stderr, flush=True)
        yield
