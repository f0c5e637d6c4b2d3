"""Whether this worker was told to stop: long tasks ask between two steps."""

from __future__ import annotations

import mmap
from typing import Any

from celery.signals import worker_shutting_down

# The signal reaches the worker's first process; its pool is forked from that and shares the byte.
_shutting_down = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def note_shutdown(**_: Any) -> None:
    _shutting_down[0] = 1


def is_shutting_down() -> bool:
    return _shutting_down[0] == 1
