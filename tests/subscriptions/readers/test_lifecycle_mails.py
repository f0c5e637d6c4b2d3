"""Welcome, the question whether it is too much, and goodbye: each once, to whom it is due."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from devtools.outbox import messages
from papers.models import Paper
from subscriptions import tasks, tokens
from subscriptions.library.keeping import keep_paper
from subscriptions.mail import emails, suppression
from subscriptions.models import Digest, Message, OpenedPaper, Reaction, Subscriber
from subscriptions.readers import lifecycle, lifecycle_mails, scheduling
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.subscriptions.messages import send_waiting

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]
MakeDigest = Callable[..., Digest]


def mails(outbox: Path) -> list[EmailMessage]:
    parser = BytesParser(policy=default)
    return [parser.parsebytes(path.read_bytes()) for path in messages(outbox)]  # type: ignore[misc]


def both_parts(mail: EmailMessage) -> tuple[str, str]:
    text, html = mail.iter_parts()
    return " ".join(text.get_content().split()), " ".join(html.get_content().split())


def test_a_confirmed_reader_is_welcomed_once_and_told_when_the_first_digest_comes(
    make_reader: MakeReader, outbox: Path, now: datetime
) -> None:
    reader = make_reader(status="pending", timezone="Europe/Berlin", hour=7)
    assert send_waiting(now) == {}
    assert all(lifecycle.activate_reader(reader, now) for _ in range(2))
    assert [send_waiting(now) for _ in range(2)] == [{"sent": 1}, {}]
    [mail] = mails(outbox)
    assert mail["Subject"] == "Welcome to Paperboy: what to expect"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for part in both_parts(mail):
        assert "Every day" in part
        assert "at 07:00 (Europe/Berlin)" in part
        assert "Your first digest arrives on Friday, 1 May." in part
        assert all(f"/{page}/" in part for page in ("preferences", "rhythm", "unsubscribe"))


def test_the_welcome_names_interests_that_are_known_and_else_asks_for_them(
    make_reader: MakeReader,
) -> None:
    known = emails.welcome(make_reader(topic={"text": "medieval <charters>"}))
    unknown = emails.welcome(make_reader("b@example.org"))
    for mail, texts in ((known, (known.text, known.html)), (unknown, (unknown.text, unknown.html))):
        for text in map(str, texts):
            assert ("medieval" in text) == (mail is known)
            assert ("Edit your interests" in text) == (mail is known)
            assert ("Tell us what you care about" in text) == (mail is unknown)
    assert "medieval &lt;charters&gt;" in str(known.html)
    assert "interested in: medieval <charters>" in " ".join(str(known.text).split())


def test_who_comes_back_is_welcomed_again(make_reader: MakeReader, now: datetime) -> None:
    reader = make_reader(status="unsubscribed", unsubscribed_at=now)
    lifecycle.activate_reader(reader, now + timedelta(days=2))
    assert send_waiting(now + timedelta(days=2)) == {"sent": 1}


def unsubscribe_page(reader: Subscriber) -> str:
    return f"/unsubscribe/{tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)}/"


def test_who_leaves_by_our_button_gets_one_last_mail_and_a_mail_programs_click_gets_none(
    make_reader: MakeReader,
    outbox: Path,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(tasks.send_messages_to, "delay", tasks.send_messages_to)
    by_button, by_program = make_reader(), make_reader("program@example.org")
    page = Page.open(client, unsubscribe_page(by_button))
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            assert page.submit("Unsubscribe").status == 200
            program = forge(client, unsubscribe_page(by_program), {"List-Unsubscribe": "One-Click"})
            assert program.status_code == 200
    [mail] = mails(outbox)
    assert (mail["To"], mail["Subject"]) == ("reader@example.org", "Goodbye, and thank you")
    for part in both_parts(mail):
        assert "this is our last email" in part
        assert "/confirm/" in part


def test_no_goodbye_to_who_never_confirmed_or_is_suppressed_or_is_back(
    make_reader: MakeReader, now: datetime
) -> None:
    stranger = make_reader("a@example.org", status="unsubscribed", confirmed_at=None)
    back = make_reader("b@example.org")
    bounced = make_reader("c@example.org", status="unsubscribed", unsubscribed_at=now)
    suppression.suppress_readers({bounced.pk: "hard"}, now)
    for pk in (stranger.pk, bounced.pk, 0):
        lifecycle.unsubscribe_with_goodbye(pk, now)
    assert not Message.objects.exists()
    lifecycle.unsubscribe_with_goodbye(back.pk, now)
    lifecycle.activate_reader(back, now)
    send_waiting(now)
    states = Message.objects.values_list("kind", "status")
    assert set(states) == {("goodbye", "suppressed"), ("welcome", "sent")}


# --- Is it too much? ----------------------------------------------------------------------
@pytest.fixture
def quiet(make_reader: MakeReader, make_digest: MakeDigest, now: datetime) -> Subscriber:
    """A reader of months, with just as many digests as are waited for and no word."""
    reader = make_reader(confirmed_at=now - timedelta(days=90))
    for days in range(lifecycle_mails.QUIET_DIGESTS):
        at = now - timedelta(days=days + 1)
        make_digest(reader, day=at.date(), sent_at=at)
    return reader


def test_a_quiet_reader_is_asked_once_ever(quiet: Subscriber, outbox: Path, now: datetime) -> None:
    assert lifecycle_mails.quiet_readers(now) == [quiet.pk]
    assert [bool(lifecycle_mails.offer_fewer_emails(quiet.pk, now)) for _ in range(2)] == [
        True,
        False,
    ]
    assert lifecycle_mails.quiet_readers(now + timedelta(days=400)) == []
    assert send_waiting(now) == {"sent": 1}
    [mail] = mails(outbox)
    assert mail["Subject"] == "Would you like fewer emails?"
    for part in both_parts(mail):
        assert "We ask only once." in part
        assert "/rhythm/" in part
        assert "/unsubscribe/" in part


@pytest.mark.parametrize(
    "said", ["reaction", "kept", "opened", "one digest less", "paused", "new", "left"]
)
def test_who_said_something_or_is_paused_or_new_or_gone_is_not_asked(
    said: str, quiet: Subscriber, make_paper: Callable[..., Paper], now: datetime
) -> None:
    last_week = now - timedelta(days=7)
    if said == "reaction":
        quiet.reactions.create(paper=make_paper(), kind=Reaction.Kind.LESS, created_at=last_week)
    elif said == "kept":
        keep_paper(quiet, make_paper(), last_week)
    elif said == "opened":
        OpenedPaper.objects.create(
            subscriber=quiet, topic=quiet.first_topic, paper=make_paper(), created_at=last_week
        )
    elif said == "one digest less":
        Digest.objects.latest("day").delete()
    elif said == "paused":
        scheduling.change_schedule(
            quiet.default_subscription.pk, now, paused_until=now + timedelta(days=14)
        )
    elif said == "new":
        Subscriber.objects.update(confirmed_at=last_week)
    else:
        lifecycle.unsubscribe_reader(quiet.pk, now)
    assert lifecycle_mails.quiet_readers(now) == []
    assert not lifecycle_mails.offer_fewer_emails(quiet.pk, now)


def test_a_word_from_before_all_those_digests_does_not_count(
    quiet: Subscriber, make_paper: Callable[..., Paper], now: datetime
) -> None:
    long_ago = now - timedelta(days=60)
    quiet.reactions.create(paper=make_paper(), kind=Reaction.Kind.MORE, created_at=long_ago)
    assert lifecycle_mails.quiet_readers(now) == [quiet.pk]


# --- Less of it, on the page --------------------------------------------------------------
def rhythm_page(reader: Subscriber) -> str:
    return f"/rhythm/{tokens.make_token(Purpose.PREFERENCES, reader.pk)}/"


def act(client: Client, reader: Subscriber, now: datetime, button: str, **fields: str) -> str:
    """Press one of the page's buttons; the text of the page that comes then."""
    with time_machine.travel(now, tick=False):
        page = Page.open(client, rhythm_page(reader)).submit(button, **fields)
    reader.refresh_from_db()
    return page.text


