"""Named points at which `manage.py chaos` kills a worker. Inert unless CHAOS_DIR is set.

CHAOS_DIR is a directory of files named POINT.NUMBER; each allows one kill.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

DIRECTORY = os.environ.get("CHAOS_DIR", "")
PROBABILITY = 0.05  # per passing, so that kills are spread over a run
POINTS = ("claimed", "handing over", "handed over", "before commit", "after commit")


def point(name: str) -> None:
    """Kill the process here, if a kill is left for this point."""
    if DIRECTORY and _take_kill(name):
        _kill()


def soon(name: str) -> None:
    """Kill the process within the next milliseconds, if a kill is left for this point."""
    if DIRECTORY and _take_kill(name):
        threading.Timer(random.uniform(0, 0.003), _kill).start()  # noqa: S311 - not for cryptography


def _take_kill(name: str) -> bool:
    """Use one of the kills of this point; return whether there was one."""
    if random.random() > PROBABILITY:  # noqa: S311
        return False
    for kill in Path(DIRECTORY).glob(f"{name}.*"):
        try:
            kill.rename(kill.with_name(f"done {kill.name}"))
        except FileNotFoundError:  # taken by another process
            continue
        return True
    return False


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
