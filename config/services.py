"""Start the embedded PostgreSQL and Redis, where the settings ask for them."""

from __future__ import annotations

import sys

from django.conf import settings

from config import embedded


def start() -> None:
    """Start what is not running; exit with a clear message where that cannot be done."""
    try:
        if settings.EMBEDDED_POSTGRES:
            embedded.start_postgres(settings.DATA_DIR)
        if settings.EMBEDDED_REDIS:
            embedded.start_redis(settings.DATA_DIR)
    except embedded.ServiceError as error:
        sys.exit(str(error))
