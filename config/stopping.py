"""Shutdown flag of a Celery worker, which long tasks check between two steps."""

from __future__ import annotations

import mmap
from typing import Any

from celery.signals import worker_shutting_down

# The signal reaches the worker's main process; the pool is forked from it and shares this byte.
_shutting_down = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def note_shutdown(**_: Any) -> None:
    """Set the flag."""
    _shutting_down[0] = 1


def is_shutting_down() -> bool:
    """Return whether the worker was asked to stop."""
    return _shutting_down[0] == 1
