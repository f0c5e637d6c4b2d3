"""Recovery: retries, uncertain digests, sending again, and a run that bounces."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from subscriptions.delivery import mailing_run
from subscriptions.editions import digests, recovery, states
from subscriptions.feedback.normalize import Event
from subscriptions.feedback.record import record_events
from subscriptions.models import DeliveryEvent, Digest, Edition, Subscriber, Subscription
from tests.subscriptions.conftest import Sink
from tests.subscriptions.sending import totals

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
MakeReady = Callable[..., list[int]]
TODAY = date(2026, 4, 30)
MINUTE = timedelta(minutes=1)


@pytest.mark.promise(6)
def test_a_timeout_after_acceptance_is_uncertain_until_settled(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    settings.EMAIL_TIMEOUT = 1
    [ready] = make_ready(1)
    smtp.silent_after_data = True
    mailing_run.deliver_digests([ready], lambda: now)
    smtp.silent_after_data = False
    assert totals() == {"uncertain": 1}
    for minutes in (1, 20, 300):
        later = now + minutes * MINUTE
        mailing_run.deliver_digests(
            [*recovery.recover_digests(later), ready], lambda moment=later: moment
        )  # type: ignore[misc]
    assert len(smtp.accepted) == 1
    digest = Digest.objects.get()
    said = Event(
        key="k", provider="p", kind=DeliveryEvent.Kind.DELIVERED, at=now, public_id=digest.public_id
    )
    record_events([said], now + MINUTE)
    assert totals() == {"sent": 1}


@pytest.mark.promise(6)
def test_an_uncertain_digest_can_be_sent_again_by_hand(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    [ready] = make_ready(1)
    Digest.objects.update(status="uncertain")
    assert recovery.send_again(Digest.objects.all(), now) == [ready]
    assert recovery.send_again(Digest.objects.all(), now) == []
    mailing_run.deliver_digests([ready], lambda: now)
    assert totals() == {"sent": 1}


def test_a_digest_with_a_later_one_cannot_be_sent_again(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    [ready] = make_ready(1)
    Digest.objects.update(status="failed")
    tomorrow = now + timedelta(days=1)
    digests.build_due_digests([Subscriber.objects.get().pk], tomorrow)
    assert recovery.send_again(Digest.objects.filter(pk=ready), tomorrow) == []


@pytest.mark.promise(9)
def test_temporary_errors_are_retried_a_bounded_number_of_times(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    """One in twenty is refused for now, one always: that fails in the end, and is listed."""
    ready = make_ready(40)
    smtp.at_rcpt = (["250 ok"] * 19 + ["451 4.3.0 later"]) * 2
    smtp.never = {"7@e.org": "450 4.2.1 mailbox busy"}
    mailing_run.deliver_digests(ready, lambda: now)
    for _ in range(40):
        now += timedelta(minutes=15)
        mailing_run.deliver_digests(recovery.recover_digests(now), lambda moment=now: moment)  # type: ignore[misc]
    assert totals() == {"sent": 39, "failed": 1}
    failed = Digest.objects.get(status="failed")
    assert (failed.attempts, failed.outcome) == (Digest.MAX_ATTEMPTS, "retry")
    assert "mailbox busy" in failed.reason
    smtp.never = {}
    mailing_run.deliver_digests(
        recovery.send_again(Digest.objects.filter(day=TODAY), now), lambda: now
    )
    assert totals() == {"sent": 40}


@pytest.mark.parametrize(
    ("kind", "sent", "back", "state"),
    [
        ("hard", 40, 2, "paused"),  # 5 %
        ("hard", 40, 1, "open"),
        ("soft", 60, 3, "paused"),
        ("complaint", 1000, 1, "paused"),  # 0.1 %
        ("complaint", 999, 1, "open"),  # a single one of fewer says nothing
        ("complaint", 30, 2, "paused"),
    ],
)
@pytest.mark.promise(37)
def test_bounces_and_complaints_pause_the_run(
    make_reader: MakeReader, now: datetime, kind: str, sent: int, back: int, state: str
) -> None:
    day = {"day": TODAY, "created_at": now, "expires_at": now, "next_attempt_at": now}
    readers_ = Subscriber.objects.bulk_create(
        Subscriber(email=f"{n}@e.org", email_key=f"{n}@e.org", created_at=now) for n in range(sent)
    )
    made = Digest.objects.bulk_create(
        Digest(subscriber=one.subscriber, subscription=one, status="sent", sent_at=now, **day)
        for one in Subscription.objects.bulk_create(
            Subscription(subscriber=reader) for reader in readers_
        )
    )
    states.add_due({TODAY: sent}, now)
    kinds = {
        "hard": DeliveryEvent.Kind.HARD_BOUNCE,
        "soft": DeliveryEvent.Kind.SOFT_BOUNCE,
        "complaint": DeliveryEvent.Kind.COMPLAINT,
    }
    DeliveryEvent.objects.bulk_create(
        DeliveryEvent(
            key=str(n),
            provider="p",
            kind=kinds[kind],
            occurred_at=now,
            received_at=now,
            digest=digest,
            day=TODAY,
        )
        for n, digest in enumerate(made[:back])
    )
    recovery.recover_digests(now)
    assert Edition.objects.get().state == state
    if state == "paused":
        states.resume_edition(TODAY, "curator", now + MINUTE)
        recovery.recover_digests(now + 2 * MINUTE)
        assert Edition.objects.get().state == "open", "what was seen when resuming is not new"
