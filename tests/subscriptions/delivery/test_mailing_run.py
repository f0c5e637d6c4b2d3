from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from papers.models import Paper
from subscriptions.delivery import claims, mailing_run
from subscriptions.delivery.outcomes import Kind, Outcome
from subscriptions.editions import digests, recovery
from subscriptions.models import Digest, Edition, Message, Subscriber, Subscription
from subscriptions.readers import lifecycle
from tests.subscriptions.conftest import Sink
from tests.subscriptions.sending import at_once, totals

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
MakeReady = Callable[..., list[int]]


@pytest.fixture
def ready(edition: list[Paper], make_reader: MakeReader, now: datetime) -> list[int]:
    """Three pending digests."""
    pks = [make_reader(f"{n}@e.org", {"text": "language models"}).pk for n in range(3)]
    return digests.build_due_digests(pks, now)


def hand(by: str, now: datetime) -> claims.ClaimHolder:
    return claims.ClaimHolder(by, lambda: now)


def states() -> list[str]:
    return list(Digest.objects.order_by("pk").values_list("status", flat=True))


def test_each_digest_is_sent_once_and_recorded(ready: list[int], smtp: Sink, now: datetime) -> None:
    assert mailing_run.deliver_digests(ready, lambda: now).tally == {"sent": 3}
    assert [message["To"] for message in smtp.accepted] == ["0@e.org", "1@e.org", "2@e.org"]
    assert states() == ["sent"] * 3
    assert Subscription.objects.filter(covered_until=now).count() == 3


def test_delivering_again_sends_nothing(ready: list[int], smtp: Sink, now: datetime) -> None:
    mailing_run.deliver_digests(ready, lambda: now)
    assert mailing_run.deliver_digests(ready, lambda: now).tally == {}
    assert len(smtp.accepted) == 3


def test_the_claim_statement_is_prepared(ready: list[int], now: datetime) -> None:
    assert hand("one", now).claim(Digest.objects.get(pk=ready[0])).ours
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = [statement for (statement,) in cursor.fetchall()]
    assert any(statement.strip().startswith("WITH settled AS") for statement in prepared)


def test_a_claimed_digest_is_claimed_by_no_other_worker(ready: list[int], now: datetime) -> None:
    digest = Digest.objects.get(pk=ready[0])
    assert hand("one", now).claim(digest).ours
    assert not hand("two", now).claim(digest).ours


def test_who_unsubscribes_during_a_run_is_not_sent_to(
    ready: list[int], smtp: Sink, now: datetime
) -> None:
    leaving = Digest.objects.get(pk=ready[1]).subscriber
    lifecycle.unsubscribe_reader(leaving.pk, now)
    mailing_run.deliver_digests(ready, lambda: now)
    assert leaving.email not in [message["To"] for message in smtp.accepted]
    recovery.recover_digests(now)
    assert states() == ["sent", "suppressed", "sent"]


def test_a_temporary_refusal_is_tried_again_later(
    ready: list[int], smtp: Sink, now: datetime
) -> None:
    smtp.at_rcpt = ["451 later, please"]
    mailing_run.deliver_digests(ready, lambda: now)
    assert states() == ["pending", "sent", "sent"]
    waiting = Digest.objects.get(pk=ready[0])
    assert waiting.next_attempt_at > now
    assert "451" in waiting.reason
    later = now + timedelta(minutes=5)
    assert recovery.recover_digests(later) == [ready[0]]
    assert recovery.recover_digests(later) == []  # it is on its way
    mailing_run.deliver_digests(ready[:1], lambda: later)
    assert states() == ["sent"] * 3


def test_a_digest_is_not_claimed_before_its_next_attempt(
    ready: list[int], smtp: Sink, now: datetime
) -> None:
    smtp.at_rcpt = ["451 later, please"]
    mailing_run.deliver_digests(ready[:1], lambda: now)
    assert mailing_run.deliver_digests(ready[:1], lambda: now).tally == {}


def test_attempts_are_bounded(ready: list[int], smtp: Sink, now: datetime) -> None:
    smtp.at_rcpt = ["451 later"] * 100
    for _ in range(20):
        now = Digest.objects.get(pk=ready[0]).next_attempt_at
        mailing_run.deliver_digests(ready[:1], lambda moment=now: moment)  # type: ignore[misc]
    digest = Digest.objects.get(pk=ready[0])
    assert (digest.status, digest.attempts) == ("failed", Digest.MAX_ATTEMPTS)


def test_a_refusal_for_good_fails_alone(ready: list[int], smtp: Sink, now: datetime) -> None:
    smtp.at_rcpt = ["250 ok", "550 no such mailbox"]
    mailing_run.deliver_digests(ready, lambda: now)
    assert states() == ["sent", "failed", "sent"]
    assert "no such mailbox" in Digest.objects.get(pk=ready[1]).reason


def test_a_connection_lost_after_acceptance_is_uncertain_and_never_sent_again(
    ready: list[int], smtp: Sink, now: datetime
) -> None:
    smtp.hang_up_after_data = True
    mailing_run.deliver_digests(ready[:1], lambda: now)
    assert states()[0] == "uncertain"
    smtp.hang_up_after_data = False
    for hours in (1, 2, 24):
        later = now + timedelta(hours=hours)
        mailing_run.deliver_digests(
            [*recovery.recover_digests(later), *ready[:1]], lambda moment=later: moment
        )  # type: ignore[misc]
    assert [message["To"] for message in smtp.accepted].count("0@e.org") == 1


def test_a_server_that_is_down_costs_nothing_but_time(
    ready: list[int], smtp: Sink, settings: Any, now: datetime
) -> None:
    settings.EMAIL_PORT = 1  # nobody listens there
    mailing_run.deliver_digests(ready, lambda: now)
    assert states() == ["pending"] * 3


