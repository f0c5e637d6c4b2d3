"""Say how far a long command is: a bar on a terminal, else a line every few seconds, on stderr.

for paper in progress(papers, "Learning"): ...
with step("Starting PostgreSQL and Redis"): ...
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from threading import Event, Thread
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")
BETWEEN_LINES = 5.0  # seconds, where something is counted
BETWEEN_SIGNS = 30.0  # seconds, where nothing is
REFRESHES = 4  # a second, on a terminal: what benchmarks measure hardly notices so few


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """The same items; what lasts less than some seconds says nothing but on a terminal."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    shown = _bar(items, what, total) if sys.stderr.isatty() else _lines(items, what, total)
    yield from shown


def _bar(items: Iterable[Item], what: str, total: int | None) -> Iterator[Item]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(
        *columns,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=REFRESHES,
    )
    with bar:
        yield from bar.track(items, total=total, description=what)


def _lines(items: Iterable[Item], what: str, total: int | None) -> Iterator[Item]:
    done = 0
    of = f" of {total:,}" if total is not None else ""
    with _repeated(lambda: f"{what}: {done:,}{of}", BETWEEN_LINES):
        for item in items:
            yield item
            done += 1


@contextmanager
def step(what: str, after: float = 0.0) -> Iterator[None]:
    """Name one part of a command in which nothing can be counted.

    Outside a terminal, a part that takes less than `after` seconds says nothing.
    """
    if sys.stderr.isatty():
        status = Console(stderr=True).status(f"{what} …", refresh_per_second=REFRESHES)
        with status:
            yield
        return
    begun = time.monotonic()
    if not after:
        _say(f"{what} …")
    with _repeated(lambda: f"{what} … {time.monotonic() - begun:.0f} s", after or BETWEEN_SIGNS):
        yield


@contextmanager
def _repeated(line: Callable[[], str], seconds: float) -> Iterator[None]:
    """Say a line every so many seconds, however long one item takes."""
    ended = Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            _say(line())

    speaker = Thread(target=repeat, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        ended.set()
        speaker.join()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
