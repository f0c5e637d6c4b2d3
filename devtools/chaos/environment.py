"""The environment of chaos tests: temporary servers and processes, apart from real ones."""

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

PROCESSES = 2  # per worker, each with MAIL_CONNECTIONS to the provider
THROTTLING_DIVISOR = 3  # the provider throttles once, after readers / so many messages
CELERY = (sys.executable, "-W", "ignore", "-m", "celery", "-q", "-A", "config")
WORKER = (*CELERY, "worker", "-Q", "build,mail,urgent", "-c", str(PROCESSES), "-l", "error")
STOP_TIMEOUT = 60.0  # seconds; the grace period in docker-compose.yml


@contextmanager
def temporary_environment(readers: int, rate: int) -> Iterator[dict[str, str]]:
    """Yield environment variables for Paperboy in a temporary folder, with a running provider.

    `rate` is the limit for sending, in messages per second.
    """
    with tempfile.TemporaryDirectory(prefix="pb-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        root.chmod(0o755)  # PostgreSQL may run as another account
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        module = ("-m", "devtools.chaos.provider", str(port), name)
        provider = subprocess.Popen(  # noqa: S603
            [sys.executable, *module, str(readers // THROTTLING_DIVISOR)], stdout=subprocess.PIPE
        )
        try:
            assert provider.stdout  # noqa: S101 - it is a pipe
            provider.stdout.readline()  # it listens
            removed = ("DATABASE_URL", "REDIS_URL", "ANYMAIL_PROVIDER")
            yield {key: value for key, value in os.environ.items() if key not in removed} | {
                "DJANGO_SETTINGS_MODULE": "devtools.chaos.settings",
                "DEBUG": "1",
                "DATA_DIR": str(root / "data"),
                "EMAIL_URL": f"smtp://127.0.0.1:{port}?timeout=2",
                "SEND_RATE": str(rate),
                "CHAOS_DIR": str(root),
            }
        finally:
            provider.kill()
            provider.wait()
            embedded.stop(root / "data")


def folder() -> Path:
    """Return the folder of the running chaos test."""
    return Path(os.environ["CHAOS_DIR"])


class ProcessGroup:
    """Workers and two beat schedulers, each a real process."""

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

    def kill_process(self) -> int:
        """Send SIGKILL to one process of a worker's pool; return the connections lost."""
        pid = random.choice(self.workers).pid  # noqa: S311 - not security-relevant
        with suppress(OSError, IndexError, ValueError):
            pool = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            os.kill(int(random.choice(pool)), signal.SIGKILL)  # noqa: S311
            return settings.MAIL_CONNECTIONS
        return 0

    def kill_worker(self) -> int:
        """Send SIGKILL to a worker with its pool and start another; return the connections lost."""
        n = random.randrange(len(self.workers))  # noqa: S311
        os.killpg(self.workers[n].pid, signal.SIGKILL)
        self.workers[n].wait()
        self.workers[n] = self._start(*WORKER, "-n", f"w{n}-{time.monotonic_ns()}@chaos")
        return PROCESSES * settings.MAIL_CONNECTIONS

    def stop(self) -> float:
        """Send SIGTERM to all processes; return the seconds until the last one ended."""
        started = time.monotonic()
        for process in (*self.beats, *self.workers):
            process.terminate()
        for process in (*self.beats, *self.workers):
            process.wait(STOP_TIMEOUT)
        return time.monotonic() - started


def restart_postgres() -> int:
    """Restart PostgreSQL as an upgrade does, which ends open sessions."""
    embedded.stop_server(embedded.Postgres(settings.DATA_DIR))
    embedded.start_postgres(settings.DATA_DIR)
    connection.close()
    return 0


def crash_postgres() -> int:
    """Kill PostgreSQL as a power failure does, and let it recover from its log."""
    server = embedded.Postgres(settings.DATA_DIR)
    os.kill(int(server.pid_file.read_text().split()[0]), signal.SIGKILL)
    embedded.start_postgres(settings.DATA_DIR)
    connection.close()
    return 0


def empty_redis() -> int:
    """Delete all data in Redis."""
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    return 0
