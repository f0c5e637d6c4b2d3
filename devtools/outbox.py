"""Email backend for local use: store messages as .eml files under .data/outbox/."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

_serial = count()


class OutboxBackend(BaseEmailBackend):
    """Email backend that writes each message to a file of the outbox."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            mime = message.message()
            write_message(settings.OUTBOX_DIR, mime.as_bytes(linesep="\r\n"))  # type: ignore[call-arg]
        return len(email_messages)


def write_message(folder: Path, data: bytes) -> Path:
    """Write a message atomically and return its path.

    File names sort by time and are unique across processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.time_ns()}-{next(_serial):04}.eml"
    temporary = path.with_suffix(".part")
    temporary.write_bytes(data)
    return temporary.rename(path)


def messages(folder: Path) -> list[Path]:
    """Return the paths of an outbox's messages, newest first."""
    return sorted(folder.glob("*.eml"), reverse=True)
