"""The mail backend of a local run: every message becomes an .eml file under .data/outbox/."""

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
    """Writes messages in the order they were sent, each complete or not at all."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            mime = message.message()
            write(settings.OUTBOX_DIR, mime.as_bytes(linesep="\r\n"))  # type: ignore[call-arg]
        return len(email_messages)


def write(folder: Path, data: bytes) -> Path:
    """Write one message; the name sorts by time and is free even with several processes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.time_ns()}-{next(_serial):04}.eml"
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(data)
    return unfinished.rename(path)


def messages(folder: Path) -> list[Path]:
    """The messages of an outbox, newest first."""
    return sorted(folder.glob("*.eml"), reverse=True)
