"""Several subscriptions of a reader: their pages, and what a link for unsubscribing stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from subscriptions import tokens
from subscriptions.feedback import returned_mail
from subscriptions.models import Digest, Message, Subscriber, Subscription, Topic
from subscriptions.readers import lifecycle, scheduling, subscriptions
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.subscriptions.conftest import MakeDigest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis", "frozen")]
MakeReader = Callable[..., Subscriber]


@pytest.fixture
def frozen(now: datetime) -> Any:
    with time_machine.travel(now, tick=False) as clock:
        yield clock


@pytest.fixture
def reader(make_reader: MakeReader) -> Subscriber:
    """A reader with two topics, a daily subscription and one on Mondays."""
    reader = make_reader(topic={"text": "video"})
    Topic.objects.create(subscriber=reader, position=1, name="Robots")
    add(reader, frequency="weekly", weekday=0)
    return reader


def add(reader: Subscriber, topics: Sequence[Topic] = (), **values: Any) -> Subscription:
    now = datetime.now(UTC)
    return subscriptions.add_subscription(reader, values, topics, now)


def weekly(reader: Subscriber) -> Subscription:
    return reader.subscriptions.get(position=1)


def signed(name: str, purpose: Purpose, value: object) -> str:
    return reverse(name, args=[tokens.make_token(purpose, value)])


def pages(client: Client, reader: Subscriber, name: str = "subscriptions") -> Page:
    return Page.open(client, signed(name, Purpose.PREFERENCES, reader.pk))


def unsubscribe_url(reader: Subscriber, subscription: int | None = None) -> str:
    key = tokens.unsubscribe_key(reader.pk, subscription)
    return signed("unsubscribe", Purpose.UNSUBSCRIBE, key)


def states(reader: Subscriber) -> tuple[str, list[str]]:
    reader.refresh_from_db()
    return reader.status, list(reader.subscriptions.values_list("state", flat=True))


# --- The pages ------------------------------------------------------------------------------
def test_the_list_says_when_what_and_where(client: Client, reader: Subscriber) -> None:
    add(reader, [reader.first_topic], frequency="monthly", month_day=31, all_topics=False, name="X")
    text = pages(client, reader).text
    for words in (
        *("Every day at 08:00", "All topics.", "By email to reader@example.org"),
        *("Every Monday at 08:00", "Next digest on Monday, 4 May at 08:00."),
        "On the 31st of the month (or its last day) at 08:00. Topics: video",
    ):
        assert words in text


def test_a_subscription_is_added_with_chosen_topics(client: Client, reader: Subscriber) -> None:
    robots = reader.topics.get(position=1)
    page = pages(client, reader)
    [link] = page.tree.xpath("//main//a[.='Add another schedule']/@href")
    form = Page.open(client, link)
    page = form.submit(
        "Save",
        frequency="monthly",
        month_day="30",
        hour="17",
        name="Robots once a month",
        all_topics="False",
        topics=[str(robots.pk)],
        trending=False,
        max_papers="5",
    )
    added = reader.subscriptions.get(position=2)
    assert (added.frequency, added.month_day, added.hour) == ("monthly", 30, 17)
    assert (added.all_topics, added.trending, added.max_papers) == (False, False, 5)
    assert list(added.topics.all()) == [robots]
    assert added.next_digest_at == datetime(2026, 4, 30, 17, tzinfo=UTC)
    assert "Saved. Its next digest comes on Thursday, 30 April at 17:00." in page.text
    assert "Robots once a month" in page.text


def test_a_change_reschedules_and_keeps_the_others(client: Client, reader: Subscriber) -> None:
    url = pages(client, reader).tree.xpath("//main//a[contains(., 'Monday')]/@href")[0]
    page = Page.open(client, url)
    assert page.fields("Save")["all_topics"] == "True"
    page.submit("Save", weekday="4", hour="6")
    changed = weekly(reader)
    assert (changed.weekday, changed.hour) == (4, 6)
    assert changed.next_digest_at == datetime(2026, 5, 1, 6, tzinfo=UTC)
    assert reader.default_subscription.frequency == "daily"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"all_topics": "False"}, "Choose at least one topic, or all of them."),
        ({"max_papers": "31"}, "Enter a whole number from 1 to 30."),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_saved(
    client: Client, reader: Subscriber, fields: dict[str, str], message: str
) -> None:
    page = pages(client, reader, "subscription-new").submit("Save", **fields)
    assert page.status == 400
    assert message in page.text
    assert reader.subscriptions.count() == 2


def test_a_day_that_no_month_has_is_refused(client: Client, reader: Subscriber) -> None:
    page = pages(client, reader, "subscription-new")
    data = page.fields("Save") | {"month_day": "32"}
    answer = forge(client, page.url, data)
    assert answer.status_code == 400
    assert "Choose a day from 1 to 31." in answer.text


def test_readers_with_one_topic_do_not_choose_topics(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    form = pages(client, reader, "subscription-new")
    assert "all_topics" not in form.fields("Save")
    form.submit("Save", frequency="weekly")
    assert weekly(reader).all_topics


def test_fortnightly_digests_start_in_the_week_of_the_change(
    client: Client, reader: Subscriber, frozen: Any
) -> None:
    row = weekly(reader)
    url = reverse("subscription", args=[row.pk, tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    Page.open(client, url).submit("Save", frequency="fortnightly", weekday="4")
    row.refresh_from_db()
    assert row.first_week == date(2026, 4, 30)
    assert row.next_digest_at == datetime(2026, 5, 1, 8, tzinfo=UTC)
    frozen.shift(timedelta(days=8))
    Page.open(client, url).submit("Save", hour="9")
    row.refresh_from_db()
    assert row.first_week == date(2026, 4, 30), "another hour does not move the weeks"
    Page.open(client, url).submit("Save", frequency="weekly")
    row.refresh_from_db()
    assert row.first_week is None


def test_the_preferences_set_fortnightly_and_monthly_digests(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    pages(client, reader, "preferences").submit("Save", frequency="fortnightly", weekday="4")
    assert reader.default_subscription.first_week == date(2026, 4, 30)
    pages(client, reader, "preferences").submit("Save", frequency="monthly", month_day="12")
    row = reader.default_subscription
    assert (row.month_day, row.first_week) == (12, None)
    assert row.next_digest_at == datetime(2026, 5, 12, 8, tzinfo=UTC)


def test_the_preferences_of_several_subscriptions_list_them(
    client: Client, reader: Subscriber
) -> None:
    page = pages(client, reader, "preferences")
    assert "Every Monday at 08:00" in page.text
    assert {"frequency", "hour"}.isdisjoint(page.fields("Save"))
    page.submit("Save", timezone="Asia/Tokyo", language="de")
    reader.refresh_from_db()
    assert (reader.timezone, reader.language) == ("Asia/Tokyo", "de")
    assert weekly(reader).next_digest_at == datetime(2026, 5, 3, 23, tzinfo=UTC)


def test_stopping_starting_and_deleting(client: Client, reader: Subscriber) -> None:
    page = pages(client, reader).submit("Stop every Monday at 08:00")
    assert states(reader) == ("active", ["active", "stopped"])
    assert weekly(reader).next_digest_at is None
    assert "Stop every day at 08:00" not in page.text, "the last one stops all email"
    page = page.submit("Start again every Monday at 08:00")
    assert "Started. Its next digest comes on Monday, 4 May at 08:00." in page.text
    page = page.submit("Delete every Monday at 08:00")
    assert states(reader) == ("active", ["active"])
    assert "Delete every" not in page.text


def test_nobody_changes_the_subscription_of_another(
    client: Client, reader: Subscriber, make_reader: MakeReader
) -> None:
    stranger = tokens.make_token(Purpose.PREFERENCES, make_reader("b@example.org").pk)
    pk = weekly(reader).pk
    assert client.get(reverse("subscription", args=[pk, stranger])).status_code == 404
    for act in ("stop", "delete", "start"):
        answer = forge(client, reverse("subscription-act", args=[pk, stranger]), {"act": act})
        assert answer.status_code == 404
    assert states(reader) == ("active", ["active", "active"])


def test_the_last_one_is_stopped_only_by_unsubscribing(client: Client, reader: Subscriber) -> None:
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    scheduling.stop_subscription(reader.default_subscription.pk, datetime.now(UTC))
    for act in ("stop", "delete"):
        url = reverse("subscription-act", args=[weekly(reader).pk, token])
        answer = forge(client, url, {"act": act})
        assert answer["Location"] == reverse("leave", args=[token])
    assert states(reader) == ("active", ["stopped", "active"])


def test_at_most_ten(client: Client, reader: Subscriber) -> None:
    form = pages(client, reader, "subscription-new")
    for _number in range(8):
        add(reader)
    assert "You have 10 schedules, which is the maximum." in form.submit("Save").text
    assert reader.subscriptions.count() == 10
    assert "Add another schedule" not in pages(client, reader).text


# --- Deleting -------------------------------------------------------------------------------
def test_deleting_leaves_no_gap_and_keeps_the_digests(
    reader: Subscriber, make_digest: MakeDigest, now: datetime
) -> None:
    row, third = weekly(reader), add(reader, name="third")
    sent = make_digest(reader, subscription=row, day=date(2026, 4, 1))
    waiting = make_digest(reader, subscription=row, status="pending")
    assert subscriptions.delete_subscription(row.pk)
    assert subscriptions.delete_subscription(row.pk), "safe to repeat"
    third.refresh_from_db()
    assert third.position == 1
    for digest, status in ((sent, "sent"), (waiting, "skipped")):
        digest.refresh_from_db()
        assert (digest.subscription, digest.status) == (None, status)


def test_the_default_one_cannot_be_deleted(reader: Subscriber) -> None:
    assert not subscriptions.delete_subscription(reader.default_subscription.pk)
    assert reader.subscriptions.count() == 2


def test_erasing_a_reader_deletes_digests_of_deleted_subscriptions(
    reader: Subscriber, make_digest: MakeDigest
) -> None:
    make_digest(reader, subscription=weekly(reader))
    subscriptions.delete_subscription(weekly(reader).pk)
    reader.delete()
    assert not Digest.objects.exists()
    assert not Subscription.objects.exists()


# --- Links for unsubscribing ----------------------------------------------------------------
def test_the_link_of_a_digest_stops_its_subscription(client: Client, reader: Subscriber) -> None:
    page = Page.open(client, unsubscribe_url(reader, weekly(reader).pk))
    assert "your digest “every Monday at 08:00”" in page.text
    assert reader.email not in page.html
    stopped = page.submit("Stop this digest")
    assert states(reader) == ("active", ["active", "stopped"])
    assert "your digest “every Monday at 08:00” any more" in stopped.text
    assert not Message.objects.exists(), "goodbye only when all email stops"
    assert "You're subscribed" in stopped.submit("Undo").text
    assert states(reader) == ("active", ["active", "active"])
    assert weekly(reader).next_digest_at


def test_all_email_can_be_stopped_beside_it(client: Client, reader: Subscriber) -> None:
    page = Page.open(client, unsubscribe_url(reader, weekly(reader).pk)).submit("Stop all email")
    assert "You're unsubscribed" in page.text
    assert states(reader)[0] == "unsubscribed"
    assert Message.objects.get().kind == "goodbye"
    assert not Subscription.objects.exclude(next_digest_at=None).exists()
    page.submit("Undo")
    assert states(reader) == ("active", ["active", "active"])
    assert Subscription.objects.exclude(next_digest_at=None).count() == 2


def test_all_email_can_be_stopped_after_one(client: Client, reader: Subscriber) -> None:
    url = unsubscribe_url(reader, weekly(reader).pk)
    Page.open(client, url).submit("Stop this digest")
    page = Page.open(client, url)
    assert "This digest is stopped" in page.text
    page.submit("Stop all email").submit("Undo")
    assert states(reader) == ("active", ["active", "stopped"]), "as it was before"


def test_stopping_the_last_one_stops_all_email(client: Client, reader: Subscriber) -> None:
    scheduling.stop_subscription(weekly(reader).pk, datetime.now(UTC))
    page = Page.open(client, unsubscribe_url(reader, reader.default_subscription.pk))
    assert "Stop this digest" not in page.text
    assert "You're unsubscribed" in page.submit("Unsubscribe").text
    assert states(reader)[0] == "unsubscribed"


def test_an_old_link_without_subscription_stops_all(client: Client, reader: Subscriber) -> None:
    page = Page.open(client, unsubscribe_url(reader))
    assert "You'll stop getting all digests immediately." in page.text
    assert "You're unsubscribed" in page.submit("Unsubscribe").text
    assert states(reader)[0] == "unsubscribed"


@pytest.mark.parametrize("named", [True, False])
def test_one_click_stops_what_the_link_names(reader: Subscriber, named: bool) -> None:
    link = unsubscribe_url(reader, weekly(reader).pk if named else None)
    for _ in range(2):
        answer = forge(Client(enforce_csrf_checks=True), link, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    expected = ["active", "stopped"] if named else ["active", "active"]
    assert states(reader) == ("active" if named else "unsubscribed", expected)
    assert not Message.objects.exists()


@pytest.mark.parametrize("named", [True, False])
def test_an_email_stops_what_its_subject_names(reader: Subscriber, named: bool) -> None:
    key = tokens.unsubscribe_key(reader.pk, weekly(reader).pk if named else None)
    subject = f"unsubscribe {tokens.make_token(Purpose.UNSUBSCRIBE, key)}"
    assert returned_mail.unsubscribe_by_subject(subject, datetime.now(UTC))
    expected = ["active", "stopped"] if named else ["active", "active"]
    assert states(reader) == ("active" if named else "unsubscribed", expected)


def test_the_link_of_a_deleted_subscription_offers_to_stop_all(
    client: Client, reader: Subscriber
) -> None:
    link = unsubscribe_url(reader, weekly(reader).pk)
    subscriptions.delete_subscription(weekly(reader).pk)
    assert forge(client, link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert states(reader)[0] == "active"
    less = f"{link}less/"
    forged = {"act": "less", "frequency": "weekly"}
    assert "Nothing was changed" in forge(client, less, forged, follow=True).text
    assert reader.default_subscription.frequency == "daily", "not the one of the link"
    page = Page.open(client, link)
    assert "your other schedules do" in page.text
    assert "You're unsubscribed" in page.submit("Stop all email").text
    assert states(reader)[0] == "unsubscribed"


def test_undo_comes_too_late_after_an_hour(client: Client, reader: Subscriber, frozen: Any) -> None:
    page = Page.open(client, unsubscribe_url(reader, weekly(reader).pk)).submit("Stop this digest")
    frozen.shift(timedelta(minutes=61))
    late = page.submit("Undo")
    assert "That's no longer possible" in late.text
    assert "Undo" not in late.text
    assert states(reader) == ("active", ["active", "stopped"])


def test_the_pages_of_an_erased_reader_and_of_no_subscription_are_the_same(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    links = [unsubscribe_url(reader, pk) for pk in (None, 1, reader.default_subscription.pk)]
    reader.delete()
    shown = {Page.open(client, link).text for link in links}
    done = {Page.open(client, link).submit("Unsubscribe").text for link in links}
    assert (len(shown), len(done)) == (1, 1)


def test_fewer_emails_act_on_the_subscription_of_the_link(
    client: Client, reader: Subscriber
) -> None:
    link = unsubscribe_url(reader, weekly(reader).pk)
    Page.open(client, link).submit("Once a month")
    assert (weekly(reader).frequency, reader.default_subscription.frequency) == ("monthly", "daily")
    Page.open(client, link).submit("Two weeks")
    assert weekly(reader).paused_until
    assert not reader.default_subscription.paused_until


def test_the_page_of_fewer_emails_lists_all(client: Client, reader: Subscriber) -> None:
    page = pages(client, reader, "rhythm")
    assert "Every day at 08:00" in page.text
    page.submit("Every second week")
    assert reader.default_subscription.frequency == "daily"
    assert weekly(reader).frequency == "fortnightly"
    assert weekly(reader).first_week == date(2026, 4, 30)
    page = pages(client, reader, "rhythm")
    page.submit("Monday to Friday")
    assert reader.default_subscription.frequency == "weekdays"
    pages(client, reader, "rhythm").submit("Mute", word="survey")
    reader.refresh_from_db()
    assert reader.muted_words == ["survey"]


# --- Coming back ----------------------------------------------------------------------------
def test_a_new_sign_up_continues_what_was_not_stopped(reader: Subscriber, now: datetime) -> None:
    scheduling.stop_subscription(reader.default_subscription.pk, now)
    lifecycle.unsubscribe_reader(reader.pk, now)
    reader.refresh_from_db()
    lifecycle.activate_reader(reader, now)
    assert states(reader) == ("active", ["stopped", "active"])
    assert weekly(reader).next_digest_at


def test_a_new_sign_up_starts_the_default_one_if_all_were_stopped(
    reader: Subscriber, now: datetime
) -> None:
    reader.subscriptions.update(state="stopped")
    lifecycle.unsubscribe_reader(reader.pk, now)
    reader.refresh_from_db()
    lifecycle.activate_reader(reader, now)
    assert states(reader) == ("active", ["active", "stopped"])
