"""A stamp in the future, of a clock that ran ahead, never hides work. Promise 48."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from papers import community
from papers.models import Source, Submission
from subscriptions.editions import alerts, recovery, states
from subscriptions.feedback.normalize import Event
from subscriptions.feedback.record import record_events
from subscriptions.mail import transactional
from subscriptions.models import (
    Digest,
    Edition,
    Message,
    OperatorAlert,
    Subscription,
    Topic,
)
from subscriptions.profiles import library_import
from subscriptions.readers import scheduling
from tests.subscriptions.conftest import MakeReader

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AHEAD = (HOUR * 2, HOUR * 26, DAY * 40)
Mail = Digest | Message
Make = Callable[..., Mail]


@pytest.fixture(params=["digest", "message"])
def make_mail(request: Any, make_reader: MakeReader, make_digest: Any, now: datetime) -> Make:
    """A mail that waits to be sent; whatever is not given is plain."""

    def make(**given: Any) -> Mail:
        values = {"status": "pending", "claimed_at": None, "expires_at": now + 9 * HOUR} | given
        if request.param == "digest":
            return make_digest(make_reader(), **values)  # type: ignore[no-any-return]
        mail = transactional.write_message("welcome", now, make_reader())
        Message.objects.filter(pk=mail.pk).update(**values)
        return mail

    return make


def swept(mail: Mail, now: datetime) -> list[int]:
    sweep = recovery.recover_digests if isinstance(mail, Digest) else recovery.recover_messages
    return sweep(now)


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize(
    "stamps",
    [("queued_at",), ("queued_at", "next_attempt_at"), ("claimed_at", "next_attempt_at")],
    ids="+".join,
)
def test_what_waits_is_handed_over_again_at_once(
    make_mail: Make, now: datetime, ahead: timedelta, stamps: tuple[str, ...]
) -> None:
    mail = make_mail(**dict.fromkeys(stamps, now + ahead))
    assert swept(mail, now) == [mail.pk]
    mail.refresh_from_db()
    assert mail.next_attempt_at <= now
    assert swept(mail, now) == [], "it is on its way now"
    assert swept(mail, now + 10 * MINUTE) == [mail.pk], "and found again if its task is lost"


def test_a_retry_put_off_further_than_any_wait_is_due(make_mail: Make, now: datetime) -> None:
    mail = make_mail(next_attempt_at=now + 2 * DAY)
    assert swept(mail, now) == [mail.pk]


@pytest.mark.parametrize("wait", [MINUTE, HOUR, 23 * HOUR])
def test_a_wait_that_a_provider_asked_for_is_kept(
    make_mail: Make, now: datetime, wait: timedelta
) -> None:
    mail = make_mail(next_attempt_at=now + wait, claimed_at=now, queued_at=now)
    assert swept(mail, now) == []


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_claim_of_the_future_is_in_doubt_and_events_settle_it(
    make_mail: Make, now: datetime, ahead: timedelta
) -> None:
    mail = make_mail(status="sending", claimed_at=now + ahead)
    assert swept(mail, now) == []
    mail.refresh_from_db()
    assert mail.status == "uncertain"
    record_events([Event("k", "x", "delivered", now, public_id=mail.public_id)], now)
    mail.refresh_from_db()
    assert mail.status == "sent"


def test_a_claim_of_a_clock_a_little_ahead_is_left_alone(make_mail: Make, now: datetime) -> None:
    mail = make_mail(status="sending", claimed_at=now + MINUTE)
    swept(mail, now)
    mail.refresh_from_db()
    assert mail.status == "sending"


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_pause_ends_that_is_longer_than_any(now: datetime, ahead: timedelta) -> None:
    later = now + ahead + HOUR
    Edition.objects.create(day=now.date(), state="paused", paused_until=later)
    assert states.resume_after_pause(now) == 1


def test_a_pause_that_may_be_lasts(now: datetime) -> None:
    Edition.objects.create(day=now.date(), state="paused", paused_until=now + HOUR)
    assert states.resume_after_pause(now) == 0


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_success_of_the_future_hides_no_standstill(
    make_reader: MakeReader, make_digest: Any, now: datetime, ahead: timedelta
) -> None:
    make_digest(make_reader("a@e.org"), sent_at=now + ahead)
    late = {"status": "pending", "claimed_at": None, "next_attempt_at": now - HOUR}
    make_digest(make_reader("b@e.org"), **late, expires_at=now + HOUR)
    assert any("none was sent" in told for told in alerts.current_problems(now))


def test_an_alarm_told_in_the_future_is_told_again(now: datetime) -> None:
    OperatorAlert.objects.create(name="missing", notified_at=now + 2 * DAY)
    assert OperatorAlert.claim("missing", now, alerts.REPEAT_AFTER)
    assert not OperatorAlert.claim("missing", now, alerts.REPEAT_AFTER)


@pytest.mark.parametrize("ahead", AHEAD[1:])
def test_a_source_put_off_by_more_than_its_rhythm_is_due(now: datetime, ahead: timedelta) -> None:
    put_off = now + ahead + 2 * DAY
    source = Source.objects.create(url="https://a.example/", next_check_at=put_off, check_every=60)
    assert list(Source.objects.due(now)) == [source]
    assert Source.objects.claim(source.pk, now)
    assert not Source.objects.due(now).exists()
    Source.objects.update(next_check_at=now + DAY)  # it failed often, and may wait a day
    assert not Source.objects.due(now).exists()


def test_a_proposal_put_off_further_than_any_wait_is_due(now: datetime) -> None:
    values = {"created_by": "reader-1", "created_at": now, "status": Submission.Status.FETCHING}
    made = Submission.objects.create(arxiv_id="2604.1", next_try_at=now + DAY, **values)
    Submission.objects.create(arxiv_id="2604.2", next_try_at=now + 5 * HOUR, **values)
    assert community.due_proposals(now) == [made.pk]


def test_an_author_page_asked_for_in_the_future_may_be_asked_for(
    make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader()
    Topic.objects.update(author_page_requested_at=now + DAY)
    assert library_import.request_author_page(reader.first_topic.pk, "doe_j_1", now)


def test_readers_put_off_for_weeks_are_due_again(make_reader: MakeReader, now: datetime) -> None:
    put_off = now + 40 * DAY
    lost = make_reader("a@e.org", next_digest_at=put_off, last_digest_day=put_off.date())
    paused = make_reader("b@e.org", next_digest_at=put_off, paused_until=put_off - HOUR)
    assert [scheduling.reschedule_far_future(now) for _ in range(2)] == [1, 0]
    due = lost.default_subscription.next_digest_at
    assert due == datetime.fromisoformat("2026-05-01T08:00:00Z")
    assert paused.default_subscription.next_digest_at == put_off
    assert Subscription.objects.due(now + DAY).get() == lost.default_subscription
