"""How log lines are written: nothing in them says who a reader is or lets anybody pass as one.

A formatter sees the whole text, traceback included, whoever logged it: Paperboy, Django, Celery,
gunicorn or a mail library that quotes a server's answer. So here is the one place to take out
addresses and the tokens of mailed links.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

# The part before the @ goes, the domain stays: it tells which mail system there is trouble with.
# "@" is %40 in an address of the web; a quoted part may hold blanks. A domain has a dot, so that
# the names of Celery's workers (mail@host) stay.
# Both patterns begin only where a word does: a long text without either costs no more than its
# length.
_LOCAL = r"""[^\s"'<>()\[\],;:@\\/=&?|]"""
_ADDRESS = re.compile(
    rf"""(?:"[^"\n]{{1,64}}"|(?<!{_LOCAL}){_LOCAL}+)(?=(?:@|%40)(?:\[|[\w-]+(?:\.[\w-]+)+))""",
    re.IGNORECASE,
)
# VALUE:TIME:SIGNATURE as django.core.signing makes it, also cut short or escaped.
_TOKEN = re.compile(r"(?<![\w-])[\w-]+(?::|%3A)[0-9A-Za-z]{5,8}(?::|%3A)[\w-]{8,}", re.IGNORECASE)
HIDDEN = "***"


def redact(text: str) -> str:
    """The text without the names of mailboxes, credentials in URLs and signed tokens."""
    if "@" in text or "%40" in text:
        text = _ADDRESS.sub(HIDDEN, text)
    return _TOKEN.sub(HIDDEN, text)


class Line(logging.Formatter):
    """For people: a line, and below it a traceback if there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class Json(logging.Formatter):
    """For programs: an object a line, with the fields `time`, `level`, `logger`, `message` and,
    where they apply, `task`, `path` of a request, `status` of a response, and `exception`."""

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
    """Of the request that Django logs about; runserver logs a socket by the same name."""
    return str(getattr(getattr(record, "request", None), "path", ""))


FORMATTERS = {"line": Line, "json": Json}


def configuration(form: str, level: int) -> dict[str, Any]:
    """For `logging.config.dictConfig`: all to stderr in one form, "line" or "json"."""
    to_root: dict[str, Any] = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": FORMATTERS[form]}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "chosen"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # These come with handlers of their own, which would write past the formatter.
            "django": to_root,
            "django.server": to_root,
            "gunicorn.access": to_root,
            "gunicorn.error": to_root,
            "httpx": {"level": "WARNING"},
            "pylatexenc": {"level": "ERROR"},
            "flufl.bounce": {"level": "CRITICAL"},  # a detector that stumbles is passed over
        },
    }
