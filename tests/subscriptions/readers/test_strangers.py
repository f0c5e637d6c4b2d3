"""A sign-up form that mails strangers is a weapon; here it is blunt. Promises 24, 25, 30 and 31."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from subscriptions import tasks
from subscriptions.mail import suppression
from subscriptions.models import SignUpSwitch, Subscriber
from subscriptions.readers import privacy, signup
from subscriptions.readers.mail_requests import RequestKind
from tests.pages import Page
from tests.signing_in import subscribe
from tests.subscriptions.conftest import MakeReader
from tests.subscriptions.messages import ask, send_waiting, sign_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
ADDRESS = "reader@example.org"
STATES = ("new", "pending", "active", "unsubscribed", "suppressed", "blocked", "erased")
DOORS = {
    "subscribe": ("/subscribe/?text=agents", "Subscribe"),
    "sign-in": ("/sign-in/", "Email me the link"),
}
"""The pages that take an address, and their buttons."""


@pytest.fixture(autouse=True)
def mailbox(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the views put into the queue, in order: the task and the message's key."""
    found: list[tuple[str, int]] = []
    monkeypatch.setattr(tasks.send_messages, "delay", lambda pks: found.append(("send", *pks)))
    return found


def put(state: str, make_reader: MakeReader, now: datetime) -> None:
    """Bring an address into a state."""
    if state == "new":
        return
    reader = make_reader(ADDRESS, status=state if state in Subscriber.Status.values else "active")
    if state == "blocked":
        suppression.suppress_readers({reader.pk: "complaint"}, now)
    if state == "erased":
        privacy.erase_reader(reader, now)


def shape(queries: CaptureQueriesContext) -> list[str]:
    """The statements without their values."""
    values = r"'[^']*'|\b\d+\b|NULL|\"s\d+_x\d+\""  # the last one names a savepoint
    return [re.sub(values, "?", one["sql"]) for one in queries.captured_queries]


def answer_of(answer: Any) -> tuple[Any, ...]:
    """All that a stranger sees of it, less the token that is new each time."""
    cookies = {name: len(cookie.value) for name, cookie in answer.cookies.items()}
    headers = {name: value for name, value in answer.items() if name != "Set-Cookie"}
    return answer.status_code, answer.content, headers, cookies


@pytest.mark.parametrize(("address", "button"), DOORS.values(), ids=DOORS)
@pytest.mark.promise(24)
def test_the_answer_and_the_work_are_the_same_for_every_state_of_an_address(
    client: Client,
    queued: list[Any],
    make_reader: MakeReader,
    now: datetime,
    django_capture_on_commit_callbacks: Any,
    address: str,
    button: str,
) -> None:
    """Status, body, headers; and the same statements and one task, so that time tells nothing.

    The clock stands still: the header Expires holds the time of the answer.
    """
    seen = []
    for state in STATES:
        Subscriber.objects.all().delete()
        put(state, make_reader, now)
        page = Page.open(client, address)
        with (
            time_machine.travel(now, tick=False),
            CaptureQueriesContext(connection) as queries,
            django_capture_on_commit_callbacks(execute=True),
        ):
            answer = page.submit(button, follow=False, email=ADDRESS)
        shown = answer_of(answer.response)
        seen.append((shown, shape(queries), [name for name, _ in queued]))
        queued.clear()
    assert seen[0][0][0] == 302
    assert len(seen[0][2]) == 1
    for other in seen[1:]:
        assert other == seen[0]


@pytest.mark.parametrize(("address", "button"), DOORS.values(), ids=DOORS)
@pytest.mark.promise(24)
def test_the_page_that_follows_is_the_same_for_every_state_of_an_address(
    client: Client, address: str, button: str
) -> None:
    page = Page.open(client, address)
    pages = {page.submit(button, email=f"{n}@example.org").html for n in range(3)}
    assert len(pages) == 1


