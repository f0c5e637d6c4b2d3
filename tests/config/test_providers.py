"""The registry of mail providers, and an invented provider added to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from anymail.exceptions import AnymailRequestsAPIError
from anymail.signals import AnymailTrackingEvent, EventType, tracking
from anymail.webhooks.base import AnymailBaseWebhookView
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone
from requests import Response

from config.providers import PROVIDERS, ErrorKind, Provider, Verdict, find_provider
from subscriptions.apps import webhooks_have_a_secret
from subscriptions.delivery.outcomes import Kind, outcome_of_error
from subscriptions.feedback.webhooks import strict_webhook
from subscriptions.models import DeliveryEvent

ROOT = Path(__file__).resolve().parents[2]
PIGEON = Provider(
    "pigeon_post",
    "Pigeon Post",
    rate=3,
    connections=2,
    signing_setting="PIGEON_POST_RING",
    signed_time=lambda request: request.headers.get("X-Departure", ""),
    refuses_replays=True,
    bounce_rules=((("coop", "state"), {"gone": Verdict.HARD, "asleep": Verdict.SOFT}),),
    errors={"hawk": ErrorKind.THROTTLED, "no ring": ErrorKind.BROKEN},
)


class PigeonPostWebhook(AnymailBaseWebhookView):
    """A webhook as anymail would have it, without signature."""

    esp_name = "Pigeon Post"
    signal = tracking
    warn_if_no_basic_auth = False

    def parse_events(self, request: HttpRequest) -> list[AnymailTrackingEvent]:
        raw = json.loads(request.body)
        return [
            AnymailTrackingEvent(
                event_type=EventType.BOUNCED, event_id=raw["id"], esp_event=raw, recipient="a@e.org"
            )
        ]


@pytest.fixture(autouse=True)
def pigeon_post(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(PROVIDERS, PIGEON.name, PIGEON)
    return


def post(event: dict[str, Any], departure: float) -> int:
    webhook = strict_webhook(PigeonPostWebhook)
    request = RequestFactory().post(
        "/anymail/pigeon_post/tracking/",
        json.dumps(event),
        content_type="application/json",
        headers={"X-Departure": str(departure)},
    )
    status: int = webhook(request).status_code
    return status


def test_every_provider_has_a_backend_in_anymail() -> None:
    assert all(find_spec(f"anymail.backends.{name}") for name in PROVIDERS if name != PIGEON.name)


def test_a_provider_is_found_by_name_and_by_label() -> None:
    for name, provider in PROVIDERS.items():
        assert find_provider(name) is find_provider(provider.label) is provider
    assert find_provider("Carrier Pigeon") == Provider("carrier_pigeon", "Carrier Pigeon")


def test_bounce_rules_read_the_providers_own_event() -> None:
    amazon, sparkpost = find_provider("Amazon SES"), find_provider("SparkPost")
    assert amazon.bounce_verdict({"bounce": {"bounceType": "Permanent"}}) == Verdict.HARD
    assert amazon.bounce_verdict({"bounce": {"bounceType": "Transient"}}) == Verdict.SOFT
    nested = {"msys": {"message_event": {"bounce_class": "10"}}}
    assert sparkpost.bounce_verdict(nested) == Verdict.HARD
    for strange in (None, [], "text", {}, {"bounce": None}, {"bounce": {"bounceType": ["x"]}}):
        assert amazon.bounce_verdict(strange) is None
    assert find_provider("Carrier Pigeon").bounce_verdict({"Type": "HardBounce"}) is None


def test_every_error_kind_is_an_outcome_of_a_delivery() -> None:
    assert {kind.value for kind in ErrorKind} <= {kind.value for kind in Kind}


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize(("state", "kind"), [("gone", "hard"), ("asleep", "soft")])
def test_a_new_providers_webhook_needs_only_its_entry(state: str, kind: str) -> None:
    now = timezone.now().timestamp()
    event = {"id": "flight 1", "coop": {"state": state}}
    assert post(event, departure=now - 30 * 86_400) == 400
    assert not DeliveryEvent.objects.exists()
    assert post(event, departure=now) == 200
    assert post(event, departure=now) == 406
    stored = DeliveryEvent.objects.get()
    assert (stored.provider, stored.kind) == ("Pigeon Post", kind)


def test_a_new_providers_errors_need_only_its_entry() -> None:
    for name, kind in (("hawk", Kind.THROTTLED), ("no ring", Kind.BROKEN)):
        response = Response()
        response.status_code, response._content = 500, json.dumps({"name": name}).encode()
        assert outcome_of_error(AnymailRequestsAPIError("no", response=response)).kind == kind


def test_a_new_providers_signing_key_is_checked(settings: Any) -> None:
    settings.ANYMAIL_PROVIDER, settings.ANYMAIL = "pigeon_post", {}
    [warning] = webhooks_have_a_secret()
    assert "ANYMAIL_PIGEON_POST_RING is not set" in warning.msg
    assert "Pigeon Post" in warning.msg
    settings.ANYMAIL = {"PIGEON_POST_RING": "copper"}
    assert webhooks_have_a_secret() == []


ADD_PIGEON_POST = """
from config import providers
pigeon = providers.Provider("test", "Pigeon Post", rate=3, connections=2)
providers.PROVIDERS[pigeon.name] = pigeon
from config import settings
print(settings.MAIL_CONNECTIONS, settings.SEND_RATE)
"""


def test_a_new_providers_limits_need_only_its_entry(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "ANYMAIL_PROVIDER": "test",  # anymail's backend for tests
    }
    done = subprocess.run(
        [sys.executable, "-c", ADD_PIGEON_POST],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "2 3"
