"""gunicorn's configuration: `gunicorn -c python:config.gunicorn config.wsgi`.

Lower-case names are gunicorn's settings.
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
worker_class = "config.request_buffer.BufferedWorker"  # slow clients occupy no thread
worker_connections = 800  # per process; below systemd's default of 1,024 open files
timeout = 60
graceful_timeout = 30  # seconds; running requests finish after SIGTERM
max_requests, max_requests_jitter = (
    10_000,
    1_000,
)  # restart processes, so that leaked memory is freed
control_socket_disable = True  # unused, and the file system is read-only
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - gunicorn's advice
logconfig_dict = LOGGING
# Without client address, query and Referer; config.logs removes tokens from the path.
access_log_format = "%(m)s %(U)s %(s)s %(B)s bytes %(M)s ms"


class AccessLog(Logger):
    """Log the path also of requests that gunicorn answers itself because the application failed."""

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> dict[str, Any]:
        fields: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        if fields["U"] is None:
            fields["U"] = str(environ.get("RAW_URI") or "-").partition("?")[0]
        return fields


logger_class = AccessLog


def on_starting(_server: Any) -> None:
    """Create the folder in which the processes share their request metrics.

    prometheus_client reads its path on import, so this runs before any process is forked.
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
