"""Settling uncertain mails from delivery events."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.models import Paper
from subscriptions.delivery import mailing_run
from subscriptions.editions import choosing, digests
from subscriptions.feedback.record import record_events
from subscriptions.feedback.settle import combine_kinds, settle_uncertain
from subscriptions.models import DeliveryEvent, Digest, Subscriber, Subscription, Suppression
from tests.subscriptions.conftest import MakeDigest, MakeReader, Sink
from tests.subscriptions.delivery_events import HOUR, make_event

pytestmark = pytest.mark.django_db
Kind = DeliveryEvent.Kind


def event_state() -> list[Any]:
    """Return everything that events may change."""
    return [
        sorted(Digest.objects.values_list("pk", "status", "sent_at", "reason")),
        sorted(Subscriber.objects.values_list("pk", "status")),
        sorted(Subscriber.objects.values_list("pk", "unsubscribed_at")),
        sorted(Subscription.objects.values_list("pk", "next_digest_at", "covered_until")),
        sorted(Suppression.objects.values_list("address_hash", "reason", "until")),
        sorted(
            DeliveryEvent.objects.values_list("key", "kind", "digest", "subscriber", "occurred_at")
        ),
    ]


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [
        (Kind.ACCEPTED, "sent"),
        (Kind.DEFERRED, "sent"),
        (Kind.DELIVERED, "sent"),
        (Kind.OPENED, "sent"),
        (Kind.COMPLAINT, "sent"),
        (Kind.REJECTED, "failed"),
        (Kind.SOFT_BOUNCE, "failed"),
        (Kind.HARD_BOUNCE, "failed"),
        (Kind.UNKNOWN, "uncertain"),
    ],
)
@pytest.mark.promise(6)
def test_a_provider_event_settles_an_uncertain_digest(
    make_digest: MakeDigest, now: datetime, kind: str, becomes: str
) -> None:
    digest = make_digest(status="uncertain")
    for _ in range(2):
        record_events([make_event(kind, digest)], now)
    digest.refresh_from_db()
    assert digest.status == becomes
    assert (digest.sent_at is not None) == (becomes == "sent")
    digest.subscriber.refresh_from_db()
    covered_until = digest.subscriber.default_subscription.covered_until
    assert covered_until == (digest.created_at if becomes == "sent" else None)


@pytest.mark.parametrize(("kind", "becomes"), [("delivered", "sent"), ("soft", "failed")])
@pytest.mark.promise(6)
def test_a_digest_lost_after_acceptance_is_settled_and_never_sent_again(
    edition: list[Paper],
    make_reader: MakeReader,
    smtp: Sink,
    now: datetime,
    kind: str,
    becomes: str,
) -> None:
    reader = make_reader(topic={"text": "language models"})
    smtp.hang_up_after_data = True
    pks = digests.build_due_digests([reader.pk], now)
    mailing_run.deliver_digests(pks, lambda: now)
    digest = reader.digests.get()
    assert digest.status == "uncertain"
    later = now + HOUR
    mailing_run.deliver_digests(pks, lambda: later)
    record_events([make_event(kind, digest)], later)
    mailing_run.deliver_digests(pks, lambda: later)
    digest.refresh_from_db()
    assert digest.status == becomes
    assert len(smtp.accepted) == 1


def test_papers_of_a_digest_settled_as_failed_stay_eligible(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="uncertain", paper_ids=[7])
    record_events([make_event(Kind.SOFT_BOUNCE, digest)], now)
    tomorrow = digest.day + timedelta(days=1)
    assert choosing.seen_papers([digest.subscriber_id], tomorrow)[digest.subscriber_id] == set()


@pytest.mark.parametrize("status", ["pending", "sending", "sent", "failed", "skipped"])
def test_only_uncertain_digests_are_settled(
    make_digest: MakeDigest, now: datetime, status: str
) -> None:
    digest = make_digest(status=status)
    record_events([make_event(Kind.HARD_BOUNCE, digest), make_event(Kind.DELIVERED, digest)], now)
    digest.refresh_from_db()
    assert digest.status == status


def test_events_of_an_earlier_attempt_do_not_settle_a_digest_sent_again_by_hand(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="uncertain")
    record_events([make_event(Kind.SOFT_BOUNCE, digest)], now)
    again = now + timedelta(days=1)
    Digest.objects.update(status="sent", claimed_at=again, sent_at=again)
    digest.refresh_from_db()
    record_events([make_event(Kind.DEFERRED, digest)], again + HOUR)
    digest.refresh_from_db()
    assert digest.status == "sent"


def test_events_received_before_a_digest_became_uncertain_settle_it_later(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="sending")
    record_events([make_event(Kind.DELIVERED, digest)], now)
    Digest.objects.update(status="uncertain")
    assert settle_uncertain(now) == 1
    assert settle_uncertain(now) == 0
    digest.refresh_from_db()
    assert digest.status == "sent"


@pytest.mark.parametrize(
    "kinds",
    [
        (Kind.ACCEPTED, Kind.DELIVERED, Kind.OPENED),
        (Kind.ACCEPTED, Kind.DEFERRED, Kind.SOFT_BOUNCE),
        (Kind.DELIVERED, Kind.HARD_BOUNCE, Kind.UNKNOWN),
        (Kind.DELIVERED, Kind.COMPLAINT, Kind.HARD_BOUNCE),
        (Kind.UNSUBSCRIBED, Kind.HARD_BOUNCE, Kind.OPENED),
    ],
)
@pytest.mark.promise(34)
def test_repeated_events_in_any_order_lead_to_the_same_state(
    make_digest: MakeDigest, now: datetime, kinds: Sequence[str]
) -> None:
    digest = make_digest(status="uncertain")
    claimed = digest.claimed_at
    assert claimed
    events = [make_event(kind, digest, claimed + HOUR * n) for n, kind in enumerate(kinds, start=1)]
    states = []
    for order in itertools.permutations(events):
        DeliveryEvent.objects.all().delete()
        Suppression.objects.all().delete()
        Digest.objects.update(status="uncertain", sent_at=None, settled_at=None, reason="")
        Subscriber.objects.update(status="active", unsubscribed_at=None)
        Subscription.objects.update(next_digest_at=now, covered_until=None)
        for event in [*order, *order, *reversed(order)]:
            record_events([event], now)
        states.append(event_state())
    assert all(other == states[0] for other in states)


@given(st.lists(st.sampled_from(Kind.values)))
@pytest.mark.promise(34)
def test_a_weaker_event_never_overwrites_a_stronger_one(kinds: list[str]) -> None:
    result = combine_kinds(kinds)
    assert result == combine_kinds(reversed(kinds)) == combine_kinds([*kinds, *kinds])
    if Kind.COMPLAINT in kinds:
        assert result == (Digest.Status.SENT, Kind.COMPLAINT)
    assert combine_kinds([*kinds, Kind.UNKNOWN]) == result
