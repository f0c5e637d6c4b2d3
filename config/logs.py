"""Log formats that remove personal data: email addresses and the tokens of mailed links.

Formatters see the complete text with its traceback, from Paperboy, Django, Celery, gunicorn or a
mail library that quotes a server's reply. Redaction therefore happens here and nowhere else.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

# Remove the local part and keep the domain, which tells which mail system has a problem. "@" is %40
# in URLs; a quoted local part may contain spaces. A domain needs a dot, so that the names of Celery
# workers (mail@host) stay. Both patterns start at a word boundary, so that matching is linear.
_LOCAL = r"""[^\s"'<>()\[\],;:@\\/=&?|]"""
_ADDRESS = re.compile(
    rf"""(?:"[^"\n]{{1,64}}"|(?<!{_LOCAL}){_LOCAL}+)(?=(?:@|%40)(?:\[|[\w-]+(?:\.[\w-]+)+))""",
    re.IGNORECASE,
)
# VALUE:TIME:SIGNATURE as made by django.core.signing, also truncated or percent-encoded.
_TOKEN = re.compile(r"(?<![\w-])[\w-]+(?::|%3A)[0-9A-Za-z]{5,8}(?::|%3A)[\w-]{8,}", re.IGNORECASE)
HIDDEN = "***"


def redact(text: str) -> str:
    """Return the text without local parts of addresses, credentials in URLs and signed tokens."""
    if "@" in text or "%40" in text:
        text = _ADDRESS.sub(HIDDEN, text)
    return _TOKEN.sub(HIDDEN, text)


class Line(logging.Formatter):
    """Format a record as one line for people, followed by its traceback."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class Json(logging.Formatter):
    """Format a record as one JSON object per line for programs.

    Fields: `time`, `level`, `logger`, `message` and, if they apply, `task`, the request's
    `path`, the response's `status`, and `exception`.
    """

    def format(self, record: logging.LogRecord) -> str:
        exception = self.formatException(record.exc_info) if record.exc_info else record.exc_text
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
            "task": getattr(record, "task_name", None),
            "path": redact(path) if (path := _path(record)) else None,
            "status": getattr(record, "status_code", None),
            "exception": redact(exception) if exception else None,
        }
        return json.dumps({name: value for name, value in fields.items() if value is not None})


def _path(record: logging.LogRecord) -> str:
    """Return the request's path; runserver logs a socket as `request`, which has none."""
    return str(getattr(getattr(record, "request", None), "path", ""))


FORMATTERS = {"line": Line, "json": Json}


def configuration(form: str, level: int) -> dict[str, Any]:
    """Return a configuration for `dictConfig` that logs to stderr as "line" or "json"."""
    to_root: dict[str, Any] = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"default": {"()": FORMATTERS[form]}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "default"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # These have their own handlers, which would bypass our formatter.
            "django": to_root,
            "django.server": to_root,
            "gunicorn.access": to_root,
            "gunicorn.error": to_root,
            "httpx": {"level": "WARNING"},
            "pylatexenc": {"level": "ERROR"},
            "flufl.bounce": {"level": "CRITICAL"},  # a failing detector is skipped
        },
    }
