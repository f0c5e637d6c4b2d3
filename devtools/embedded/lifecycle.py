"""Start, stop and inspect the embedded servers of a data directory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devtools.embedded.postgres import Postgres
from devtools.embedded.redis import Redis
from devtools.embedded.server import Server

START_TIMEOUT = 60.0  # seconds; crash recovery may replay a large part of the write-ahead log
STOP_TIMEOUT = 30.0  # seconds
POLL_INTERVAL = 0.02  # seconds


@dataclass(frozen=True)
class Status:
    """State of one server; `setting` is the environment variable that replaces it."""

    name: str
    setting: str
    running: bool
    url: str
    log: Path


def postgres_url(data: Path) -> str:
    """Return the URL of the PostgreSQL server under `data`, for libpq and dj-database-url."""
    return Postgres(data.resolve()).url


def redis_url(data: Path) -> str:
    """Return the unix:// URL of the Redis server under `data`, for redis-py and Django's cache."""
    return Redis(data.resolve()).url


def start_postgres(data: Path) -> None:
    """Start the PostgreSQL server under `data` if it is not running.

    Raise ServerError if it cannot be started.
    """
    start_server(Postgres(data.resolve()))


def start_redis(data: Path) -> None:
    """Start the Redis server under `data` if it is not running.

    Raise ServerError if it cannot be started.
    """
    start_server(Redis(data.resolve()))


def stop(data: Path) -> list[str]:
    """Stop the servers running under `data` and return their names.

    Raise ServerError if one cannot be stopped.
    """
    return [server.name for server in servers(data) if stop_server(server)]


def status(data: Path) -> list[Status]:
    """Return the state of the servers under `data` without starting them."""
    return [
        Status(server.name, server.setting, server.answers(), server.url, server.log)
        for server in servers(data)
    ]


def servers(data: Path) -> tuple[Server, ...]:
    return (Postgres(data.resolve()), Redis(data.resolve()))


def start_server(server: Server) -> None:
    """Start the server unless it is running or being started, and wait until it answers."""
    if server.answers():
        return
    try:
        server.data.mkdir(parents=True, exist_ok=True)
        _launch_and_wait(server)
    except OSError as error:
        raise server.error(str(error)) from error


def _launch_and_wait(server: Server) -> None:
    launched, log_size = False, server.log_size()

    def is_up() -> bool:
        nonlocal launched
        if server.answers():
            return True
        with server.lock() as lock:
            if lock is not None and launched:
                raise server.start_error(log_size)
            if lock is not None:
                server.launch(lock)
                launched = True
        return False

    if not wait_until(is_up, START_TIMEOUT):
        raise server.error(
            "it is running but does not respond. Stop it with `manage.py services stop`."
        )


def stop_server(server: Server) -> bool:
    """Stop a server and wait until it ended; return False if it was not running.

    Another process may start the server again before this function notices the end. The stop
    still counts.
    """

    def is_free() -> bool:
        with server.lock() as lock:
            return lock is not None

    try:
        if not server.data.is_dir() or is_free():
            return False
        pid = _read_pid(server)
        os.kill(pid, server.stop_signal)
    except (OSError, ValueError, IndexError) as error:
        raise server.error(f"it cannot be stopped: {error}") from error

    def has_ended() -> bool:
        # No PID file: the server is ending, or another one is starting.
        with suppress(OSError, ValueError, IndexError):
            if _read_pid(server) != pid:
                return True
        return is_free()

    if not wait_until(has_ended, STOP_TIMEOUT):
        raise server.error(f"it did not stop within {STOP_TIMEOUT:.0f} seconds.")
    return True


def _read_pid(server: Server) -> int:
    return int(server.pid_file.read_text().split()[0])


def wait_until(condition: Callable[[], bool], timeout: float) -> bool:
    """Return True as soon as the condition holds, or False after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL)
    return True
