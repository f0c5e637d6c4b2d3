"""Start the embedded PostgreSQL and Redis, if the settings ask for them."""

from __future__ import annotations

import sys

from django.conf import settings


def start_embedded() -> None:
    """Start the embedded servers that are not running; exit with one line if one cannot start."""
    if not (settings.EMBEDDED_POSTGRES or settings.EMBEDDED_REDIS):
        return
    from devtools import embedded  # not in the production image

    try:
        if settings.EMBEDDED_POSTGRES:
            embedded.start_postgres(settings.DATA_DIR)
        if settings.EMBEDDED_REDIS:
            embedded.start_redis(settings.DATA_DIR)
    except embedded.ServerError as error:
        sys.exit(str(error))
