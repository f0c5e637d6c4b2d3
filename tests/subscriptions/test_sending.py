"""Promises about sending that need servers that misbehave, several workers, or time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from config.redis_client import redis_client
from papers.models import Paper
from subscriptions.delivery import claims as ledger
from subscriptions.delivery import mailing_run, rates
from subscriptions.delivery.circuit_breaker import CircuitBreaker
from subscriptions.delivery.outcomes import Kind, Outcome
from subscriptions.editions import alerts, digests, recovery, states
from subscriptions.feedback.normalize import Event
from subscriptions.feedback.record import record_events
from subscriptions.models import DeliveryEvent, Digest, Edition, Subscriber
from subscriptions.readers import lifecycle
from tests.subscriptions.conftest import Sink

pytestmark = pytest.mark.usefixtures("redis")
MakeReader = Callable[..., Subscriber]
MakeDigest = Callable[..., Digest]
TODAY = date(2026, 4, 30)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def make_ready(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> Callable[[int], list[int]]:
    """So many pending digests of today."""

    def make(count: int, domain: str = "e.org") -> list[int]:
        pks = [make_reader(f"{n}@{domain}", {"topics": "language"}).pk for n in range(count)]
        return digests.build_due_digests(pks, now)

    return make


MakeReady = Callable[..., list[int]]


def totals() -> dict[str, int]:
    return {status: count for status, count in Digest.objects.all().totals().items() if count}


def at_once(count: int, work: Callable[[int], None]) -> None:
    """Run work in so many threads, each with a database connection of its own."""
    gate, failed = threading.Barrier(count), []

    def run(number: int) -> None:
        try:
            gate.wait()
            work(number)
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(4)
def test_two_beats_and_several_workers_send_one_digest_per_reader(
    edition: list[Paper], make_reader: MakeReader, smtp: Sink, now: datetime
) -> None:
    for n in range(30):
        make_reader(f"{n}@e.org", {"topics": "language"})

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


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(28)
def test_a_claim_waits_for_an_unsubscribe_in_progress(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    [ready] = make_ready(1)
    digest = Digest.objects.select_related("subscriber").get(pk=ready)
    leaving, claims = threading.Event(), []

    def work(number: int) -> None:
        if number == 0:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN")
                lifecycle.unsubscribe_reader(digest.subscriber_id, now)
                leaving.set()
                time.sleep(0.3)
                cursor.execute("COMMIT")
        else:
            leaving.wait()
            claims.append(ledger.ClaimHolder("w", lambda: now).claim(digest).ours)

    at_once(2, work)
    assert claims == [False]
    mailing_run.deliver_digests([ready], lambda: now)
    assert smtp.accepted == []
    assert totals() == {"suppressed": 1}


@pytest.mark.django_db
def test_one_statement_a_message_settles_the_last_and_claims_the_next(
    make_ready: MakeReady, smtp: Sink, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = make_ready(12)
    turns: list[object] = []
    once = ledger._execute_once
    monkeypatch.setattr(ledger, "_execute_once", lambda *v: (turns.append(v), once(*v))[1])
    for chunk, expected in ((ready[:1], 2), (ready[1:], 12)):
        turns.clear()
        mailing_run.deliver_digests(chunk, lambda: now)
        assert len(turns) == expected


@pytest.mark.django_db
@pytest.mark.promise(15)
def test_a_chunk_takes_the_same_number_of_queries_at_any_size(
    make_ready: MakeReady, now: datetime
) -> None:
    ready = make_ready(12)
    for chunk in (ready[:1], ready[1:]):
        with CaptureQueriesContext(connection) as queries:
            assert len(mailing_run._waiting(chunk, now)) == len(chunk)
        assert len(queries) == 1


@pytest.mark.django_db
def test_a_statement_repeated_after_the_connection_broke_finds_its_own_claim(
    make_ready: MakeReady, now: datetime
) -> None:
    digest = Digest.objects.get(pk=make_ready(1)[0])
    hand = ledger.ClaimHolder("one", lambda: now)
    assert hand.claim(digest).ours  # and the answer was lost
    again = ledger.ClaimHolder("one", lambda: now)
    assert again.claim(digest).ours
    assert not ledger.ClaimHolder("another", lambda: now).claim(digest).ours


@pytest.mark.django_db
def test_a_result_that_comes_late_settles_what_was_uncertain(
    make_ready: MakeReady, now: datetime
) -> None:
    digest = Digest.objects.get(pk=make_ready(1)[0])
    hand = ledger.ClaimHolder("slow", lambda: now)
    hand.claim(digest)
    recovery.recover_digests(now + timedelta(minutes=20))
    assert totals() == {"uncertain": 1}
    hand.outcome = Outcome(Kind.SENT)
    hand.settle()
    assert totals() == {"sent": 1}


@pytest.mark.django_db
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


@pytest.mark.django_db
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


@pytest.mark.django_db
def test_what_a_later_digest_may_have_brought_is_not_sent_again_by_hand(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    [ready] = make_ready(1)
    Digest.objects.update(status="failed")
    tomorrow = now + timedelta(days=1)
    digests.build_due_digests([Subscriber.objects.get().pk], tomorrow)
    assert recovery.send_again(Digest.objects.filter(pk=ready), tomorrow) == []


@pytest.mark.django_db
@pytest.mark.parametrize("answer", ["454 4.7.0 Throttling failure", "421 4.7.0 Too many"])
@pytest.mark.promise(8)
def test_throttling_lowers_the_rate_and_nothing_fails(
    make_ready: MakeReady, smtp: Sink, now: datetime, answer: str, settings: Any
) -> None:
    settings.FIRST_RETRY = timedelta(seconds=1)
    ready = make_ready(12)
    smtp.at_rcpt = ["250 ok", answer, "250 ok", answer]
    begun = time.monotonic()
    mailing_run.deliver_digests(ready, lambda: now)
    assert time.monotonic() - begun > 2.5  # held for one second, then for two
    assert totals() == {"sent": 10, "pending": 2}
    assert set(Digest.objects.filter(status="pending").values_list("attempts", flat=True)) == {0}
    later = now + MINUTE
    mailing_run.deliver_digests(recovery.recover_digests(later), lambda: later)
    assert totals() == {"sent": 12}


@pytest.mark.promise(8)
def test_all_workers_obey_retry_after(settings: Any, now: datetime) -> None:
    one, other = rates.SendRate(lambda: now), rates.SendRate(lambda: now)
    assert one.take().ours
    one.slow_down(timedelta(seconds=40))
    for pace in (one, other):
        slot = pace.take()
        assert not slot.ours
        assert 38 < slot.wait <= 40


@pytest.mark.django_db
@pytest.mark.promise(8)
def test_a_long_wait_sets_the_rest_aside(make_ready: MakeReady, smtp: Sink, now: datetime) -> None:
    ready = make_ready(3)
    rates.SendRate(lambda: now).slow_down(timedelta(minutes=3))
    begun = time.monotonic()
    assert mailing_run.deliver_digests(ready, lambda: now).tally == {}
    assert time.monotonic() - begun < 2
    assert recovery.recover_digests(now + MINUTE) == []
    later = now + timedelta(minutes=3, seconds=1)
    assert recovery.recover_digests(later) == ready


def test_after_slowing_down_the_pace_is_halved_and_grows_again(
    settings: Any, now: datetime
) -> None:
    settings.SEND_RATE = 100
    pace = rates.SendRate(lambda: now)
    pace.slow_down(timedelta(seconds=0.05))
    time.sleep(0.1)
    assert 0.38 < seconds_for(20, pace) < 0.6  # 50 a second
    time.sleep(5)
    assert 0.25 < seconds_for(20, pace) < 0.38  # 75 a second


@pytest.mark.django_db
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


@pytest.mark.django_db
@pytest.mark.promise(10)
def test_a_poisonous_recipient_and_a_poisonous_paper_fail_alone(
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


@pytest.mark.django_db
@pytest.mark.promise(11)
def test_wrong_credentials_pause_the_edition_and_resuming_sends_only_the_rest(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    ready = make_ready(6)
    mailing_run.deliver_digests(ready[:2], lambda: now)
    smtp.at_rcpt = ["535 5.7.8 Authentication credentials invalid"] * 9
    mailing_run.deliver_digests(ready, lambda: now)
    edition = Edition.objects.get()
    assert (edition.state, edition.changed_by, edition.paused_until) == ("paused", "Paperboy", None)
    assert "credentials invalid" in edition.reason
    assert len(smtp.at_rcpt) == 8, "only one message found out"
    assert alerts.editions_to_report() == [TODAY]
    assert totals() == {"sent": 2, "pending": 4}
    assert recovery.recover_digests(now + timedelta(hours=1)) == []
    smtp.at_rcpt = []
    states.resume_edition(TODAY, "curator", now)
    for chunk in recovery.pending_chunks(TODAY):
        mailing_run.deliver_digests(chunk, lambda: now)
    assert totals() == {"sent": 6}
    assert set(Counter(str(m["To"]) for m in smtp.accepted).values()) == {1}
    assert set(Digest.objects.values_list("attempts", flat=True)) == {1}


@pytest.mark.django_db
@pytest.mark.promise(11)
def test_a_burst_of_permanent_errors_pauses_until_resumed_by_hand(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    ready = make_ready(30)
    smtp.at_rcpt = ["550 5.7.1 blocked by policy"] * 30
    mailing_run.deliver_digests(ready, lambda: now)
    edition = Edition.objects.get()
    assert (edition.state, edition.paused_until) == ("paused", None)
    assert "blocked by policy" in edition.reason
    assert totals() == {"failed": 10, "pending": 20}


@pytest.mark.django_db
@pytest.mark.promise(11)
def test_a_burst_of_temporary_errors_resumes_by_itself_with_growing_delays(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    ready = make_ready(30)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1  # nobody listens there
    mailing_run.deliver_digests(ready, lambda: now)
    assert Edition.objects.get().paused_until == now + 5 * MINUTE
    assert totals() == {"pending": 30}
    later = now + 6 * MINUTE
    mailing_run.deliver_digests(recovery.recover_digests(later), lambda: later)
    assert Edition.objects.get().paused_until == later + 10 * MINUTE
    settings.EMAIL_PORT = port
    for minutes in (20, 30, 60):
        at = now + minutes * MINUTE
        mailing_run.deliver_digests(recovery.recover_digests(at), lambda moment=at: moment)  # type: ignore[misc]
    assert totals() == {"sent": 30}


def test_a_few_errors_among_many_are_no_burst() -> None:
    breaker = CircuitBreaker()
    assert not any(breaker.add(kind) for kind in ([Kind.SENT] * 3 + [Kind.REFUSED]) * 50)
    assert not any(CircuitBreaker().add(Kind.THROTTLED) for _ in range(50))


def seconds_for(messages: int, pace: rates.SendRate) -> float:
    begun = take(pace)
    return max(take(pace) for _ in range(messages)) - begun


def take(pace: rates.SendRate) -> float:
    """Wait for the next moment to send; returns it."""
    while not (slot := pace.take()).ours:
        time.sleep(slot.wait)
    time.sleep(slot.wait)
    return time.monotonic()


@pytest.mark.promise(12)
def test_a_global_cap_holds_with_several_workers_in_any_second(settings: Any) -> None:
    settings.SEND_RATE = 200
    moments: list[float] = []
    until = time.monotonic() + 3

    def work(_: int) -> None:
        pace = rates.SendRate(datetime.now)
        while (moment := take(pace)) < until:
            moments.append(moment)

    at_once(6, work)
    moments.sort()
    most = max(
        sum(1 for later in moments[start:] if later < first + 1)
        for start, first in enumerate(moments)
    )
    assert most <= 1.05 * 200
    assert moments
    assert all(later >= earlier for earlier, later in pairwise(moments))


@pytest.mark.usefixtures("redis")
@pytest.mark.promise(12)
def test_a_domain_cap_holds_with_several_workers_in_any_second(settings: Any) -> None:
    settings.DOMAIN_RATES = {"slow.org": 50.0}
    moments: list[float] = []
    until = time.monotonic() + 2

    def work(_: int) -> None:
        pace = rates.SendRate(datetime.now)
        while time.monotonic() < until:
            slot = pace.take_for("slow.org")
            if slot.ours:
                moments.append(time.monotonic())
            time.sleep(slot.wait)

    at_once(4, work)
    moments.sort()
    most = max(
        sum(1 for later in moments[start:] if later < first + 1)
        for start, first in enumerate(moments)
    )
    assert most <= 1.05 * 50 + 1  # one that was given its moment just before
    assert moments


@pytest.mark.django_db
def test_a_domains_cap_holds_others_not_back(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    settings.DOMAIN_RATES = {"slow.org": 4.0}
    ready = [*make_ready(4, "slow.org"), *make_ready(10, "fast.org")]
    begun = time.monotonic()
    mailing_run.deliver_digests(ready, lambda: now)
    assert time.monotonic() - begun > 0.7
    order = [str(message["To"]).partition("@")[2] for message in smtp.accepted]
    assert order[1:11] == ["fast.org"] * 10
    assert totals() == {"sent": 14}


@pytest.mark.django_db
def test_a_warm_up_day_has_a_cap_that_grows(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    settings.WARM_UP_FROM, settings.WARM_UP_FIRST_DAY = TODAY - timedelta(days=1), 4
    assert rates.warm_up_cap(TODAY - timedelta(days=1)) == 4
    assert rates.warm_up_cap(TODAY) == 6
    assert rates.warm_up_cap(TODAY + timedelta(days=9)) > 200
    ready = make_ready(9)
    mailing_run.deliver_digests(ready[:5], lambda: now)
    redis_client().flushdb()  # what was sent today is counted anew
    mailing_run.deliver_digests(ready[5:], lambda: now)
    assert totals() == {"sent": 6, "pending": 3}
    midnight = datetime(2026, 5, 1, tzinfo=now.tzinfo)
    waiting = Digest.objects.filter(status="pending")
    assert set(waiting.values_list("next_attempt_at", flat=True)) == {midnight}
    assert "warm-up" in waiting[0].reason


@pytest.mark.django_db
def test_where_a_cap_is_set_nothing_leaves_without_redis(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    ready = make_ready(3)
    settings.REDIS_URL, settings.SEND_RATE = "redis://127.0.0.1:1/0", 50
    mailing_run.deliver_digests(ready, lambda: now)
    assert (totals(), smtp.accepted) == ({"pending": 3}, [])
    settings.SEND_RATE = 0
    later = now + MINUTE
    mailing_run.deliver_digests(recovery.recover_digests(later), lambda: later)
    assert totals() == {"sent": 3}


@pytest.mark.django_db
@pytest.mark.promise(14)
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


@pytest.mark.django_db
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
        Digest(subscriber=reader, status="sent", sent_at=now, **day) for reader in readers_
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
