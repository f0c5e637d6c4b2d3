"""Remove the leftovers of a killed test run before the next run uses the same servers.

After SIGKILL the programs and database sessions of a test run continue, and its keys in Redis
(limits, cool-downs, queued tasks) remain. Running tests hold a lock on their servers, so they are
never disturbed.
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

LOCK_TIMEOUT = 60.0  # seconds; xdist workers of a killed run take a while to end


def lock_servers(data: Path) -> TextIO:
    """Lock the servers under `data` for this run; the end of the process releases it."""
    data.mkdir(parents=True, exist_ok=True)
    lock_file = (data / "tests.lock").open("w")
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock_file
        except BlockingIOError:
            if time.monotonic() > deadline:
                pytest.exit(f"Another test run is using {data}. Wait until it ends, or stop it.", 1)
            time.sleep(0.2)


def find_programs(data: Path) -> Iterator[int]:
    """Yield the PIDs of other Python processes that use the servers under `data`."""
    variables = {f"DATA_DIR={data}".encode(), f"REDIS_URL={settings.REDIS_URL}".encode()}
    ancestors = _ancestors(os.getpid())
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_python = (folder / "exe").resolve() == Path("/proc/self/exe").resolve()
            environment = (folder / "environ").read_bytes().split(b"\0")
            if (
                is_python
                and variables.intersection(environment)
                and int(folder.name) not in ancestors
            ):
                yield int(folder.name)


def _ancestors(pid: int) -> set[int]:
    """Return the PIDs of a process and its ancestors."""
    ancestors = set[int]()
    while pid > 0 and pid not in ancestors:
        ancestors.add(pid)
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])
    return ancestors


def remove_all() -> None:
    """Kill leftover programs, drop leftover databases with their sessions, and empty Redis."""
    for pid in find_programs(settings.DATA_DIR):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if settings.EMBEDDED_POSTGRES:
        database = connection.settings_dict["NAME"]
        with connection._nodb_cursor() as cursor:
            for name in (f"test_{database}", f"bench_{database}", f"bench_test_{database}"):
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    if settings.EMBEDDED_REDIS:
        Redis.from_url(settings.REDIS_URL).flushall()
