"""How gunicorn serves Paperboy: `gunicorn -c python:config.gunicorn config.wsgi`.

Names in lower case are gunicorn's settings.
"""

from __future__ import annotations

import os

from config.settings import LOGGING

bind = os.environ.get("WEB_BIND", "0.0.0.0:8000")
workers = int(os.environ.get("WEB_PROCESSES", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
timeout = 60
graceful_timeout = 30  # requests under way are finished after SIGTERM
max_requests, max_requests_jitter = 10_000, 1_000  # what memory a process gathers, it gives back
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - gunicorn's advice
logconfig_dict = LOGGING
# No client's address, no query, no Referer; tokens in the path are taken out by config.logs.
access_log_format = "%(m)s %(U)s %(s)s %(B)s bytes %(M)s ms"
