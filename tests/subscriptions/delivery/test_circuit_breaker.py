"""Bursts of errors pause the edition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from subscriptions.delivery import mailing_run
from subscriptions.delivery.circuit_breaker import CircuitBreaker
from subscriptions.delivery.outcomes import Kind
from subscriptions.editions import alerts, recovery, states
from subscriptions.models import Digest, Edition
from tests.subscriptions.conftest import Sink
from tests.subscriptions.sending import totals

pytestmark = pytest.mark.usefixtures("redis")
MakeReady = Callable[..., list[int]]
TODAY = date(2026, 4, 30)
MINUTE = timedelta(minutes=1)


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


def test_a_few_errors_among_many_do_not_open_the_breaker() -> None:
    breaker = CircuitBreaker()
    assert not any(breaker.add(kind) for kind in ([Kind.SENT] * 3 + [Kind.REFUSED]) * 50)
    assert not any(CircuitBreaker().add(Kind.THROTTLED) for _ in range(50))
