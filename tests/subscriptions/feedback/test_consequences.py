"""Suppression and unsubscribing after delivery events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from subscriptions.delivery import claims
from subscriptions.feedback.record import record_events
from subscriptions.mail import suppression
from subscriptions.models import DeliveryEvent, Message, Subscriber, Subscription, Suppression
from subscriptions.readers import lifecycle, signup
from tests.subscriptions.conftest import MakeDigest, MakeReader
from tests.subscriptions.delivery_events import HOUR, make_event
from tests.subscriptions.messages import sign_up

pytestmark = pytest.mark.django_db
Kind = DeliveryEvent.Kind


@pytest.mark.promise(35)
def test_a_hard_bounce_suppresses_at_once(make_digest: MakeDigest, now: datetime) -> None:
    digest = make_digest(status="sent")
    for _ in range(3):
        record_events([make_event(Kind.HARD_BOUNCE, digest)], now)
    reader = digest.subscriber
    reader.refresh_from_db()
    assert (reader.status, reader.default_subscription.next_digest_at) == ("suppressed", None)
    assert suppression.is_suppressed(reader, now)


@pytest.mark.promise(35)
def test_n_soft_bounces_of_the_last_m_digests_suppress(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime, settings: Any
) -> None:
    settings.SOFT_BOUNCES, settings.SOFT_BOUNCES_OF = 3, 5
    reader = make_reader(confirmed_at=now - timedelta(days=60))
    made = [
        make_digest(reader, day=now.date() - timedelta(days=n), claimed_at=now - timedelta(days=n))
        for n in range(8)
    ]
    for old in made[5:]:  # three, but too long ago
        record_events([make_event(Kind.SOFT_BOUNCE, old)], now)
    record_events(
        [make_event(Kind.SOFT_BOUNCE, made[4]), make_event(Kind.SOFT_BOUNCE, made[3])], now
    )
    record_events([make_event(Kind.SOFT_BOUNCE, made[2]), make_event(Kind.DELIVERED, made[2])], now)
    reader.refresh_from_db()
    assert reader.status == "active"
    for _ in range(2):
        record_events([make_event(Kind.SOFT_BOUNCE, made[1])], now)
    reader.refresh_from_db()
    assert reader.status == "suppressed"
    assert Suppression.objects.get().reason == "soft"


@pytest.mark.promise(35)
def test_a_complaint_unsubscribes_and_suppresses_permanently(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="sent")
    record_events([make_event(Kind.COMPLAINT, digest)], now)
    record_events([make_event(Kind.HARD_BOUNCE, digest)], now + HOUR)
    reader = digest.subscriber
    reader.refresh_from_db()
    assert (reader.status, reader.unsubscribed_at) == ("suppressed", now)
    assert Suppression.objects.get().reason == "complaint"
    in_ten_years = now + timedelta(days=3652)
    assert suppression.is_suppressed(reader, in_ten_years)
    assert not lifecycle.activate_reader(reader, in_ten_years)


@pytest.mark.parametrize("kind", [Kind.HARD_BOUNCE, Kind.COMPLAINT])
@pytest.mark.promise(35)
def test_suppression_is_part_of_the_queries_that_select_recipients(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime, kind: str
) -> None:
    reader = make_reader(next_digest_at=now)
    yesterday = make_digest(reader, day=now.date() - timedelta(days=1), status="sent")
    waiting = make_digest(reader, status="pending", claimed_at=None)
    assert list(Subscription.objects.due(now)) == [reader.default_subscription]
    record_events([make_event(kind, yesterday)], now)
    Subscription.objects.update(next_digest_at=now)
    assert list(Subscription.objects.due(now)) == []
    assert not claims.ClaimHolder("worker", lambda: now).claim(waiting).ours


@pytest.mark.usefixtures("redis")
def test_a_reader_whose_suppression_expired_can_confirm_again(
    make_digest: MakeDigest, now: datetime, settings: Any
) -> None:
    digest = make_digest(status="sent")
    record_events([make_event(Kind.HARD_BOUNCE, digest)], now)
    reader = Subscriber.objects.get()
    soon, later = now + timedelta(days=30), now + settings.BOUNCE_SUPPRESSION + HOUR
    sign_up(reader.email, soon)
    assert not Message.objects.filter(status="sent").exists()
    assert not lifecycle.activate_reader(reader, soon)
    sign_up(reader.email, later)
    assert Message.objects.get(status="sent").kind == "confirmation"
    reader.refresh_from_db()
    assert reader.status == "suppressed"  # until the reader confirms
    assert lifecycle.activate_reader(reader, later)
    record_events(
        [make_event(Kind.HARD_BOUNCE, digest, at=later + HOUR, detail="late")], later + HOUR
    )
    reader.refresh_from_db()
    assert reader.status == "active"  # events about mail before the confirmation do not count


def test_a_suppressed_address_gets_no_confirmation_after_its_row_is_deleted(
    make_digest: MakeDigest, now: datetime, settings: Any
) -> None:
    digest = make_digest(status="sent")
    record_events([make_event(Kind.COMPLAINT, digest)], now)
    Subscriber.objects.all().delete()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = settings.SUPPRESSION_KEY = "a new key of no importance"
    reader = signup.request_sign_up(
        signup.SignUpRequest("Reader@Example.org", "UTC", "/", None), now
    )
    sign_up(reader.email, now)
    assert Message.objects.get().status == "suppressed"
    assert not lifecycle.activate_reader(reader, now)
    assert "reader" not in str(list(Suppression.objects.values()))


@pytest.mark.usefixtures("redis")
def test_lifting_a_suppression_by_hand_lets_the_reader_sign_up_again(
    make_digest: MakeDigest, now: datetime
) -> None:
    record_events([make_event(Kind.COMPLAINT, make_digest(status="sent"))], now)
    assert suppression.lift_suppression(Subscriber.objects.all()) == 1
    assert suppression.lift_suppression(Subscriber.objects.all()) == 0
    reader = Subscriber.objects.get()
    assert (reader.status, reader.default_subscription.next_digest_at) == ("unsubscribed", None)
    sign_up(reader.email, now)
    assert Message.objects.get().status == "sent"


def test_an_unsubscribe_event_unsubscribes(make_digest: MakeDigest, now: datetime) -> None:
    record_events([make_event(Kind.UNSUBSCRIBED, make_digest(status="sent"))], now)
    reader = Subscriber.objects.get()
    assert (reader.status, reader.unsubscribed_at) == ("unsubscribed", now)


def test_a_bounced_confirmation_suppresses_a_pending_reader(
    make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(status="pending", confirmed_at=None)
    sign_up(reader.email, now)
    record_events([make_event(Kind.HARD_BOUNCE, recipient=reader.email, at=now)], now)
    reader.refresh_from_db()
    assert reader.status == "suppressed"
