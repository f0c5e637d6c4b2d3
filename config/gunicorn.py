"""How gunicorn serves Paperboy: `gunicorn -c python:config.gunicorn config.wsgi`.

Names in lower case are gunicorn's settings.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from typing import Any

from gunicorn.glogging import Logger

from config.settings import LOGGING, WEB_BIND, WEB_PROCESSES, WEB_THREADS

bind, workers, threads = WEB_BIND, WEB_PROCESSES, WEB_THREADS
worker_class = "config.request_buffer.BufferedWorker"  # slow senders occupy no thread
worker_connections = 800  # of each process; below the 1,024 files that systemd gives it
timeout = 60
graceful_timeout = 30  # requests under way are finished after SIGTERM
max_requests, max_requests_jitter = 10_000, 1_000  # what memory a process gathers, it gives back
control_socket_disable = True  # nothing asks by it, and the file system is read-only
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - gunicorn's advice
logconfig_dict = LOGGING
# No client's address, no query, no Referer; tokens in the path are taken out by config.logs.
access_log_format = "%(m)s %(U)s %(s)s %(B)s bytes %(M)s ms"


class AccessLog(Logger):
    """With the path of requests that gunicorn answers itself, since the application failed."""

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        if found["U"] is None:
            found["U"] = str(environ.get("RAW_URI") or "-").partition("?")[0]
        return found


logger_class = AccessLog


def on_starting(_server: Any) -> None:
    """A folder, new at each start, in which the processes count requests together.

    Before the first process is forked, and before anything imports prometheus_client, which looks
    for it then.
    """
    folder = tempfile.mkdtemp(prefix="paperboy-metrics-", dir=worker_tmp_dir)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    atexit.register(_remove, folder, os.getpid())


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def child_exit(_server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess  # see `on_starting`

    multiprocess.mark_process_dead(worker.pid)
