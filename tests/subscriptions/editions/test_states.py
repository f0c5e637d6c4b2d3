"""Due readers, edition states, totals, and alerts without the scheduler."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from papers.models import Paper
from subscriptions import tasks
from subscriptions.delivery import claims, mailing_run
from subscriptions.editions import alerts, digests, recovery, totals
from subscriptions.editions import states as editions
from subscriptions.mail import transactional
from subscriptions.models import Digest, Edition, Subscriber, Subscription
from tests.subscriptions.conftest import Sink
from tests.subscriptions.messages import send_waiting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
TODAY = date(2026, 4, 30)


@pytest.fixture
def ready(edition: list[Paper], make_reader: MakeReader, now: datetime) -> list[int]:
    """Build three pending digests."""
    pks = [make_reader(f"{n}@e.org", {"text": "language models"}).pk for n in range(3)]
    return digests.build_due_digests(pks, now)


@pytest.fixture
def mailbox(settings: Any) -> Any:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.OPERATOR_EMAIL = "operator@example.org"
    return mail


def states() -> list[str]:
    return list(Digest.objects.order_by("pk").values_list("status", flat=True))


def many_readers(count: int, now: datetime) -> None:
    """Create readers in PostgreSQL itself; one in a thousand is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO subscriptions_subscriber (id, email, email_key, status, timezone,
                shared_authors, learns_from_opened, created_at, consent_text, consent_page)
            SELECT n, n || '@e.org', n || '@e.org', 'active', 'UTC', false, false, %(now)s, '', ''
            FROM generate_series(1, %(count)s) AS n;
            INSERT INTO subscriptions_subscription (subscriber_id, position, name, address, state,
                frequency, weekday, month_day, hour, all_topics, trending, max_papers, created_at,
                next_digest_at)
            SELECT n, 0, '', '', 'active', 'daily', 0, 1, 8, true, true, 10, %(now)s,
                %(now)s + CASE WHEN n %% 1000 = 0 THEN -1 ELSE n END * interval '1 second'
            FROM generate_series(1, %(count)s) AS n
            """,
            {"now": now, "count": count},
        )
        cursor.execute("ANALYZE subscriptions_subscriber, subscriptions_subscription")


@pytest.mark.parametrize("count", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
@pytest.mark.promise(17)
def test_finding_due_readers_uses_an_index(now: datetime, count: int) -> None:
    many_readers(count, now)
    due = Subscription.objects.due(now).order_by("next_digest_at", "subscriber_id")
    plan = due.values_list("subscriber_id", flat=True).explain(analyze=True)
    assert "subscription_due" in plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
    assert sum(len(chunk) for chunk in digests.due_readers(now)) == count // 1000


def test_the_longest_waiting_reader_comes_first(make_reader: MakeReader, now: datetime) -> None:
    late = make_reader("late@e.org", next_digest_at=now - timedelta(minutes=1))
    later = make_reader("later@e.org", next_digest_at=now - timedelta(hours=1))
    assert list(digests.due_readers(now)) == [[later.pk, late.pk]]


def test_spreading_keeps_readers_within_the_window_after_their_hour(
    edition: list[Paper], make_reader: MakeReader, now: datetime, settings: Any
) -> None:
    settings.DIGEST_SPREAD = timedelta(minutes=30)
    readers = [make_reader(f"{n}@e.org") for n in range(5)]
    digests.build_due_digests([reader.pk for reader in readers], now)
    eight = datetime(2026, 5, 1, 8, tzinfo=UTC)
    moments = set(Subscription.objects.values_list("next_digest_at", flat=True))
    assert len(moments) == 5
    assert all(eight <= moment < eight + timedelta(minutes=30) for moment in moments if moment)


@pytest.mark.promise(13)
def test_after_downtime_from_8_to_20_only_digests_before_the_cutoff_are_sent(
    edition: list[Paper], make_reader: MakeReader, smtp: Sink
) -> None:
    """The cut-off is ten hours: at 20:00, a digest of 8:00 is too late and one of 11:00 is not."""
    hours = {hour: make_reader(f"{hour}@e.org", hour=hour) for hour in (8, 9, 11, 19)}
    for hour, reader in hours.items():
        reader.subscriptions.update(next_digest_at=datetime(2026, 4, 30, hour, tzinfo=UTC))
    evening = datetime(2026, 4, 30, 20, 0, 30, tzinfo=UTC)
    ready = [
        pk
        for chunk in digests.due_readers(evening)
        for pk in digests.build_due_digests(chunk, evening)
    ]
    mailing_run.deliver_digests(ready, lambda: evening)
    assert {message["To"] for message in smtp.accepted} == {"11@e.org", "19@e.org"}
    assert states().count("skipped") == 2
    assert list(digests.due_readers(evening)) == []
    tomorrow = set(Subscription.objects.values_list("next_digest_at", flat=True))
    assert tomorrow == {datetime(2026, 5, 1, hour, tzinfo=UTC) for hour in hours}


@pytest.mark.promise(13)
def test_after_a_day_of_downtime_only_todays_digest_is_sent(
    edition: list[Paper], make_reader: MakeReader, now: datetime, smtp: Sink
) -> None:
    reader = make_reader(next_digest_at=now - timedelta(days=1, seconds=30))
    at_nine = now + timedelta(hours=1)
    assert digests.build_due_digests([reader.pk], at_nine) == []
    [ready] = digests.build_due_digests([reader.pk], at_nine)
    assert digests.build_due_digests([reader.pk], at_nine) == []
    mailing_run.deliver_digests([ready], lambda: at_nine)
    by_day = dict(reader.digests.values_list("day", "status"))
    assert by_day == {date(2026, 4, 29): "skipped", TODAY: "sent"}
    assert len(smtp.accepted) == 1


def test_a_paused_edition_claims_nothing_and_resuming_sends_the_rest(
    ready: list[int], now: datetime, smtp: Sink
) -> None:
    mailing_run.deliver_digests(ready[:1], lambda: now)
    assert editions.pause_edition(TODAY, "Something is odd.", "curator", now)
    mailing_run.deliver_digests(ready, lambda: now)
    assert states() == ["sent", "pending", "pending"]
    assert recovery.recover_digests(now + timedelta(minutes=5)) == []
    assert editions.resume_edition(TODAY, "curator", now)
    mailing_run.deliver_digests(ready, lambda: now)
    assert states() == ["sent"] * 3
    assert [message["To"] for message in smtp.accepted] == ["0@e.org", "1@e.org", "2@e.org"]


def test_pausing_and_resuming_twice_change_nothing(ready: list[int], now: datetime) -> None:
    assert editions.pause_edition(TODAY, "first", "one", now)
    assert not editions.pause_edition(TODAY, "second", "two", now)
    assert Edition.objects.get().reason == "first"
    assert editions.resume_edition(TODAY, "one", now)
    assert not editions.resume_edition(TODAY, "one", now)


def test_a_temporary_pause_ends_automatically(ready: list[int], now: datetime, smtp: Sink) -> None:
    editions.pause_edition(
        TODAY, "The server is down.", "Paperboy", now, until=now + timedelta(minutes=5)
    )
    mailing_run.deliver_digests(ready, lambda: now)
    assert states() == ["pending"] * 3
    later = now + timedelta(minutes=6)
    assert recovery.recover_digests(later) == ready
    assert Edition.objects.get().state == "open"
    mailing_run.deliver_digests(ready, lambda: later)
    assert states() == ["sent"] * 3


def test_a_cancelled_edition_sends_nothing_and_its_papers_stay_eligible(
    ready: list[int], now: datetime, smtp: Sink
) -> None:
    mailing_run.deliver_digests(ready[:1], lambda: now)
    assert editions.cancel_edition(TODAY, "Wrong papers.", "curator", now)
    assert not editions.cancel_edition(TODAY, "Wrong papers.", "curator", now)
    mailing_run.deliver_digests(ready, lambda: now)
    recovery.recover_digests(now)
    assert states() == ["sent", "skipped", "skipped"]
    tomorrow = now + timedelta(days=1)
    readers = Subscriber.objects.order_by("pk")
    digests.build_due_digests([reader.pk for reader in readers], tomorrow)
    again = [set(reader.digests.get(day=tomorrow.date()).paper_ids) for reader in readers]
    first = set(Digest.objects.get(pk=ready[0]).paper_ids)
    assert not again[0] & first
    assert again[1] == first


def test_the_operator_gets_one_alert_per_pause(
    ready: list[int], now: datetime, mailbox: Any
) -> None:
    editions.pause_edition(TODAY, "The provider refuses our password.", "Paperboy", now)
    assert alerts.editions_to_report() == [TODAY]
    assert [alerts.report_edition(TODAY, now) for _ in range(2)] == [True, False]
    send_waiting(now)
    [message] = mailbox.outbox
    assert message.to == ["operator@example.org"]
    assert "paused" in message.subject
    assert "refuses our password" in message.body
    assert "/admin/subscriptions/edition/2026-04-30/change/" in message.body
    editions.resume_edition(TODAY, "curator", now)
    editions.pause_edition(TODAY, "Again.", "Paperboy", now)
    alerts.report_edition(TODAY, now)
    send_waiting(now)
    assert len(mailbox.outbox) == 2


def test_a_failed_alert_is_sent_later(
    ready: list[int], now: datetime, mailbox: Any, settings: Any
) -> None:
    editions.pause_edition(TODAY, "Mail is down.", "Paperboy", now)
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    alerts.report_edition(TODAY, now)
    assert send_waiting(now) == {"pending": 1}
    assert alerts.editions_to_report() == []
    settings.EMAIL_BACKEND = working
    assert send_waiting(now + timedelta(minutes=2)) == {"sent": 1}


@pytest.mark.promise(7)
def test_the_totals_of_an_edition_add_up(
    ready: list[int], now: datetime, smtp: Sink, make_reader: MakeReader
) -> None:
    smtp.at_rcpt = ["250 ok", "550 no"]
    mailing_run.deliver_digests(ready, lambda: now)
    assert totals.close_finished(now + timedelta(hours=20)) == []
    assert Edition.objects.get().closed_at is None
    assert totals.close_finished(now + timedelta(days=3)) == []
    edition = Edition.objects.get()
    assert (edition.due, edition.totals_error) == (3, "")
    assert (edition.totals["sent"], edition.totals["failed"]) == (2, 1)
    assert sum(edition.totals.values()) == edition.due


@pytest.mark.promise(7)
def test_totals_that_do_not_add_up_raise_an_alert(
    ready: list[int], now: datetime, mailbox: Any, redis: None
) -> None:
    recovery.recover_digests(now + timedelta(days=1))
    with connection.cursor() as cursor:  # behind the product's back
        cursor.execute("DELETE FROM subscriptions_digest WHERE id = %s", [ready[0]])
    [edition] = totals.close_finished(now + timedelta(days=3))
    assert edition.totals_error == "3 digests were due and 2 are on record."
    assert totals.close_finished(now + timedelta(days=3)) == []
    tasks.recover_digests()
    send_waiting(timezone.now())
    assert "3 digests were due and 2 are on record." in mailbox.outbox[-1].body
    assert any("do not add up" in said for said in alerts.current_problems(now + timedelta(days=3)))


@pytest.mark.promise(7)
def test_unsent_digests_after_the_cutoff_raise_an_alert(ready: list[int], now: datetime) -> None:
    [edition] = totals.close_finished(now + timedelta(days=3))  # nobody swept
    assert "3 are still unsent" in edition.totals_error


def test_totals_add_up_after_a_reader_is_erased(ready: list[int], now: datetime) -> None:
    Digest.objects.get(pk=ready[0]).subscriber.delete()
    recovery.recover_digests(now + timedelta(days=1))
    assert totals.close_finished(now + timedelta(days=3)) == []
    assert (Edition.objects.get().due, Edition.objects.get().erased) == (3, 1)


def test_all_is_well(ready: list[int], now: datetime, smtp: Sink) -> None:
    mailing_run.deliver_digests(ready, lambda: now)
    assert alerts.current_problems(now + timedelta(minutes=5)) == []


def test_a_missing_edition_is_reported_without_the_scheduler(
    make_reader: MakeReader, now: datetime
) -> None:
    make_reader()
    assert alerts.current_problems(now + timedelta(hours=1)) == []
    [said] = alerts.current_problems(now + timedelta(hours=3))
    assert said.startswith("An edition is missing: readers were due at 2026-04-30 08:00 UTC")


def test_waiting_digests_without_success_for_half_an_hour_are_reported(
    ready: list[int], now: datetime, smtp: Sink
) -> None:
    mailing_run.deliver_digests(ready[:1], lambda: now)
    assert alerts.current_problems(now + timedelta(minutes=25)) == []
    [said] = alerts.current_problems(now + timedelta(minutes=35))
    assert "none was sent since 2026-04-30 08:00 UTC" in said


@pytest.mark.promise(40)
def test_the_operator_is_emailed_about_a_missing_edition_and_reminded(
    make_reader: MakeReader, now: datetime, smtp: Sink, settings: Any
) -> None:
    settings.OPERATOR_EMAIL = "operator@example.org"
    reader = make_reader()
    late = now + timedelta(hours=3)
    assert alerts.alert_operator(now + timedelta(hours=1)) == []
    assert len(alerts.alert_operator(late)) == 1
    assert alerts.alert_operator(late + timedelta(hours=1)) == []
    send_waiting(late)
    [told] = smtp.accepted
    assert told["To"] == settings.OPERATOR_EMAIL
    for part in told.iter_parts():
        assert "missing: readers were due at 2026-04-30 08:00 UTC" in part.get_content()
    assert len(alerts.alert_operator(late + timedelta(hours=6))) == 1
    Subscription.objects.filter(subscriber=reader.pk).update(next_digest_at=now + timedelta(days=1))
    assert alerts.alert_operator(late + timedelta(hours=7)) == []
    Subscription.objects.filter(subscriber=reader.pk).update(next_digest_at=now)
    assert len(alerts.alert_operator(late + timedelta(hours=8))) == 1, "another one, told again"
    send_waiting(late + timedelta(hours=8))
    assert len(smtp.accepted) == 3


@pytest.mark.promise(40)
def test_the_operator_is_emailed_when_work_waits_without_success(
    ready: list[int], now: datetime, smtp: Sink
) -> None:
    mailing_run.deliver_digests(ready[:1], lambda: now)
    assert alerts.alert_operator(now + timedelta(minutes=25)) == []
    assert len(alerts.alert_operator(now + timedelta(minutes=35))) == 1
    send_waiting(now + timedelta(minutes=35))
    [text, _html] = smtp.accepted[-1].iter_parts()
    assert "none was sent since 2026-04-30 08:00 UTC" in text.get_content()


def test_an_alert_that_could_not_be_mailed_is_mailed_next_time(
    make_reader: MakeReader, now: datetime, smtp: Sink, settings: Any
) -> None:
    make_reader()
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    late = now + timedelta(hours=3)
    assert len(alerts.alert_operator(late)) == 1
    assert send_waiting(late) == {"pending": 1}
    settings.EMAIL_PORT = port
    assert alerts.alert_operator(late + timedelta(minutes=5)) == []
    assert send_waiting(late + timedelta(minutes=5)) == {"sent": 1}


def test_check_editions_survives_an_outage_of_postgresql_and_touches_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Run two rounds. In the first, the database does not answer."""
    looks: list[BaseException | None] = [OperationalError("away"), None, KeyboardInterrupt()]

    def look(_now: datetime) -> list[str]:
        if found := looks.pop(0):
            raise found
        return []

    monkeypatch.setattr(alerts, "alert_operator", look)
    monkeypatch.setattr(transactional, "waiting_alerts", list)
    monkeypatch.setattr(mailing_run, "deliver_messages", lambda *_: None)  # no connection is left
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    touched = tmp_path / "watched"
    with pytest.raises(KeyboardInterrupt):
        call_command("check_editions", every=1, touch=touched)
    assert "Checking the editions failed" in caplog.text
    assert touched.exists()


def test_a_paused_edition_and_unsettled_claims_are_reported(
    ready: list[int], now: datetime
) -> None:
    claims.ClaimHolder("a worker that dies now", lambda: now).claim(Digest.objects.get(pk=ready[0]))
    editions.pause_edition(TODAY, "Odd.", editions.PAPERBOY, now)
    said = alerts.current_problems(now + timedelta(hours=1))
    assert said == [
        "Digests were claimed and their outcome was never recorded. Is beat running?",
        "The edition of 2026-04-30 was paused: Odd.",
    ]


def test_check_editions_reports_problems_by_its_exit_status(
    make_reader: MakeReader, capsys: Any
) -> None:
    call_command("check_editions")
    assert capsys.readouterr().out == "ok\n"
    make_reader()  # due long ago, by the real clock
    with pytest.raises(SystemExit) as stop:
        call_command("check_editions")
    assert stop.value.code == 1
    assert "missing" in capsys.readouterr().err


def test_the_health_endpoint_reports_the_same(make_reader: MakeReader, client: Client) -> None:
    assert client.get("/healthz/editions").text == "ok"
    make_reader()
    answer = client.get("/healthz/editions")
    assert answer.status_code == 503
    assert "missing" in answer.text
    assert "@" not in answer.text
