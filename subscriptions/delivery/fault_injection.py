"""Named points at which `manage.py chaos` kills a worker. Inert unless CHAOS_DIR is set.

CHAOS_DIR is a directory of files named POINT.NUMBER; each is good for one kill.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

DIRECTORY = os.environ.get("CHAOS_DIR", "")
CHANCE = 0.05  # at each passing, so that kills do not come all at the beginning
POINTS = ("claimed", "handing over", "handed over", "before commit", "after commit")


def point(name: str) -> None:
    """The process may end here."""
    if DIRECTORY and _drawn(name):
        _kill()


def soon(name: str) -> None:
    """The process may end within the next milliseconds, in the middle of what it does then."""
    if DIRECTORY and _drawn(name):
        threading.Timer(random.uniform(0, 0.003), _kill).start()  # noqa: S311 - no secret hangs on it


def _drawn(name: str) -> bool:
    """Use up one of the kills of this point, if there is one left."""
    if random.random() > CHANCE:  # noqa: S311
        return False
    for kill in Path(DIRECTORY).glob(f"{name}.*"):
        try:
            kill.rename(kill.with_name(f"done {kill.name}"))
        except FileNotFoundError:  # another process was faster
            continue
        return True
    return False


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
