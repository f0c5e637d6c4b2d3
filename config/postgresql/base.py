"""Django's PostgreSQL backend, which waits a few seconds for a server that restarts.

Connections are opened before the first query of a request or task, so that a retry repeats no
work. A connection that is lost later is not reopened.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base

WAIT = 3.0  # seconds for the server to come back
RETRY_INTERVAL = 0.25  # seconds
NO_WAIT = 10.0  # seconds without waiting after a wait that failed

_last_failed_wait = -NO_WAIT


class DatabaseWrapper(base.DatabaseWrapper):
    """Retry opening a connection for `WAIT` seconds."""

    def connect(self) -> None:
        global _last_failed_wait
        give_up = time.monotonic() + WAIT
        while True:
            try:
                self.attempt()
                return
            except OperationalError:
                now = time.monotonic()
                if now - _last_failed_wait < NO_WAIT:
                    raise
                if now > give_up:
                    _last_failed_wait = now
                    raise
                time.sleep(RETRY_INTERVAL)

    def attempt(self) -> Any:
        super().connect()