@pytest.mark.promise(25)
def test_an_unconfirmed_address_gets_only_the_confirmation(
    make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(status="pending", confirmed_at=None)
    assert ask(reader.email, RequestKind.PREFERENCES, now)
    assert not sign_up(reader.email, now)
    [only] = mail.outbox
    assert "/confirm/" in only.body
    assert "/preferences/" not in only.body


def test_who_left_gets_the_way_to_their_preferences_and_signing_up_the_confirmation(
    make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(status="unsubscribed")
    assert ask(reader.email, RequestKind.PREFERENCES, now)
    assert sign_up(reader.email, now)
    assert ["/preferences/" in one.body for one in mail.outbox] == [True, False]


def variants() -> Iterator[str]:
    """Two hundred ways to write one mailbox."""
    for n in range(50):
        yield f"reader+{n}@example.org"
        yield f"r.eader+{n}@example.org"
        yield f"R.E.ADER+x{n}@EXAMPLE.org"
        yield f"re.ad.er+{n}@example.org"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("addresses", "mails"), [(["reader@example.org"] * 1000, 1), (list(variants()), 6)]
)
@pytest.mark.promise(30)
def test_a_thousand_sign_ups_of_one_mailbox_send_one_email_per_cooldown(
    now: datetime, addresses: list[str], mails: int
) -> None:
    for address in addresses:
        signup.request_sign_up(signup.SignUpRequest(address, "UTC", "/", None), now)
        sign_up(address, now)
    assert len(mail.outbox) == mails


@pytest.mark.promise(30)
def test_a_mailbox_gets_a_limited_number_of_emails_per_day(now: datetime, settings: Any) -> None:
    for n in range(24):
        hour = now + timedelta(hours=n, minutes=n)
        signup.request_sign_up(signup.SignUpRequest(ADDRESS, "UTC", "/", None), hour)
        sign_up(ADDRESS, hour)
    assert len(mail.outbox) == settings.EMAILS_PER_DAY


def test_gmail_and_googlemail_are_one_mailbox_and_other_people_are_others(now: datetime) -> None:
    def sent(address: str) -> bool:
        signup.request_sign_up(signup.SignUpRequest(address, "UTC", "/", None), now)
        return sign_up(address, now)

    same = [
        sent(f"ada.lov{'.' * (n % 2)}elace+{n}@{host}")
        for n in range(4)
        for host in ("gmail.com", "googlemail.com")
    ]
    assert same == [True] * 6 + [False] * 2
    assert sent("ada.l@gmail.com")
    assert sent("adalovelace@example.org")


@pytest.mark.promise(30)
def test_a_filled_trap_field_gets_the_usual_answer_and_stores_nothing(
    client: Client, queued: list[Any]
) -> None:
    honest = subscribe(client, "a@example.org", follow=False)
    trapped = subscribe(client, "b@example.org", follow=False, nickname="x")
    assert answer_of(honest.response) == answer_of(trapped.response)
    assert [one.email for one in Subscriber.objects.all()] == ["a@example.org"]


def test_domains_of_throw_away_addresses_are_refused_where_the_operator_lists_them(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    listed = tmp_path / "domains.txt"
    listed.write_text("# disposable\nMailinator.example\n\n")
    settings.DISPOSABLE_DOMAINS_FILE = str(listed)
    for address in ("a@mailinator.example", "a@sub.MAILINATOR.example"):
        assert "disposable" in subscribe(client, address).text
    assert subscribe(client, "a@other.example").url == reverse("check-inbox")
    assert Subscriber.objects.count() == 1


@pytest.mark.promise(30)
def test_a_closed_sign_up_accepts_nobody_and_says_so(client: Client, admin_client: Client) -> None:
    opened = Page.open(client, reverse("subscribe"))
    switch = Page.open(admin_client, reverse("admin:subscriptions_signupswitch_changelist"))
    assert "Add sign-up" not in switch.text
    switch.submit("Save", open=False)
    assert not SignUpSwitch.is_open()
    answer = opened.submit("Subscribe", email=ADDRESS)
    assert (answer.status, Subscriber.objects.count()) == (503, 0)
    assert "closed" in Page.open(client, reverse("subscribe")).text
    switch.submit("Save", open=True)
    assert subscribe(client, ADDRESS).url == reverse("check-inbox")


def test_the_switch_turns_by_command_too(client: Client) -> None:
    page = Page.open(client, reverse("subscribe"))
    call_command("signup", "close", verbosity=0)
    assert page.submit("Subscribe", email=ADDRESS).status == 503
    call_command("signup", "open", verbosity=0)
    assert page.submit("Subscribe", email=ADDRESS).url == reverse("check-inbox")


@pytest.mark.parametrize(
    ("asked", "confirmed", "alarmed"),
    [(60, 3, True), (60, 6, False), (40, 0, False), (0, 0, False)],
)
def test_the_operator_hears_of_sign_ups_that_nobody_confirms_once_a_day(
    now: datetime, settings: Any, asked: int, confirmed: int, alarmed: bool
) -> None:
    settings.OPERATOR_EMAIL = "operator@example.org"
    for n in range(asked):
        Subscriber.objects.create(
            email=f"{n}@example.org",
            email_key=f"{n}@example.org",
            created_at=now - timedelta(hours=3),
            confirmed_at=now if n < confirmed else None,
        )
    assert [signup.alert_operator(now), signup.alert_operator(now)] == [alarmed, False]
    send_waiting(now)
    assert [one.to for one in mail.outbox] == [["operator@example.org"]] * alarmed
    if alarmed:
        assert "Only 3 of" in mail.outbox[0].body


def test_an_operator_who_could_not_be_told_of_sign_ups_is_told_later(
    now: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signup, "describe_trouble", lambda now: ["Nobody confirms."])
    settings.OPERATOR_EMAIL = "operator@example.org"
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert signup.alert_operator(now)
    assert send_waiting(now) == {"pending": 1}
    settings.EMAIL_BACKEND = working
    assert not signup.alert_operator(now)
    assert send_waiting(now + timedelta(minutes=2)) == {"sent": 1}
    assert len(mail.outbox) == 1


def test_sign_ups_of_just_now_and_of_long_ago_are_no_alarm(make_reader: MakeReader) -> None:
    now = timezone.now()
    for n in range(60):
        moment = now - (timedelta(minutes=5) if n % 2 else timedelta(days=3))
        make_reader(f"{n}@example.org", status="pending", confirmed_at=None, created_at=moment)
    assert signup.describe_trouble(now) == []


def test_a_stranger_does_not_change_what_a_reader_asked_for(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader(ADDRESS, topic={"text": "mine"})
    Page.open(client, "/subscribe/?text=theirs").submit("Subscribe", email=ADDRESS)
    assert reader.first_topic.text == "mine"
