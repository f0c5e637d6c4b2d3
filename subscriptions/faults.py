"""Named points at which `manage.py chaos` kills a worker. Inert unless CHAOS_KILL_AT is set.

CHAOS_KILL_AT="after commit=0.01,handing over=0.02" gives the chance of a kill at each passing;
CHAOS_KILLS names a file that gets a line for each kill.
"""

from __future__ import annotations

import os
import random
import signal
import threading

CHANCES = {
    name: float(chance)
    for name, _, chance in (
        part.partition("=") for part in os.environ.get("CHAOS_KILL_AT", "").split(",") if part
    )
}


def point(name: str) -> None:
    """The process may end here."""
    if CHANCES and random.random() < CHANCES.get(name, 0.0):  # noqa: S311 - no secret hangs on it
        kill(name)


def soon(name: str) -> None:
    """The process may end within the next milliseconds, in the middle of what it does then."""
    if CHANCES and random.random() < CHANCES.get(name, 0.0):  # noqa: S311
        threading.Timer(random.uniform(0, 0.003), kill, [name]).start()  # noqa: S311


def kill(name: str) -> None:
    with open(os.environ["CHAOS_KILLS"], "a") as record:
        record.write(f"{name}\n")
    os.kill(os.getpid(), signal.SIGKILL)
