"""Normalising anymail's events."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from anymail.signals import AnymailTrackingEvent, tracking

from subscriptions.feedback.normalize import normalize_event
from subscriptions.feedback.record import record_events
from subscriptions.models import DeliveryEvent
from tests.subscriptions.conftest import MakeDigest

pytestmark = pytest.mark.django_db


@pytest.mark.promise(34)
def test_unknown_event_types_are_stored(
    now: datetime,
) -> None:
    for events in (
        AnymailTrackingEvent(event_type=None),
        AnymailTrackingEvent(event_type="teleported", esp_event={"type": "teleport"}),
        AnymailTrackingEvent(event_type="bounced", metadata=None, tags=None),
        AnymailTrackingEvent(event_type="bounced", recipient="", message_id=7, timestamp="x"),
        AnymailTrackingEvent(event_type="delivered", esp_event="text", description="a@b.org"),
    ):
        for _ in range(3):
            tracking.send(sender=None, event=events, esp_name="Postmark")
    kinds = DeliveryEvent.objects.values_list("kind", "provider_word").order_by("pk")
    assert list(kinds)[:2] == [("unknown", ""), ("unknown", "teleported teleport")]
    assert DeliveryEvent.objects.count() == 5
    assert not DeliveryEvent.objects.filter(detail__contains="@").exists()


@pytest.mark.promise(48)
def test_a_future_timestamp_counts_as_now(make_digest: MakeDigest, now: datetime) -> None:
    digest = make_digest(status="uncertain")
    event = AnymailTrackingEvent(
        event_type="delivered",
        timestamp=now + timedelta(days=400),
        metadata={"digest": str(digest.public_id)},
        esp_event={},
    )
    record_events([normalize_event(event, "Postmark", now)], now)
    digest.refresh_from_db()
    assert (digest.status, DeliveryEvent.objects.get().occurred_at) == ("sent", now)
