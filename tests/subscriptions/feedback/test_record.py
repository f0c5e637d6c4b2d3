"""Recording delivery events: subjects, batches, concurrency, retention."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from subscriptions.feedback.normalize import Event
from subscriptions.feedback.record import delete_old_events, record_events
from subscriptions.mail import transactional
from subscriptions.models import DeliveryEvent, Digest, Subscriber, Subscription, Suppression, Topic
from tests.subscriptions.conftest import MakeDigest, MakeReader
from tests.subscriptions.delivery_events import HOUR, make_event

pytestmark = pytest.mark.django_db
Kind = DeliveryEvent.Kind


@pytest.mark.promise(34)
def test_a_batch_of_a_thousand_events_takes_as_many_queries_as_a_few(
    make_reader: MakeReader, now: datetime
) -> None:
    read = Subscriber.objects.bulk_create(
        Subscriber(
            email=f"{n}@e.org", email_key=f"{n}@e.org", status="active", created_at=now,
            confirmed_at=now - timedelta(days=9),
        )
        for n in range(1004)
    )  # fmt: skip
    subscribed = Subscription.objects.bulk_create(Subscription(subscriber=one) for one in read)
    made = Digest.objects.bulk_create(
        Digest(
            subscriber=one.subscriber, subscription=one, day=now.date(), status="uncertain",
            created_at=now, expires_at=now, next_attempt_at=now, claimed_at=now,
        )
        for one in subscribed
    )  # fmt: skip
    kinds = itertools.cycle([Kind.DELIVERED, Kind.SOFT_BOUNCE, Kind.HARD_BOUNCE, Kind.COMPLAINT])
    batch = [make_event(kind, digest) for kind, digest in zip(kinds, made, strict=False)]
    counts = []
    for part in (batch[1000:], batch[:1000]):
        with CaptureQueriesContext(connection) as queries:
            assert record_events(part, now) == len(part)
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 5  # more rows than one statement takes
    assert record_events(batch, now) == 0
    assert Digest.objects.filter(status="uncertain").count() == 0
    assert Subscriber.objects.filter(status="suppressed").count() == 502


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(34)
def test_concurrent_webhooks_do_not_deadlock_or_lose_events(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime, settings: Any
) -> None:
    settings.SOFT_BOUNCES = 1
    made = [make_digest(make_reader(f"{n}@e.org"), status="uncertain") for n in range(40)]
    kinds = [Kind.DELIVERED, Kind.SOFT_BOUNCE, Kind.HARD_BOUNCE, Kind.COMPLAINT, Kind.UNSUBSCRIBED]
    everything = [make_event(kind, digest) for kind in kinds for digest in made]
    orders = [random.Random(n).sample(everything, len(everything)) for n in range(6)]

    def report(order: list[Event]) -> None:
        for start in range(0, len(order), 25):
            record_events(order[start : start + 25], now)
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(report, orders))
    assert DeliveryEvent.objects.count() == len(everything)
    assert set(Digest.objects.values_list("status", "reason")) == {
        ("sent", "Settled by a delivery event: complaint.")
    }
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"suppressed"}
    assert set(Suppression.objects.values_list("reason", flat=True)) == {"complaint"}


@pytest.mark.promise(36)
def test_an_address_we_never_wrote_to_is_never_suppressed(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime
) -> None:
    never = make_reader("never@example.org")
    unsent = transactional.write_message("welcome", now, never).pk
    waiting = make_digest(make_reader("waiting@example.org"), status="pending", claimed_at=None)
    hard = Kind.HARD_BOUNCE
    record_events(
        [
            make_event(hard, recipient="never@example.org"),
            make_event(hard, recipient="stranger@example.org"),
            make_event(hard, waiting),
            make_event(hard, message=unsent),
        ],
        now,
    )
    assert DeliveryEvent.objects.filter(subscriber=None, digest=None).count() == 4
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"active"}
    assert Suppression.objects.count() == 0


@pytest.mark.promise(36)
def test_an_event_for_another_address_than_the_digests_belongs_to_no_reader(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="sent")
    record_events([make_event(Kind.HARD_BOUNCE, digest, recipient="curator@example.org")], now)
    assert Subscriber.objects.get().status == "active"


def test_a_reader_is_found_by_address_if_the_event_names_no_digest(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime
) -> None:
    reader = make_reader("Käthe@bücher.example", email_key="käthe@bücher.example")
    make_digest(reader, status="sent")
    event = make_event(Kind.COMPLAINT, recipient="Käthe@xn--bcher-kva.example", at=now)
    record_events([event], now)
    reader.refresh_from_db()
    assert reader.status == "suppressed"


def test_a_digest_is_found_by_the_providers_message_id(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="uncertain", provider_id="1571")
    event = make_event(Kind.DELIVERED, recipient=digest.subscriber.email, message_id="1571", at=now)
    record_events([event, make_event(Kind.DELIVERED, message_id="1571", at=now)], now)
    digest.refresh_from_db()
    assert digest.status == "sent"
    assert digest.delivery_events.count() == 1


@pytest.mark.promise(37)
def test_feedback_on_an_edition_is_counted_per_digest(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime
) -> None:
    made = [make_digest(make_reader(f"{n}@e.org"), status="sent") for n in range(4)]
    soft, hard = Kind.SOFT_BOUNCE, Kind.HARD_BOUNCE
    events = [make_event(soft, made[0]), make_event(hard, made[0]), make_event(hard, made[1])]
    events += [make_event(Kind.COMPLAINT, made[2]), make_event(Kind.DELIVERED, made[3])]
    record_events(events, now)
    came_back = DeliveryEvent.objects.feedback_counts(now.date())
    assert came_back == {"bounces": 2, "complaints": 1}
    other = DeliveryEvent.objects.feedback_counts(now.date() - timedelta(days=1))
    assert other == {"bounces": 0, "complaints": 0}


@pytest.mark.promise(37)
def test_counting_feedback_reads_one_small_index(now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        day = DeliveryEvent.objects.filter(day=now.date(), kind__in=DeliveryEvent.NEGATIVE_KINDS)
        assert "event_feedback" in day.explain()


def test_old_events_are_deleted_and_bounces_are_kept_longer(
    make_digest: MakeDigest, now: datetime, settings: Any
) -> None:
    digest = make_digest(status="sent")
    record_events([make_event(Kind.DELIVERED, digest), make_event(Kind.SOFT_BOUNCE, digest)], now)
    assert delete_old_events(now + settings.EVENTS_KEPT - HOUR) == 0
    assert delete_old_events(now + settings.EVENTS_KEPT + HOUR) == 1
    assert delete_old_events(now + settings.EVENTS_KEPT + HOUR) == 0
    assert DeliveryEvent.objects.get().kind == "soft"
    assert delete_old_events(now + timedelta(days=366)) == 1


def test_erasing_a_reader_deletes_the_events(make_digest: MakeDigest, now: datetime) -> None:
    record_events([make_event(Kind.DELIVERED, make_digest(status="sent"))], now)
    Subscriber.objects.all().delete()
    assert not DeliveryEvent.objects.exists()
    assert not Topic.objects.exists()
