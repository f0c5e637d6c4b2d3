"""Each guard of the statement that claims and settles mail, for digests and for messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from subscriptions.delivery import claims, mailing_run
from subscriptions.delivery.outcomes import Kind, Outcome
from subscriptions.editions import recovery
from subscriptions.mail import transactional
from subscriptions.models import Digest, Edition, Message, Subscriber, Subscription
from subscriptions.readers import lifecycle
from tests.subscriptions.conftest import Sink
from tests.subscriptions.sending import at_once, totals

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]
MINUTE = timedelta(minutes=1)
Mail = Digest | Message
MakeMail = Callable[..., Mail]
MakeReady = Callable[..., list[int]]


@pytest.fixture(params=["digest", "message", "alert"])
def make_mail(request: Any, make_reader: MakeReader, make_digest: Any, now: datetime) -> MakeMail:
    """A mail that waits to be sent; whatever is not given is plain."""
    number = iter(range(100))

    def make(**given: Any) -> Mail:
        values = {"status": "pending", "claimed_at": None, "expires_at": now + 60 * MINUTE} | given
        if request.param == "alert":
            mail = transactional.write_message("standstill", now, details={"sentences": ["Odd."]})
        else:
            reader = make_reader(f"{next(number)}@e.org")
            if request.param == "digest":
                return Digest.objects.get(pk=make_digest(reader, **values).pk)
            mail = transactional.write_message("welcome", now, reader)
        Message.objects.filter(pk=mail.pk).update(**values)
        return Message.objects.select_related("subscriber").get(pk=mail.pk)

    return make


def hand(now: datetime, by: str = "us") -> claims.ClaimHolder:
    return claims.ClaimHolder(by, lambda: now)


def fresh(mail: Mail) -> Any:
    return type(mail)._default_manager.get(pk=mail.pk)


def test_a_pending_mail_is_claimed(make_mail: MakeMail, now: datetime) -> None:
    mail = make_mail()
    claim = hand(now).claim(mail)
    assert (claim.ours, claim.attempts, mail.attempts) == (True, 1, 1)
    found = fresh(mail)
    assert (found.status, found.claimed_by, found.claimed_at) == ("sending", "us", now)


@pytest.mark.parametrize(
    "given",
    [
        {"expires_at": timedelta()},
        {"expires_at": -MINUTE},
        {"next_attempt_at": MINUTE},
        *({"status": status} for status in ("sent", "failed", "uncertain", "suppressed")),
        *({"status": status, "claimed_by": "us"} for status in ("sent", "failed", "uncertain")),
        {"status": "sending", "claimed_by": "another"},
    ],
)
def test_expired_early_settled_or_claimed_mail_is_not_claimed(
    make_mail: MakeMail, now: datetime, given: dict[str, Any]
) -> None:
    moments = {k: now + v if isinstance(v, timedelta) else v for k, v in given.items()}
    mail = make_mail(**moments)
    before = type(mail)._default_manager.filter(pk=mail.pk).values().get()
    assert not hand(now).claim(mail).ours
    assert type(mail)._default_manager.filter(pk=mail.pk).values().get() == before


def test_a_repeated_claim_of_the_same_holder_succeeds(make_mail: MakeMail, now: datetime) -> None:
    mail = make_mail()
    assert hand(now).claim(mail).ours
    assert hand(now).claim(mail).ours
    assert not hand(now, "another").claim(mail).ours


@pytest.mark.parametrize("make_mail", ["digest", "message"], indirect=True)
@pytest.mark.parametrize("status", ["pending", "unsubscribed", "suppressed"])
def test_nothing_is_claimed_for_a_reader_whose_state_changed(
    make_mail: MakeMail, now: datetime, status: str
) -> None:
    mail = make_mail()
    Subscriber.objects.update(status=status)
    assert not hand(now).claim(mail).ours


@pytest.mark.parametrize("make_mail", ["digest"], indirect=True)
@pytest.mark.parametrize(
    ("state", "until", "ours"),
    [
        ("open", None, True),
        ("waiting", None, False),
        ("held", None, False),
        ("cancelled", None, False),
        ("cancelled", -MINUTE, False),
        ("paused", None, False),
        ("paused", MINUTE, False),
        ("paused", timedelta(), True),
    ],
)
def test_digests_of_a_held_edition_are_not_claimed(
    make_mail: MakeMail, now: datetime, state: str, until: timedelta | None, ours: bool
) -> None:
    until_at = until if until is None else now + until
    Edition.objects.create(day=now.date(), state=state, paused_until=until_at)
    claim = hand(now).claim(make_mail())
    assert (claim.ours, claim.held) == (ours, not ours)


@pytest.mark.parametrize("make_mail", ["digest"], indirect=True)
def test_an_edition_of_another_day_holds_no_digest(make_mail: MakeMail, now: datetime) -> None:
    Edition.objects.create(day=now.date() - timedelta(days=1), state="held")
    assert hand(now).claim(make_mail()).ours


@pytest.mark.parametrize("make_mail", ["message", "alert"], indirect=True)
def test_editions_do_not_hold_messages(make_mail: MakeMail, now: datetime) -> None:
    Edition.objects.create(day=now.date(), state="held")
    assert hand(now).claim(make_mail()).ours


# --- Settling -----------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["sending", "uncertain"])
def test_a_result_settles_sending_and_uncertain_mail(
    make_mail: MakeMail, now: datetime, before: str
) -> None:
    mine = hand(now)
    mail = make_mail()
    mine.claim(mail)
    type(mail)._default_manager.update(status=before)
    mine.outcome = Outcome(Kind.SENT, provider_id="its-name")
    mine.settle()
    found = fresh(mail)
    assert (found.status, found.sent_at, found.provider_id) == ("sent", now, "its-name")


@pytest.mark.parametrize(
    "changed",
    [
        {"claimed_by": "another"},
        *({"status": status} for status in ("pending", "sent", "failed", "suppressed")),
    ],
)
def test_a_result_changes_no_mail_that_is_settled_or_claimed_by_another(
    make_mail: MakeMail, now: datetime, changed: dict[str, str]
) -> None:
    mine, mail = hand(now), make_mail()
    mine.claim(mail)
    rows = type(mail)._default_manager.filter(pk=mail.pk)
    rows.update(**changed)
    before = rows.values().get()
    mine.outcome = Outcome(Kind.REFUSED, "no")
    mine.settle()
    assert rows.values().get() == before


def test_only_the_claimed_mail_is_settled(make_mail: MakeMail, now: datetime) -> None:
    mine, first, second = hand(now), make_mail(), make_mail()
    mine.claim(first)
    mine.outcome = Outcome(Kind.SENT)
    assert mine.claim(second).ours
    assert (fresh(first).status, fresh(second).status) == ("sent", "sending")


@pytest.mark.parametrize("make_mail", ["digest"], indirect=True)
@pytest.mark.parametrize(
    ("kind", "covered", "becomes"),
    [
        (Kind.SENT, None, timedelta()),
        (Kind.SENT, -MINUTE, timedelta()),
        (Kind.SENT, MINUTE, MINUTE),
        (Kind.REFUSED, None, None),
    ],
)
def test_covered_until_is_the_time_of_the_sent_digest_and_never_decreases(
    make_mail: MakeMail,
    now: datetime,
    kind: Kind,
    covered: timedelta | None,
    becomes: timedelta | None,
) -> None:
    mine, mail = hand(now), make_mail()
    Subscription.objects.update(covered_until=None if covered is None else now + covered)
    mine.claim(mail)
    mine.outcome = Outcome(kind)
    mine.settle()
    expected = None if becomes is None else now + becomes
    assert Subscriber.objects.get().default_subscription.covered_until == expected


@pytest.mark.parametrize(
    ("kind", "status", "attempts"),
    [
        (Kind.RETRY, "pending", 1),
        (Kind.THROTTLED, "pending", 0),
        (Kind.REFUSED, "failed", 1),
        (Kind.UNCERTAIN, "uncertain", 1),
    ],
)
def test_each_outcome_has_its_status_and_attempts(
    make_mail: MakeMail, now: datetime, kind: Kind, status: str, attempts: int
) -> None:
    mine, mail = hand(now), make_mail()
    mine.claim(mail)
    mine.outcome = Outcome(kind, "why", retry_after=20 * MINUTE)
    mine.settle()
    found = fresh(mail)
    assert (found.status, found.attempts, found.reason) == (status, attempts, "why")
    if status == "pending":
        assert found.next_attempt_at >= now + 20 * MINUTE


def test_a_retry_after_expiry_is_a_failure(make_mail: MakeMail, now: datetime) -> None:
    mine, mail = hand(now), make_mail(expires_at=now + MINUTE)
    mine.claim(mail)
    mine.outcome = Outcome(Kind.RETRY, "later", retry_after=2 * MINUTE)
    mine.settle()
    assert fresh(mail).status == "failed"


# --- In a mailing run --------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(28)
@pytest.mark.usefixtures("redis")
def test_a_claim_waits_for_an_unsubscribe_in_progress(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    [ready] = make_ready(1)
    digest = Digest.objects.select_related("subscriber").get(pk=ready)
    leaving, results = threading.Event(), []

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
            results.append(claims.ClaimHolder("w", lambda: now).claim(digest).ours)

    at_once(2, work)
    assert results == [False]
    mailing_run.deliver_digests([ready], lambda: now)
    assert smtp.accepted == []
    assert totals() == {"suppressed": 1}


@pytest.mark.usefixtures("redis")
def test_one_statement_per_message_settles_the_last_and_claims_the_next(
    make_ready: MakeReady, smtp: Sink, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = make_ready(12)
    turns: list[object] = []
    once = claims._execute_once
    monkeypatch.setattr(claims, "_execute_once", lambda *v: (turns.append(v), once(*v))[1])
    for chunk, expected in ((ready[:1], 2), (ready[1:], 12)):
        turns.clear()
        mailing_run.deliver_digests(chunk, lambda: now)
        assert len(turns) == expected


def test_a_claim_repeated_after_a_broken_connection_succeeds(
    make_ready: MakeReady, now: datetime
) -> None:
    digest = Digest.objects.get(pk=make_ready(1)[0])
    hand = claims.ClaimHolder("one", lambda: now)
    assert hand.claim(digest).ours  # and the answer was lost
    again = claims.ClaimHolder("one", lambda: now)
    assert again.claim(digest).ours
    assert not claims.ClaimHolder("another", lambda: now).claim(digest).ours


def test_a_late_result_settles_an_uncertain_digest(make_ready: MakeReady, now: datetime) -> None:
    digest = Digest.objects.get(pk=make_ready(1)[0])
    hand = claims.ClaimHolder("slow", lambda: now)
    hand.claim(digest)
    recovery.recover_digests(now + timedelta(minutes=20))
    assert totals() == {"uncertain": 1}
    hand.outcome = Outcome(Kind.SENT)
    hand.settle()
    assert totals() == {"sent": 1}