def test_a_pause_of_two_weeks_ends_by_itself(
    client: Client, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(timezone="Europe/Berlin", hour=7)
    page = act(client, reader, now, "Two weeks")
    due = reader.default_subscription.next_digest_at
    assert due == datetime.fromisoformat("2026-05-15T05:00:00Z")
    assert "The next one comes on Friday, 15 May at 07:00." in page
    act(client, reader, now + timedelta(days=3), "Resume now")
    due = reader.default_subscription.next_digest_at
    assert due == datetime.fromisoformat("2026-05-04T05:00:00Z")


def test_saving_preferences_does_not_end_a_pause(
    client: Client, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader()
    until = now + timedelta(weeks=4)
    scheduling.change_schedule(reader.default_subscription.pk, now, paused_until=until)
    scheduling.reschedule_reader(reader, now)
    due = reader.default_subscription.next_digest_at
    assert due == datetime.fromisoformat("2026-05-29T08:00:00Z")


def test_less_often(client: Client, make_reader: MakeReader, now: datetime) -> None:
    reader = make_reader()
    page = act(client, reader, now, "Once a week")
    assert reader.default_subscription.frequency == "weekly"
    assert (
        "Your current setting: Once a week. The next digest comes on Monday, 4 May at 08:00 (UTC)."
        in page
    )


def test_a_topic_is_muted(client: Client, make_reader: MakeReader, now: datetime) -> None:
    reader = make_reader()
    assert "Muted" in act(client, reader, now, "Mute", word=" quantum  dots ")
    assert "too long" in act(client, reader, now, "Mute", word="x" * 300)
    assert reader.muted_words == ["quantum dots"]


@pytest.mark.parametrize(
    "nonsense", [{}, {"act": "x"}, {"act": "less", "frequency": "hourly"}, {"act": "less"}]
)
def test_nonsense_changes_nothing(
    nonsense: dict[str, str], client: Client, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader()
    answer = forge(client, rhythm_page(reader), nonsense, follow=True)
    assert "Nothing was changed" in answer.text
    reader.refresh_from_db()
    subscription = reader.default_subscription
    assert (subscription.frequency, subscription.paused_until) == ("daily", None)


def test_who_left_is_offered_to_come_back_and_no_pause(
    client: Client, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(status="unsubscribed", next_digest_at=None)
    asked = {"act": "pause", "weeks": "2"}
    page = forge(client, rhythm_page(reader), asked, follow=True).text
    reader.refresh_from_db()
    assert "Nothing was changed" in page
    assert "Subscribe again" in page
    assert reader.default_subscription.paused_until is None


def test_leaving_comes_first_and_less_of_it_beside(client: Client, make_reader: MakeReader) -> None:
    reader = make_reader()
    page = client.get(unsubscribe_page(reader)).text
    order = [page.index(text) for text in (">Unsubscribe<", "Once a week", "Two weeks")]
    assert order == sorted(order)
    assert "Mute" not in page
    reader.refresh_from_db()
    assert (reader.status, reader.default_subscription.paused_until) == ("active", None)


def test_past_digests_can_be_read_again(
    client: Client, quiet: Subscriber, make_digest: MakeDigest, now: datetime
) -> None:
    make_digest(quiet, day=now.date(), subject="Not sent", status=Digest.Status.SKIPPED)
    Digest.objects.filter(status=Digest.Status.SENT).update(subject="A fine paper + 9 more")
    page = client.get(f"/preferences/{tokens.make_token(Purpose.PREFERENCES, quiet.pk)}/").text
    addresses = re.findall(r'<li><a href="(/digests/[^"]+)"', page)
    assert len(addresses) == lifecycle_mails.QUIET_DIGESTS
    assert "Not sent" not in page
    assert client.get(addresses[0]).status_code == 200
