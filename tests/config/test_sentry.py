"""Events sent to Sentry, recorded by a fake transport."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from django.core.signing import TimestampSigner
from sentry_sdk.transport import Transport

from config import sentry

TOKEN = TimestampSigner(salt="paperboy.preferences").sign("4711")
IP_ADDRESS = "192.0.2.1"


class RecordingTransport(Transport):
    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.events.append(envelope.serialize().decode())


@pytest.fixture
def recorded() -> Iterator[RecordingTransport]:
    before = sentry_sdk.get_global_scope().client
    sentry.start("https://key@sentry.example/1", "test")
    client = sentry_sdk.get_client()
    assert client.is_active()
    transport = client.transport = RecordingTransport()  # type: ignore[assignment]
    yield transport
    client.close()
    sentry_sdk.get_global_scope().set_client(before)


def fail(email: str) -> None:
    raise ValueError(f"cannot write to {email} ({TOKEN})")


def test_an_error_is_sent_without_personal_data(recorded: RecordingTransport) -> None:
    logging.getLogger("paperboy.test").warning("trying ada.private@example.org")
    sentry_sdk.set_user({"email": "ada.private@example.org", "ip_address": IP_ADDRESS})
    try:
        fail("ada.private@example.org")
    except ValueError:
        sentry_sdk.capture_exception()
    logging.getLogger("paperboy.test").error("gave up on %s", "ada.private@example.org")
    assert len(recorded.events) == 2
    sent = "".join(recorded.events)
    assert "cannot write to ***@example.org (***)" in sent
    assert "gave up on" in sent
    for secret in ("ada.private", TOKEN, TOKEN.rpartition(":")[2], IP_ADDRESS):
        assert secret not in sent


def test_a_request_is_sent_without_body_and_headers() -> None:
    request = {
        "url": f"https://paperboy.example.org/profile/{TOKEN}/",
        "method": "POST",
        "data": {"email": "ada@example.org"},
        "headers": {"Cookie": "sessionid=x", "Referer": f"/profile/{TOKEN}/"},
        "cookies": {"sessionid": "x"},
        "query_string": "q=ada%40example.org",
        "env": {"REMOTE_ADDR": "192.0.2.1"},
    }
    event = sentry.scrub({"request": request, "extra": {"celery-job": {"args": [7]}}}, {})
    assert event["request"] == {
        "url": "https://paperboy.example.org/profile/***/",
        "method": "POST",
    }
    assert json.dumps(event["extra"]) == '{"celery-job": {"args": [7]}}'


def test_sentry_is_off_without_a_dsn() -> None:
    sentry.start("", "test")
    assert not sentry_sdk.get_client().is_active()