def test_what_a_lost_worker_had_in_hand_becomes_uncertain(ready: list[int], now: datetime) -> None:
    hand("a worker that dies now", now).claim(Digest.objects.get(pk=ready[0]))
    recovery.recover_digests(now + timedelta(minutes=9))
    assert states()[0] == "sending"
    recovery.recover_digests(now + timedelta(minutes=11))
    assert states()[0] == "uncertain"


def test_what_redis_lost_is_found_again(ready: list[int], now: datetime) -> None:
    assert recovery.recover_digests(now + timedelta(minutes=1)) == []
    assert recovery.recover_digests(now + timedelta(minutes=4)) == ready


def test_nothing_is_sent_after_the_cut_off(ready: list[int], now: datetime) -> None:
    late = now + timedelta(hours=11)
    assert recovery.recover_digests(late) == []
    assert states() == ["failed"] * 3


def test_a_digest_that_cannot_be_rendered_fails_alone(
    ready: list[int], smtp: Sink, now: datetime
) -> None:
    Digest.objects.filter(pk=ready[1]).update(items=[{"broken": True}])
    mailing_run.deliver_digests(ready, lambda: now)
    assert states() == ["sent", "failed", "sent"]


def test_a_failed_record_never_overwrites_what_was_settled(ready: list[int], now: datetime) -> None:
    slow = hand("slow", now)
    slow.claim(Digest.objects.get(pk=ready[0]))
    Digest.objects.filter(pk=ready[0]).update(status=Digest.Status.SENT)
    slow.outcome = Outcome(Kind.REFUSED)
    slow.settle()
    assert states()[0] == "sent"


def test_the_books_add_up(ready: list[int], smtp: Sink, now: datetime) -> None:
    smtp.at_rcpt = ["250 ok", "550 no", "451 later"]
    mailing_run.deliver_digests(ready, lambda: now)
    totals = Digest.objects.all().totals()
    assert (totals["sent"], totals["failed"], totals["pending"]) == (1, 1, 1)
    assert sum(totals.values()) == 3


def test_delays_grow_and_are_bounded() -> None:
    first = timedelta(minutes=1)
    for kind in (Digest, Message):
        assert first / 2 <= claims.delay(kind(attempts=1)) <= first
        assert claims.delay(kind(attempts=4)) > 3 * first
        assert claims.delay(kind(attempts=5000)) <= kind.MAX_DELAY
        assert len({claims.delay(kind(attempts=3)) for _ in range(10)}) == 10


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(4)
def test_two_beats_and_several_workers_send_one_digest_per_reader(
    edition: list[Paper], make_reader: MakeReader, smtp: Sink, now: datetime
) -> None:
    for n in range(30):
        make_reader(f"{n}@e.org", {"text": "language"})

    def beat_and_worker(_: int) -> None:
        for chunk in digests.due_readers(now):
            mailing_run.deliver_digests(digests.build_due_digests(chunk, now), lambda: now)

    at_once(4, beat_and_worker)
    assert Digest.objects.count() == 30
    assert Edition.objects.get().due == 30
    left = list(Digest.objects.filter(status="pending").values_list("pk", flat=True))
    mailing_run.deliver_digests(left, lambda: now)
    assert set(Counter(str(m["To"]) for m in smtp.accepted).values()) == {1}
    assert len(smtp.accepted) == 30


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(5)
def test_tasks_delivered_twice_at_once_change_nothing(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    ready = make_ready(20)
    at_once(4, lambda _: mailing_run.deliver_digests(ready, lambda: now) and None)
    assert len(smtp.accepted) == 20
    assert set(Counter(str(m["To"]) for m in smtp.accepted).values()) == {1}
    assert totals() == {"sent": 20}


@pytest.mark.django_db(transaction=True)
def test_connections_in_threads_share_a_chunk(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    settings.MAIL_CONNECTIONS = 4
    ready = make_ready(20)
    assert mailing_run.deliver_digests(ready, lambda: now).tally == {"sent": 20}
    assert len(smtp.accepted) == 20
    assert Digest.objects.values("claimed_by").distinct().count() > 1


@pytest.mark.promise(15)
def test_a_chunk_takes_the_same_number_of_queries_at_any_size(
    make_ready: MakeReady, now: datetime
) -> None:
    ready = make_ready(12)
    for chunk in (ready[:1], ready[1:]):
        with CaptureQueriesContext(connection) as queries:
            assert len(mailing_run._waiting(chunk, now)) == len(chunk)
        assert len(queries) == 1


@pytest.mark.promise(10)
def test_a_broken_recipient_and_a_broken_paper_affect_no_other_digest(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    ready = make_ready(12)
    poisoned = Digest.objects.get(pk=ready[3])
    Subscriber.objects.filter(pk=poisoned.subscriber_id).update(email="a\r\nBcc: b@e.org")
    Digest.objects.filter(pk=ready[5]).update(items=[{"broken": True}])
    smtp.never = {"7@e.org": "550 5.1.1 no such mailbox"}
    mailing_run.deliver_digests(ready, lambda: now)
    assert totals() == {"sent": 9, "failed": 3}
    assert Edition.objects.get().state == "open"


@pytest.mark.promise(14)
def test_stopping_finishes_the_current_message_and_claims_no_other(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    ready = make_ready(5)
    report = mailing_run.deliver_digests(
        ready, lambda: now, stopping=lambda: len(smtp.accepted) >= 2
    )
    assert report.rest == ready[2:]
    assert totals() == {"sent": 2, "pending": 3}
