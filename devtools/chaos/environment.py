"""Where chaos takes place: servers and processes of its own, so that nothing real is touched."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis
from django.conf import settings
from django.db import connection

from devtools import embedded

PROCESSES = 2  # of a worker, each with MAIL_CONNECTIONS to the provider
THROTTLED_AT = 3  # the provider asks to slow down once, at one message in so many
CELERY = (sys.executable, "-W", "ignore", "-m", "celery", "-q", "-A", "config")
WORKER = (*CELERY, "worker", "-Q", "build,mail,urgent", "-c", str(PROCESSES), "-l", "error")
GIVE_UP_AFTER = 60.0  # seconds: the grace that docker-compose.yml gives a worker


@contextmanager
def environment(readers: int, rate: int) -> Iterator[dict[str, str]]:
    """An environment in which Paperboy runs in a folder of its own, with the provider started."""
    with tempfile.TemporaryDirectory(prefix="pb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as another account
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        module = ("-m", "devtools.chaos.provider", str(port), name)
        provider = subprocess.Popen(  # noqa: S603
            [sys.executable, *module, str(readers // THROTTLED_AT)], stdout=subprocess.PIPE
        )
        try:
            assert provider.stdout  # noqa: S101 - it is a pipe
            provider.stdout.readline()  # it listens
            ours = ("DATABASE_URL", "REDIS_URL", "ANYMAIL_PROVIDER")
            yield {name: value for name, value in os.environ.items() if name not in ours} | {
                "DJANGO_SETTINGS_MODULE": "devtools.chaos.settings",
                "DEBUG": "1",
                "DATA_DIR": str(folder / "data"),
                "EMAIL_URL": f"smtp://127.0.0.1:{port}?timeout=2",
                "SEND_RATE": str(rate),
                "CHAOS_DIR": str(folder),
            }
        finally:
            provider.kill()
            provider.wait()
            embedded.stop(folder / "data")


def folder() -> Path:
    return Path(os.environ["CHAOS_DIR"])


class Crew:
    """Workers and two beats, each a real process."""

    def __init__(self, workers: int) -> None:
        self.workers = [self._start(*WORKER, "-n", f"w{n}@chaos") for n in range(workers)]
        schedule = str(folder() / "beat-{}")
        beat = (*CELERY, "beat", "-l", "error", "--pidfile=", "-s")
        self.beats = [self._start(*beat, schedule.format(n)) for n in range(2)]

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        log = (folder() / "log").open("ab")
        return subprocess.Popen(  # noqa: S603
            command, cwd=settings.BASE_DIR, start_new_session=True, stdout=log, stderr=log
        )

    def kill_a_process(self) -> int:
        """SIGKILL one process of a worker's pool; returns how many connections that killed."""
        pid = random.choice(self.workers).pid  # noqa: S311 - no secret hangs on it
        with suppress(OSError, IndexError, ValueError):
            pool = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            os.kill(int(random.choice(pool)), signal.SIGKILL)  # noqa: S311
            return settings.MAIL_CONNECTIONS
        return 0

    def kill_a_worker(self) -> int:
        """SIGKILL a worker with its whole pool and start another."""
        n = random.randrange(len(self.workers))  # noqa: S311
        os.killpg(self.workers[n].pid, signal.SIGKILL)
        self.workers[n].wait()
        self.workers[n] = self._start(*WORKER, "-n", f"w{n}-{time.monotonic_ns()}@chaos")
        return PROCESSES * settings.MAIL_CONNECTIONS

    def dismiss(self) -> float:
        """SIGTERM to all; returns how many seconds the slowest took."""
        begun = time.monotonic()
        for process in (*self.beats, *self.workers):
            process.terminate()
        for process in (*self.beats, *self.workers):
            process.wait(GIVE_UP_AFTER)
        return time.monotonic() - begun


def restart_postgres() -> int:
    """As an upgrade does: open sessions are ended."""
    embedded.stop_server(embedded.Postgres(settings.DATA_DIR))
    embedded.start_postgres(settings.DATA_DIR)
    connection.close()
    return 0


def crash_postgres() -> int:
    """As a power cut does: SIGKILL, then recovery from the log."""
    server = embedded.Postgres(settings.DATA_DIR)
    os.kill(int(server.pid_file.read_text().split()[0]), signal.SIGKILL)
    embedded.start_postgres(settings.DATA_DIR)
    connection.close()
    return 0


def empty_redis() -> int:
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    return 0
