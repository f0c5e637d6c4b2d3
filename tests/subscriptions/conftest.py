from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from papers.models import Paper
from subscriptions.editions import digests
from subscriptions.models import Digest, Subscriber
from tests.conftest import NOW

MakeReader = Callable[..., Subscriber]
MakeDigest = Callable[..., Digest]


@dataclass
class Sink:
    """A real SMTP server that keeps what it accepts. `at_rcpt` and `at_data` are answers given
    first, one a command; `never` are addresses that always get this answer."""

    accepted: list[EmailMessage] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)  # of the envelopes accepted
    at_rcpt: list[str] = field(default_factory=list)
    at_data: list[str] = field(default_factory=list)
    never: dict[str, str] = field(default_factory=dict)
    hang_up_after_data: bool = False
    silent_after_data: bool = False
    slow: float = 0.0

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _: Any
    ) -> str:
        if address in self.never:
            return self.never[address]
        if self.at_rcpt and not (answer := self.at_rcpt.pop(0)).startswith("250"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        if self.at_data and not (answer := self.at_data.pop(0)).startswith("250"):
            return answer
        await asyncio.sleep(self.slow)
        message = BytesParser(policy=default).parsebytes(envelope.content)
        self.accepted.append(message)  # type: ignore[arg-type]
        self.senders.append(envelope.mail_from)
        if self.hang_up_after_data:
            server.transport.abort()
        if self.silent_after_data:
            await asyncio.sleep(3)
        return "250 accepted"


@pytest.fixture
def smtp(settings: Any) -> Iterator[Sink]:
    """Mail goes to a real SMTP server of the test's own."""
    sink = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = 5
    yield sink
    controller.stop()


@pytest.fixture
def make_digest(make_reader: MakeReader) -> MakeDigest:
    """A digest of today that was handed over; whatever is not given is plain."""

    def make(reader: Subscriber | None = None, **given: Any) -> Digest:
        reader = reader or make_reader()
        values: dict[str, Any] = {
            "subscriber": reader,
            "subscription": reader.default_subscription,
            "day": NOW.date(),
            "status": Digest.Status.SENT,
            "created_at": NOW,
            "expires_at": NOW,
            "next_attempt_at": NOW,
            "claimed_at": NOW,
        }
        return Digest.objects.create(**values | given)

    return make


@pytest.fixture
def make_ready(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> Callable[[int], list[int]]:
    """Return a function that builds so many pending digests of today and returns their ids."""

    def make(count: int, domain: str = "e.org") -> list[int]:
        pks = [make_reader(f"{n}@{domain}", {"text": "language"}).pk for n in range(count)]
        return digests.build_due_digests(pks, now)

    return make
