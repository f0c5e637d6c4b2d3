"""Messages: every email beside the digest is delivered, or its failure is known. Promise 41."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from celery import Celery
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from operations import doctor, retention
from papers.models import Paper
from subscriptions import tasks
from subscriptions.delivery import claims, mailing_run
from subscriptions.editions import recovery
from subscriptions.feedback.normalize import Event, parse_message_id
from subscriptions.feedback.record import record_events
from subscriptions.feedback.refusals import record_refusals
from subscriptions.feedback.settle import settle_uncertain
from subscriptions.mail import transactional
from subscriptions.models import DeliveryEvent, Message, Subscriber
from subscriptions.readers import lifecycle, mail_requests, privacy
from subscriptions.readers.mail_requests import RequestKind
from tests.pages import Page
from tests.subscriptions.conftest import Sink
from tests.subscriptions.messages import ask, send_waiting, sign_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def pending(make_reader: MakeReader) -> Subscriber:
    return make_reader("new@e.org", status="pending", confirmed_at=None, next_digest_at=None)


def states() -> list[tuple[str, str]]:
    return list(Message.objects.order_by("pk").values_list("kind", "status"))


def swept(now: datetime) -> dict[str, int]:
    """What recovery finds, handed over."""
    return mailing_run.deliver_messages(recovery.recover_messages(now), lambda: now).tally


# --- Nothing is lost ----------------------------------------------------------------------
@pytest.mark.promise(41)
def test_an_hour_without_smtp_loses_and_doubles_no_message(
    pending: Subscriber, smtp: Sink, now: datetime, settings: Any
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert sign_up(pending.email, now)
    for minutes in range(1, 60):
        swept(now + minutes * MINUTE)
    assert not sign_up(pending.email, now + HOUR), "it waits still, and is not written twice"
    settings.EMAIL_PORT = port
    for minutes in range(60, 90):
        swept(now + minutes * MINUTE)
    assert [message["To"] for message in smtp.accepted] == ["new@e.org"]
    assert states() == [("confirmation", "sent")]
    assert 4 < Message.objects.get().attempts < 20, "the waits grow"


def test_a_waiting_confirmation_is_not_sent_after_unsubscribing(
    pending: Subscriber, smtp: Sink, now: datetime, settings: Any
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert sign_up(pending.email, now)
    settings.EMAIL_PORT = port
    lifecycle.unsubscribe_reader(pending.pk, now + MINUTE)
    swept(now + HOUR)
    assert not any("onfirm" in message["Subject"] for message in smtp.accepted)
    assert ("confirmation", "suppressed") in states()
    assert sign_up(pending.email, now + 2 * HOUR), "signing up again sends a new one"
    swept(now + 2 * HOUR + MINUTE)
    assert any("onfirm" in message["Subject"] for message in smtp.accepted)


@pytest.mark.promise(41)
def test_a_message_whose_task_was_lost_is_recovered(
    pending: Subscriber, smtp: Sink, now: datetime, settings: Any
) -> None:
    mail_requests.request_mail(pending.email, RequestKind.SIGN_UP, now)  # and Redis was emptied
    assert swept(now + settings.RECOVER_AFTER / 2) == {}
    assert swept(now + settings.RECOVER_AFTER + MINUTE) == {"sent": 1}
    assert swept(now + HOUR) == {}
    assert len(smtp.accepted) == 1


@pytest.mark.promise(41)
def test_the_message_of_a_lost_worker_is_uncertain_and_not_sent_again(
    pending: Subscriber, smtp: Sink, now: datetime
) -> None:
    mail_requests.request_mail(pending.email, RequestKind.SIGN_UP, now)
    message = Message.objects.select_related("subscriber").get()
    assert claims.ClaimHolder("a worker that dies now", lambda: now).claim(message).ours
    assert swept(now + 5 * MINUTE) == {}
    assert swept(now + 11 * MINUTE) == {}
    assert states() == [("confirmation", "uncertain")]
    assert not smtp.accepted


def test_two_workers_send_one(pending: Subscriber, smtp: Sink, now: datetime) -> None:
    pk = mail_requests.request_mail(pending.email, RequestKind.SIGN_UP, now)
    for _ in range(2):
        mailing_run.deliver_messages([pk], lambda: now)
    assert len(smtp.accepted) == 1


def test_a_sign_up_works_without_the_broker_and_its_message_waits(
    client: Client,
    smtp: Sink,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    """A real connection to a port where nobody listens."""
    nowhere = Celery("nowhere", broker="redis://127.0.0.1:1/0", set_as_current=False)
    publish = tasks.send_messages.apply_async

    def to_nowhere(*given: Any, **more: Any) -> Any:
        with nowhere.connection_for_write() as connection:
            return publish(*given, connection=connection, **more)

    monkeypatch.setattr(tasks.send_messages, "apply_async", to_nowhere)
    page = Page.open(client, reverse("subscribe"))
    begun = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        page.submit("Subscribe", email="ada@example.org")
    assert time.monotonic() - begun < 3
    assert "The broker is down" in caplog.text
    assert states() == [("confirmation", "pending")]
    message = Message.objects.get()
    assert swept(message.created_at + 10 * MINUTE) == {"sent": 1}


def test_a_message_and_its_cause_are_one_transaction(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_: Any) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(mail_requests, "request_mail", trip)
    with pytest.raises(RuntimeError):
        Page.open(client, reverse("subscribe")).submit("Subscribe", email="ada@example.org")
    assert not Subscriber.objects.exists()


# --- Bounds -------------------------------------------------------------------------------


def test_a_confirmation_is_not_sent_days_late_and_may_be_asked_for_again(
    pending: Subscriber, smtp: Sink, now: datetime, settings: Any
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    sign_up(pending.email, now)
    later = now + timedelta(days=1, minutes=1)
    assert swept(later) == {}
    assert states() == [("confirmation", "expired")]
    assert "Connection refused" in Message.objects.get().reason, "the last error is kept"
    settings.EMAIL_PORT = port
    assert sign_up(pending.email, later)
    assert states()[1:] == [("confirmation", "sent")]


def test_what_the_server_refuses_for_good_fails_at_once_and_counts_for_nothing(
    pending: Subscriber, smtp: Sink, now: datetime
) -> None:
    smtp.at_data = ["554 5.6.0 not like this"]
    assert sign_up(pending.email, now)
    assert states() == [("confirmation", "failed")]
    assert sign_up(pending.email, now), "only what was handed over counts for the cool-down"
    assert len(smtp.accepted) == 1


def test_a_reader_who_confirmed_meanwhile_gets_no_confirmation(
    pending: Subscriber, smtp: Sink, now: datetime
) -> None:
    mail_requests.request_mail(pending.email, RequestKind.SIGN_UP, now)
    lifecycle.activate_reader(pending, now)
    send_waiting(now)
    assert states() == [("confirmation", "suppressed"), ("welcome", "sent")]


def test_a_vote_for_a_paper_that_was_hidden_meanwhile_is_not_mailed(
    make_reader: MakeReader, make_paper: Callable[..., Paper], smtp: Sink, now: datetime
) -> None:
    paper = make_paper()
    mail_requests.request_mail(make_reader().email, RequestKind.VOTE, now, str(paper.pk))
    Paper.objects.update(hidden=True)
    send_waiting(now)
    assert states() == [("vote_link", "suppressed")]


# --- Cool-downs: promise 49 ---------------------------------------------------------------
@pytest.mark.promise(49)
def test_cooldowns_count_per_kind_of_message(
    pending: Subscriber, smtp: Sink, make_paper: Callable[..., Paper], now: datetime
) -> None:
    """Sign up, confirm, ask for the link, and for two votes, all within a minute."""
    papers = [make_paper() for _ in range(2)]
    assert sign_up(pending.email, now)
    lifecycle.activate_reader(pending, now)
    assert ask(pending.email, RequestKind.PREFERENCES, now)
    votes = [
        ask(pending.email, RequestKind.VOTE, now, str(paper.pk)) for paper in (*papers, papers[0])
    ]
    assert votes == [True, True, False]
    kinds = [kind for kind, status in states() if status == "sent"]
    expected = {"confirmation": 1, "welcome": 1, "preferences_link": 1, "vote_link": 2}
    assert {kind: kinds.count(kind) for kind in set(kinds)} == expected


@pytest.mark.promise(49)
def test_links_are_limited_to_one_per_minute_and_a_few_per_hour(
    make_reader: MakeReader, smtp: Sink, now: datetime
) -> None:
    email = make_reader().email
    moments = [timedelta(), 0.5 * MINUTE, MINUTE, 3 * MINUTE, 5 * MINUTE, 59 * MINUTE, 61 * MINUTE]
    came = [ask(email, RequestKind.PREFERENCES, now + after) for after in moments]
    assert came == [True, False, True, True, False, False, True]


@pytest.mark.promise(49)
def test_a_failed_link_can_be_requested_again_at_once(
    make_reader: MakeReader, smtp: Sink, now: datetime
) -> None:
    smtp.at_rcpt = ["550 5.7.1 not now"] * 3
    came = [ask(make_reader().email, RequestKind.PREFERENCES, now) for _ in range(1)]
    came += [ask("reader@example.org", RequestKind.PREFERENCES, now) for _ in range(4)]
    assert came == [True] * 4 + [False]
    assert len(smtp.accepted) == 1


@pytest.mark.promise(48)
def test_a_message_sent_in_the_future_blocks_nobody(
    make_reader: MakeReader, smtp: Sink, now: datetime
) -> None:
    email = make_reader().email
    assert ask(email, RequestKind.PREFERENCES, now + timedelta(days=3))  # a clock that ran ahead
    assert ask(email, RequestKind.PREFERENCES, now)


# --- What comes back ----------------------------------------------------------------------


def test_a_bounce_of_a_message_names_it_and_settles_it(
    pending: Subscriber, smtp: Sink, now: datetime
) -> None:
    smtp.hang_up_after_data = True
    sign_up(pending.email, now)
    assert states() == [("confirmation", "uncertain")]
    message, told = Message.objects.get(), smtp.accepted[0]
    public_id = parse_message_id(str(told["Message-ID"]))
    assert public_id == message.public_id
    event = Event("k", "postmark", "delivered", now + MINUTE, public_id=public_id)
    record_events([event], now + MINUTE)
    assert states() == [("confirmation", "sent")]
    assert DeliveryEvent.objects.get().message == message


def test_an_event_that_came_before_the_doubt_settles_it_later(
    pending: Subscriber, now: datetime
) -> None:
    mail_requests.request_mail(pending.email, RequestKind.SIGN_UP, now)
    message = Message.objects.select_related("subscriber").get()
    claims.ClaimHolder("dies", lambda: now).claim(message)
    event = Event("k", "x", "delivered", now, public_id=message.public_id)
    record_events([event], now)
    recovery.recover_messages(now + 11 * MINUTE)
    settle_uncertain(now + 12 * MINUTE)
    record_refusals(now + 12 * MINUTE)
    assert states() == [("confirmation", "sent")]


def test_an_address_refused_at_the_hand_over_is_suppressed(
    pending: Subscriber, smtp: Sink, now: datetime
) -> None:
    smtp.at_rcpt = ["550 5.1.1 no such user"]
    sign_up(pending.email, now)
    assert [record_refusals(now) for _ in range(2)] == [1, 0]
    pending.refresh_from_db()
    assert pending.status == "suppressed"


# --- By hand, in sight, and forgotten -----------------------------------------------------


def test_an_operator_sees_what_failed_and_sends_it_again(
    client: Client,
    django_user_model: Any,
    pending: Subscriber,
    smtp: Sink,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    smtp.at_data = ["554 5.6.0 not like this"]
    sign_up(pending.email, now)
    told = {finding.area: finding for finding in doctor.messages(now)}
    assert "Confirmation: 1 failed" in told["Messages"].message
    user = django_user_model.objects.create_user("op", password="x", is_staff=True)
    client.force_login(user)
    changelist = reverse("admin:subscriptions_message_changelist")
    for codename in ("view_message", "change_message"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    page = Page.open(client, changelist)
    assert "not like this" in page.text
    monkeypatch.setattr(tasks.send_messages, "delay", tasks.send_messages)
    with time_machine.travel(now + MINUTE), django_capture_on_commit_callbacks(execute=True):
        chosen = {"action": "try_again", "_selected_action": str(Message.objects.get().pk)}
        page.submit("Go", **chosen)
    assert states() == [("confirmation", "sent")]
    assert len(smtp.accepted) == 1


def test_messages_that_wait_too_long_are_told(pending: Subscriber, now: datetime) -> None:
    mail_requests.request_mail(pending.email, RequestKind.SIGN_UP, now)
    assert transactional.describe_standstill(now + 29 * MINUTE) == []
    [told] = transactional.describe_standstill(now + 31 * MINUTE)
    assert "Messages waiting: 1 (" in told
    assert "the oldest since 2026-04-30 08:00 UTC" in told
    [figures] = [one for one in transactional.message_figures(now) if one.kind == "confirmation"]
    assert (figures.states["pending"], figures.oldest_pending) == (1, now)


def test_messages_are_part_of_my_data_and_go_with_the_reader(
    make_reader: MakeReader, smtp: Sink, now: datetime
) -> None:
    reader = make_reader()
    ask(reader.email, RequestKind.PREFERENCES, now)
    [row] = privacy.export(reader)["messages"]
    assert (row["kind"], row["status"], row["sent_at"]) == ("preferences_link", "sent", now)
    assert "/preferences/" not in privacy.export_json(reader)
    assert dict(privacy.summarize_data(reader))["Other emails"] == 1
    privacy.erase_reader(reader, now)
    assert not Message.objects.exists()


def test_old_messages_are_forgotten(pending: Subscriber, smtp: Sink, now: datetime) -> None:
    sign_up(pending.email, now)
    message = Message.objects.get()
    event = Event("k", "x", "delivered", now, public_id=message.public_id)
    record_events([event], now)
    assert retention.delete_old_rows(now + timedelta(days=89))["messages"] == 0
    assert retention.delete_old_rows(now + timedelta(days=91))["messages"] == 1
    assert DeliveryEvent.objects.get().message is None
