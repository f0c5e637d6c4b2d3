"""Django's PostgreSQL, with a short wait for a server that restarts.

A connection is made before the first query of a request or task, when nothing has been done yet
and so nothing is done twice. A connection lost later on is not repaired.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base

WAIT = 3.0  # seconds for the server to come back
BETWEEN = 0.25  # seconds between two attempts
NO_WAIT = 10.0  # seconds after a wait in vain in which this process does not wait again

_waited_in_vain_at = -NO_WAIT


class DatabaseWrapper(base.DatabaseWrapper):
    def connect(self) -> None:
        global _waited_in_vain_at
        give_up = time.monotonic() + WAIT
        while True:
            try:
                self.attempt()
                return
            except OperationalError:
                now = time.monotonic()
                if now - _waited_in_vain_at < NO_WAIT:
                    raise
                if now > give_up:
                    _waited_in_vain_at = now
                    raise
                time.sleep(BETWEEN)

    def attempt(self) -> Any:
        super().connect()
