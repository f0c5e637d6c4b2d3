"""What a killed test run left behind, removed before the next one uses the same servers.

A run that gets SIGKILL ends neither its programs nor its database sessions, and what it wrote to
Redis (limits, cool-downs, queued tasks) stays. Nothing of a live run is touched: each holds a lock
as long as it lives.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

PATIENCE = 60.0  # seconds; workers of a killed run need some to notice


def take_place(data: Path) -> TextIO:
    """Lock the servers under `data` for this run; the lock ends with the process."""
    data.mkdir(parents=True, exist_ok=True)
    place = (data / "tests.lock").open("w")
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return place
        except BlockingIOError:
            if time.monotonic() > give_up:
                pytest.exit(f"Another test run uses {data}. Wait for it, or end it.", 1)
            time.sleep(0.2)


def programs(data: Path) -> Iterator[int]:
    """Python programs that were started to work with the servers under `data`, but for us."""
    ours = {f"DATA_DIR={data}".encode(), f"REDIS_URL={settings.REDIS_URL}".encode()}
    us = _line_of(os.getpid())
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_python = (folder / "exe").resolve() == Path("/proc/self/exe").resolve()
            environment = (folder / "environ").read_bytes().split(b"\0")
            if is_python and ours.intersection(environment) and int(folder.name) not in us:
                yield int(folder.name)


def _line_of(pid: int) -> set[int]:
    """A process and all that it descends from."""
    line = set[int]()
    while pid > 0 and pid not in line:
        line.add(pid)
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])
    return line


def remove() -> None:
    """End left-over programs, drop left-over databases with their sessions, empty Redis."""
    for pid in programs(settings.DATA_DIR):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if settings.EMBEDDED_POSTGRES:
        real = connection.settings_dict["NAME"]
        with connection._nodb_cursor() as cursor:
            for name in (f"test_{real}", f"bench_{real}", f"bench_test_{real}"):
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    if settings.EMBEDDED_REDIS:
        Redis.from_url(settings.REDIS_URL).flushall()
