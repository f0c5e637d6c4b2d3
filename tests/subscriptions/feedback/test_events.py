"""What became of a mail: rows, what they settle, and whom they suppress. Promises 6, 34, 35, 36."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from papers.models import Paper
from subscriptions.delivery import claims, mailing_run
from subscriptions.editions import digests
from subscriptions.feedback import events
from subscriptions.feedback.events import Event
from subscriptions.mail import suppression, transactional
from subscriptions.models import DeliveryEvent, Digest, Interests, Message, Subscriber, Suppression
from subscriptions.readers import lifecycle, signup
from tests.subscriptions.conftest import MakeDigest, MakeReader, Sink
from tests.subscriptions.messages import sign_up

pytestmark = pytest.mark.django_db
Kind = DeliveryEvent.Kind
HOUR = timedelta(hours=1)


def said(kind: str, digest: Digest | None = None, at: datetime | None = None, **more: Any) -> Event:
    """An event as a provider reports it of a digest."""
    now = at or (digest.claimed_at + HOUR if digest and digest.claimed_at else timezone.now())
    values = {"public_id": digest.public_id if digest else None, "provider": "Postmark"}
    key = events.key_of(kind, digest and digest.pk, now, *more.values())
    return Event(**({"key": key, "kind": kind, "at": now} | values | more))


def state() -> list[Any]:
    """Everything that events may change."""
    return [
        sorted(Digest.objects.values_list("pk", "status", "sent_at", "reason")),
        sorted(Subscriber.objects.values_list("pk", "status", "next_digest_at", "covered_until")),
        sorted(Subscriber.objects.values_list("pk", "unsubscribed_at")),
        sorted(Suppression.objects.values_list("address_hash", "reason", "until")),
        sorted(
            DeliveryEvent.objects.values_list("key", "kind", "digest", "subscriber", "occurred_at")
        ),
    ]


# --- Settling ------------------------------------------------------------------------------------


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
        events.record_events([said(kind, digest)], now)
    digest.refresh_from_db()
    assert digest.status == becomes
    assert (digest.sent_at is not None) == (becomes == "sent")
    digest.subscriber.refresh_from_db()
    assert digest.subscriber.covered_until == (digest.created_at if becomes == "sent" else None)


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
    reader = make_reader(interests={"topics": "language models"})
    smtp.hang_up_after_data = True
    pks = digests.build_due_digests([reader.pk], now)
    mailing_run.deliver_digests(pks, lambda: now)
    digest = reader.digests.get()
    assert digest.status == "uncertain"
    later = now + HOUR
    mailing_run.deliver_digests(pks, lambda: later)
    events.record_events([said(kind, digest)], later)
    mailing_run.deliver_digests(pks, lambda: later)
    digest.refresh_from_db()
    assert digest.status == becomes
    assert len(smtp.accepted) == 1


def test_papers_of_a_digest_settled_as_failed_may_come_again(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="uncertain", paper_ids=[7])
    events.record_events([said(Kind.SOFT_BOUNCE, digest)], now)
    tomorrow = digest.day + timedelta(days=1)
    assert digests.seen_by([digest.subscriber_id], tomorrow)[digest.subscriber_id] == set()


@pytest.mark.parametrize("status", ["pending", "sending", "sent", "failed", "skipped"])
def test_only_what_is_uncertain_is_settled(
    make_digest: MakeDigest, now: datetime, status: str
) -> None:
    digest = make_digest(status=status)
    events.record_events([said(Kind.HARD_BOUNCE, digest), said(Kind.DELIVERED, digest)], now)
    digest.refresh_from_db()
    assert digest.status == status


def test_a_digest_handed_over_again_by_hand_is_not_judged_by_its_first_bounce(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="uncertain")
    events.record_events([said(Kind.SOFT_BOUNCE, digest)], now)
    again = now + timedelta(days=1)
    Digest.objects.update(status="sent", claimed_at=again, sent_at=again)
    digest.refresh_from_db()
    events.record_events([said(Kind.DEFERRED, digest)], again + HOUR)
    digest.refresh_from_db()
    assert digest.status == "sent"


def test_events_that_came_before_the_worker_was_given_up_settle_later(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="sending")
    events.record_events([said(Kind.DELIVERED, digest)], now)
    Digest.objects.update(status="uncertain")
    assert events.settle_waiting(now) == 1
    assert events.settle_waiting(now) == 0
    digest.refresh_from_db()
    assert digest.status == "sent"


# --- The same state, whatever the order and however often -----------------------------------------


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
def test_events_three_times_in_any_order_lead_to_one_state(
    make_digest: MakeDigest, now: datetime, kinds: Sequence[str]
) -> None:
    digest = make_digest(status="uncertain")
    claimed = digest.claimed_at
    assert claimed
    given_ = [said(kind, digest, claimed + HOUR * n) for n, kind in enumerate(kinds, start=1)]
    states = []
    for order in itertools.permutations(given_):
        DeliveryEvent.objects.all().delete()
        Suppression.objects.all().delete()
        Digest.objects.update(status="uncertain", sent_at=None, settled_at=None, reason="")
        Subscriber.objects.update(
            status="active", next_digest_at=now, covered_until=None, unsubscribed_at=None
        )
        for event in [*order, *order, *reversed(order)]:
            events.record_events([event], now)
        states.append(state())
    assert all(one == states[0] for one in states)


@given(st.lists(st.sampled_from(Kind.values)))
@pytest.mark.promise(34)
def test_a_weaker_event_never_overwrites_a_stronger_one(kinds: list[str]) -> None:
    found = events.verdict(kinds)
    assert found == events.verdict(reversed(kinds)) == events.verdict([*kinds, *kinds])
    if Kind.COMPLAINT in kinds:
        assert found == (Digest.Status.SENT, Kind.COMPLAINT)
    assert events.verdict([*kinds, Kind.UNKNOWN]) == found


@pytest.mark.promise(34)
def test_a_batch_of_a_thousand_takes_as_many_queries_as_one(
    make_reader: MakeReader, now: datetime
) -> None:
    read = Subscriber.objects.bulk_create(
        Subscriber(
            email=f"{n}@e.org", email_key=f"{n}@e.org", status="active", created_at=now,
            confirmed_at=now - timedelta(days=9),
        )
        for n in range(1004)
    )  # fmt: skip
    made = Digest.objects.bulk_create(
        Digest(
            subscriber=reader, day=now.date(), status="uncertain", created_at=now,
            expires_at=now, next_attempt_at=now, claimed_at=now,
        )
        for reader in read
    )  # fmt: skip
    kinds = itertools.cycle([Kind.DELIVERED, Kind.SOFT_BOUNCE, Kind.HARD_BOUNCE, Kind.COMPLAINT])
    batch = [said(kind, digest) for kind, digest in zip(kinds, made, strict=False)]
    counts = []
    for part in (batch[1000:], batch[:1000]):
        with CaptureQueriesContext(connection) as queries:
            assert events.record_events(part, now) == len(part)
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 5  # more rows than one statement takes
    assert events.record_events(batch, now) == 0
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
    everything = [said(kind, digest) for kind in kinds for digest in made]
    orders = [random.Random(n).sample(everything, len(everything)) for n in range(6)]

    def report(order: list[Event]) -> None:
        for start in range(0, len(order), 25):
            events.record_events(order[start : start + 25], now)
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(report, orders))
    assert DeliveryEvent.objects.count() == len(everything)
    assert set(Digest.objects.values_list("status", "reason")) == {
        ("sent", "Settled by what came back: complaint.")
    }
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"suppressed"}
    assert set(Suppression.objects.values_list("reason", flat=True)) == {"complaint"}


@pytest.mark.promise(34)
def test_unknown_event_types_are_stored_and_counted(
    now: datetime,
) -> None:
    for given_ in (
        AnymailTrackingEvent(event_type=None),
        AnymailTrackingEvent(event_type="teleported", esp_event={"type": "teleport"}),
        AnymailTrackingEvent(event_type="bounced", metadata=None, tags=None),
        AnymailTrackingEvent(event_type="bounced", recipient="", message_id=7, timestamp="x"),
        AnymailTrackingEvent(event_type="delivered", esp_event="text", description="a@b.org"),
    ):
        for _ in range(3):
            tracking.send(sender=None, event=given_, esp_name="Postmark")
    kinds = DeliveryEvent.objects.values_list("kind", "provider_word").order_by("pk")
    assert list(kinds)[:2] == [("unknown", ""), ("unknown", "teleported teleport")]
    assert DeliveryEvent.objects.count() == 5
    assert not DeliveryEvent.objects.filter(detail__contains="@").exists()


# --- Suppression ---------------------------------------------------------------------------------
@pytest.mark.promise(35)
def test_a_hard_bounce_suppresses_at_once(make_digest: MakeDigest, now: datetime) -> None:
    digest = make_digest(status="sent")
    for _ in range(3):
        events.record_events([said(Kind.HARD_BOUNCE, digest)], now)
    reader = digest.subscriber
    reader.refresh_from_db()
    assert (reader.status, reader.next_digest_at) == ("suppressed", None)
    assert suppression.is_suppressed(reader, now)


@pytest.mark.promise(35)
def test_soft_bounces_suppress_at_n_of_the_last_m(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime, settings: Any
) -> None:
    settings.SOFT_BOUNCES, settings.SOFT_BOUNCES_OF = 3, 5
    reader = make_reader(confirmed_at=now - timedelta(days=60))
    made = [
        make_digest(reader, day=now.date() - timedelta(days=n), claimed_at=now - timedelta(days=n))
        for n in range(8)
    ]
    for old in made[5:]:  # three, but too long ago
        events.record_events([said(Kind.SOFT_BOUNCE, old)], now)
    events.record_events([said(Kind.SOFT_BOUNCE, made[4]), said(Kind.SOFT_BOUNCE, made[3])], now)
    events.record_events([said(Kind.SOFT_BOUNCE, made[2]), said(Kind.DELIVERED, made[2])], now)
    reader.refresh_from_db()
    assert reader.status == "active"
    for _ in range(2):
        events.record_events([said(Kind.SOFT_BOUNCE, made[1])], now)
    reader.refresh_from_db()
    assert reader.status == "suppressed"
    assert Suppression.objects.get().reason == "soft"


@pytest.mark.promise(35)
def test_a_complaint_unsubscribes_and_suppresses_for_good(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="sent")
    events.record_events([said(Kind.COMPLAINT, digest)], now)
    events.record_events([said(Kind.HARD_BOUNCE, digest)], now + HOUR)
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
    assert list(Subscriber.objects.due(now)) == [reader]
    events.record_events([said(kind, yesterday)], now)
    Subscriber.objects.update(next_digest_at=now)  # even so
    assert list(Subscriber.objects.due(now)) == []
    assert not claims.ClaimHolder("worker", lambda: now).take(waiting).ours


@pytest.mark.usefixtures("redis")
def test_who_bounced_may_come_back_by_confirming_anew_once_the_time_is_over(
    make_digest: MakeDigest, now: datetime, settings: Any
) -> None:
    digest = make_digest(status="sent")
    events.record_events([said(Kind.HARD_BOUNCE, digest)], now)
    reader = Subscriber.objects.get()
    soon, later = now + timedelta(days=30), now + settings.BOUNCE_SUPPRESSION + HOUR
    sign_up(reader.email, soon)
    assert not Message.objects.filter(status="sent").exists()
    assert not lifecycle.activate_reader(reader, soon)
    sign_up(reader.email, later)
    assert Message.objects.get(status="sent").kind == "confirmation"
    reader.refresh_from_db()
    assert reader.status == "suppressed"  # until the mail has arrived and was answered
    assert lifecycle.activate_reader(reader, later)
    events.record_events(
        [said(Kind.HARD_BOUNCE, digest, at=later + HOUR, detail="late")], later + HOUR
    )
    reader.refresh_from_db()
    assert reader.status == "active"  # what is said of mail from before the confirmation is over


def test_an_address_that_was_suppressed_gets_no_confirmation_after_its_row_is_gone(
    make_digest: MakeDigest, now: datetime, settings: Any
) -> None:
    digest = make_digest(status="sent")
    events.record_events([said(Kind.COMPLAINT, digest)], now)
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
def test_lifting_a_suppression_by_hand_lets_the_reader_sign_up_anew(
    make_digest: MakeDigest, now: datetime
) -> None:
    events.record_events([said(Kind.COMPLAINT, make_digest(status="sent"))], now)
    assert suppression.lift_suppression(Subscriber.objects.all()) == 1
    assert suppression.lift_suppression(Subscriber.objects.all()) == 0
    reader = Subscriber.objects.get()
    assert (reader.status, reader.next_digest_at) == ("unsubscribed", None)
    sign_up(reader.email, now)
    assert Message.objects.get().status == "sent"


@pytest.mark.promise(48)
def test_a_future_timestamp_counts_as_now(make_digest: MakeDigest, now: datetime) -> None:
    digest = make_digest(status="uncertain")
    event = AnymailTrackingEvent(
        event_type="delivered",
        timestamp=now + timedelta(days=400),
        metadata={"digest": str(digest.public_id)},
        esp_event={},
    )
    events.record_events([events.from_tracking(event, "Postmark", now)], now)
    digest.refresh_from_db()
    assert (digest.status, DeliveryEvent.objects.get().occurred_at) == ("sent", now)


def test_a_providers_unsubscribe_unsubscribes(make_digest: MakeDigest, now: datetime) -> None:
    events.record_events([said(Kind.UNSUBSCRIBED, make_digest(status="sent"))], now)
    reader = Subscriber.objects.get()
    assert (reader.status, reader.unsubscribed_at) == ("unsubscribed", now)


@pytest.mark.promise(36)
def test_an_address_we_never_wrote_to_is_never_suppressed(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime
) -> None:
    never = make_reader("never@example.org")
    unsent = transactional.write_message("welcome", now, never).pk
    waiting = make_digest(make_reader("waiting@example.org"), status="pending", claimed_at=None)
    hard = Kind.HARD_BOUNCE
    events.record_events(
        [
            said(hard, recipient="never@example.org"),
            said(hard, recipient="stranger@example.org"),
            said(hard, waiting),
            said(hard, message=unsent),
        ],
        now,
    )
    assert DeliveryEvent.objects.filter(subscriber=None, digest=None).count() == 4
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"active"}
    assert Suppression.objects.count() == 0


@pytest.mark.promise(36)
def test_an_event_for_an_address_other_than_the_digests_belongs_to_nobody(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="sent")
    events.record_events([said(Kind.HARD_BOUNCE, digest, recipient="curator@example.org")], now)
    assert Subscriber.objects.get().status == "active"


def test_a_reader_is_found_by_the_address_when_the_digest_is_not_named(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime
) -> None:
    reader = make_reader("Käthe@bücher.example", email_key="käthe@bücher.example")
    make_digest(reader, status="sent")
    one = said(Kind.COMPLAINT, recipient="Käthe@xn--bcher-kva.example", at=now)
    events.record_events([one], now)
    reader.refresh_from_db()
    assert reader.status == "suppressed"


def test_a_digest_is_found_by_the_providers_name_for_it(
    make_digest: MakeDigest, now: datetime
) -> None:
    digest = make_digest(status="uncertain", provider_id="1571")
    one = said(Kind.DELIVERED, recipient=digest.subscriber.email, message_id="1571", at=now)
    events.record_events([one, said(Kind.DELIVERED, message_id="1571", at=now)], now)
    digest.refresh_from_db()
    assert digest.status == "sent"
    assert digest.delivery_events.count() == 1


def test_a_bounced_confirmation_suppresses_who_never_confirmed(
    make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(status="pending", confirmed_at=None)
    sign_up(reader.email, now)
    events.record_events([said(Kind.HARD_BOUNCE, recipient=reader.email, at=now)], now)
    reader.refresh_from_db()
    assert reader.status == "suppressed"


@pytest.mark.parametrize(
    ("reply", "becomes"),
    [
        ("550 5.1.1 <reader@example.org>: no such user", "suppressed"),
        ("550 5.7.1 relaying denied", "active"),
        ("552 5.2.2 mailbox full", "active"),
    ],
)
@pytest.mark.promise(35)
def test_a_recipient_refused_during_sending_is_a_hard_bounce(
    edition: list[Paper],
    make_reader: MakeReader,
    smtp: Sink,
    now: datetime,
    reply: str,
    becomes: str,
) -> None:
    reader = make_reader(interests={"topics": "language models"})
    smtp.at_rcpt = [reply]
    mailing_run.deliver_digests(digests.build_due_digests([reader.pk], now), lambda: now)
    assert [events.learn_from_refusals(now) for _ in range(3)] == [1, 0, 0]
    reader.refresh_from_db()
    assert reader.status == becomes
    event = DeliveryEvent.objects.get()
    assert (event.provider, "@" in event.detail) == ("hand-over", False)
    assert reader.digests.get().status == "failed"


def test_what_went_wrong_is_found_by_a_small_index(make_digest: MakeDigest, now: datetime) -> None:
    make_digest(status="sent")
    columns = {field.column: field.column for field in Digest._meta.concrete_fields}
    del columns["id"]
    columns |= {"day": "day + n", "public_id": "gen_random_uuid()"}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO subscriptions_digest ({', '.join(columns)})"
            f" SELECT {', '.join(columns.values())}"
            " FROM subscriptions_digest, generate_series(1, 5000) AS n"
        )
        cursor.execute("ANALYZE subscriptions_digest")
    for digests_ in (events.waiting(), events.refused(now.date())):
        assert "digest_problems" in digests_.order_by().explain()


# --- Rates and retention -------------------------------------------------------------------------
@pytest.mark.promise(37)
def test_feedback_on_an_edition_is_counted_per_digest(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime
) -> None:
    made = [make_digest(make_reader(f"{n}@e.org"), status="sent") for n in range(4)]
    soft, hard = Kind.SOFT_BOUNCE, Kind.HARD_BOUNCE
    given_ = [said(soft, made[0]), said(hard, made[0]), said(hard, made[1])]
    given_ += [said(Kind.COMPLAINT, made[2]), said(Kind.DELIVERED, made[3])]
    events.record_events(given_, now)
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


def test_old_events_are_forgotten_and_what_came_back_is_kept_longer(
    make_digest: MakeDigest, now: datetime, settings: Any
) -> None:
    digest = make_digest(status="sent")
    events.record_events([said(Kind.DELIVERED, digest), said(Kind.SOFT_BOUNCE, digest)], now)
    assert events.delete_old_events(now + settings.EVENTS_KEPT - HOUR) == 0
    assert events.delete_old_events(now + settings.EVENTS_KEPT + HOUR) == 1
    assert events.delete_old_events(now + settings.EVENTS_KEPT + HOUR) == 0
    assert DeliveryEvent.objects.get().kind == "soft"
    assert events.delete_old_events(now + timedelta(days=366)) == 1


def test_erasing_a_reader_takes_the_events_along(make_digest: MakeDigest, now: datetime) -> None:
    events.record_events([said(Kind.DELIVERED, make_digest(status="sent"))], now)
    Subscriber.objects.all().delete()
    assert not DeliveryEvent.objects.exists()
    assert not Interests.objects.exists()
