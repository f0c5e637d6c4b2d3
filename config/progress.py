"""Progress of long commands on stderr: a bar on a terminal, otherwise a line every few seconds.

for paper in track(papers, "Learning"): ...
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
LINE_INTERVAL = 5.0  # seconds, if items are counted
STEP_INTERVAL = 30.0  # seconds, if nothing is counted
REFRESHES_PER_SECOND = 4  # few enough not to disturb benchmarks


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items and show progress; outside a terminal only if it takes some seconds."""
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
        refresh_per_second=REFRESHES_PER_SECOND,
    )
    with bar:
        yield from bar.track(items, total=total, description=what)


def _lines(items: Iterable[Item], what: str, total: int | None) -> Iterator[Item]:
    done = 0
    of = f" of {total:,}" if total is not None else ""
    with _repeated(lambda: f"{what}: {done:,}{of}", LINE_INTERVAL):
        for item in items:
            yield item
            done += 1


@contextmanager
def step(what: str, after: float = 0.0) -> Iterator[None]:
    """Show the name of a step that cannot be counted.

    Outside a terminal, a step shorter than `after` seconds prints nothing.
    """
    if sys.stderr.isatty():
        status = Console(stderr=True).status(f"{what} …", refresh_per_second=REFRESHES_PER_SECOND)
        with status:
            yield
        return
    started = time.monotonic()
    if not after:
        _print_line(f"{what} …")
    with _repeated(lambda: f"{what} … {time.monotonic() - started:.0f} s", after or STEP_INTERVAL):
        yield


@contextmanager
def _repeated(line: Callable[[], str], seconds: float) -> Iterator[None]:
    """Print a line every `seconds`, in a thread, however long one item takes."""
    ended = Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            _print_line(line())

    printer = Thread(target=repeat, daemon=True)
    printer.start()
    try:
        yield
    finally:
        ended.set()
        printer.join()


def _print_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
