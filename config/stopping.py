"""Whether this worker was told to stop: long tasks ask between two steps."""

from __future__ import annotations

import mmap
from typing import Any

from celery.signals import worker_shutting_down

# The signal reaches the worker's first process; its pool is forked from that and shares the byte.
_told = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def tell(**_: Any) -> None:
    _told[0] = 1


def stopping() -> bool:
    return _told[0] == 1
