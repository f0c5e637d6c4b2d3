"""The unread section of digests: kept papers that a reader has not read yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from email.message import EmailMessage

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from papers.models import Paper
from subscriptions import tokens
from subscriptions.delivery import mailing_run
from subscriptions.editions import composing, digests, previews, recovery, todays_digest
from subscriptions.library.keeping import keep_paper
from subscriptions.library.unread import next_in_turn
from subscriptions.mail import cards, digest_mail
from subscriptions.models import Digest, LibraryEntry, Subscriber, Subscription
from subscriptions.pages.feeds import digests_for_token
from subscriptions.tokens import Purpose
from tests.conftest import NOW
from tests.pages import Page
from tests.signing_in import sign_in
from tests.subscriptions.conftest import MakeReader, Sink

pytestmark = pytest.mark.django_db
THURSDAY, FRIDAY, SATURDAY = 3, 4, 5  # NOW is a Thursday
Keep = Callable[..., list[LibraryEntry]]
LINK = re.compile(r"https?://[^\s\"'<>)]+")


@pytest.fixture
def keep(make_paper: Callable[..., Paper]) -> Keep:
    """Return a function that keeps so many old papers for a reader, and one from elsewhere."""

    def make(reader: Subscriber, count: int) -> list[LibraryEntry]:
        old = {"listed_on": NOW.date() - timedelta(days=90), "authors": ["Bo <Example>"]}
        entries = [
            keep_paper(reader, make_paper(f"Kept {number} & <b>old</b>", **old), NOW)
            for number in range(count)
        ]
        outside = LibraryEntry(
            subscriber=reader, identity="title:x", title="From elsewhere", authors=["Ann Other"]
        )
        outside.doi, outside.url, outside.kept_at = "10.1000/1", "javascript:alert(1)", NOW
        outside.save()
        return [*entries, outside]

    return make


def build(reader: Subscriber, now: datetime = NOW) -> Digest:
    """Build the reader's digest of this moment, as if due, and return it."""
    reader.subscriptions.update(next_digest_at=now)
    digests.build_due_digests([reader.pk], now)
    return reader.digests.select_related("subscriber", "subscription").earliest("-day", "-pk")


def entry_keys(digest: Digest) -> list[int]:
    return [item["entry"] for item in digest.unread_items]


def test_papers_take_turns_and_are_no_new_papers_of_the_digest(
    edition: list[Paper], make_reader: MakeReader, keep: Keep
) -> None:
    reader = make_reader(topic={"text": "language models"}, unread_weekday=THURSDAY)
    without = build(make_reader("b@e.org", topic={"text": "language models"}))
    pks = [entry.pk for entry in keep(reader, 7)]
    LibraryEntry.objects.filter(pk=pks[0]).update(read_at=NOW)
    Paper.objects.filter(kept=pks[1]).update(hidden=True)
    Paper.objects.filter(kept=pks[2]).update(withdrawn=True)
    unread = pks[3:]
    first = build(reader)
    assert entry_keys(first) == unread
    assert [item["title"] for item in first.new_items] == [one["title"] for one in without.items]
    assert (first.subject, first.paper_ids) == (without.subject, without.paper_ids)
    more = [entry.pk for entry in keep_more(reader, 3)]
    Digest.objects.update(status=Digest.Status.SENT)
    assert build(reader, NOW + timedelta(days=1)).unread_items == [], "not on Fridays"
    second = build(reader, NOW + timedelta(days=7))
    assert entry_keys(second) == [*more, *unread[:2]]


def keep_more(reader: Subscriber, count: int) -> list[LibraryEntry]:
    return [
        LibraryEntry.objects.create(subscriber=reader, identity=f"x{n}", title="X", kept_at=NOW)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("entries", "last", "turn"),
    [
        ([], 3, []),
        ([1, 2], 0, [1, 2]),
        ([1, 2, 3, 4, 5, 6], 2, [3, 4, 5, 6, 1]),
        ([1, 2, 5, 6, 7, 8, 9], 4, [5, 6, 7, 8, 9]),
        ([1, 2, 3, 4, 5, 6], 9, [1, 2, 3, 4, 5]),
    ],
)
def test_the_next_in_turn_follow_the_last_one(
    entries: Sequence[int], last: int, turn: list[int]
) -> None:
    assert next_in_turn(entries, last) == turn


def test_a_day_with_nothing_new_brings_only_the_section(
    make_reader: MakeReader, keep: Keep
) -> None:
    reader = make_reader(unread_weekday=THURSDAY)
    entries = keep(reader, 2)
    digest = build(reader)
    assert (digest.status, digest.new_items, digest.paper_ids) == (Digest.Status.PENDING, [], [])
    assert digest.subject == "3 papers you kept and haven't read yet"
    assert digest.notices == ["Nothing new for you this time."]
    assert entry_keys(digest) == [entry.pk for entry in entries]
    reader.library.update(read_at=NOW)
    tomorrow = build(reader, NOW + timedelta(days=7))
    assert (tomorrow.status, tomorrow.reason) == ("skipped", composing.NO_NEW_PAPERS)


@pytest.mark.parametrize(
    ("frequency", "chosen", "days"),
    [
        ("daily", None, []),
        ("daily", SATURDAY, [SATURDAY]),
        ("weekdays", SATURDAY, [FRIDAY]),
        ("weekdays", THURSDAY, [THURSDAY]),
        ("weekly", SATURDAY, list(range(7))),
        ("fortnightly", 0, list(range(7))),
        ("monthly", None, []),
    ],
)
def test_the_day_of_the_section(frequency: str, chosen: int | None, days: list[int]) -> None:
    subscription = Subscription(frequency=frequency, unread_weekday=chosen)
    week = [date(2026, 5, 4) + timedelta(days=number) for number in range(7)]  # from a Monday
    assert [day.weekday() for day in week if subscription.has_unread_section(day)] == days


def test_many_readers_need_no_more_queries_than_one(
    edition: list[Paper], make_reader: MakeReader
) -> None:
    readers = [make_reader(f"{n}@e.org", unread_weekday=THURSDAY) for n in range(4)]
    for reader in readers:
        keep_more(reader, 2)
    with CaptureQueriesContext(connection) as one:
        digests.build_due_digests([readers[0].pk], NOW)
    with CaptureQueriesContext(connection) as three:
        digests.build_due_digests([reader.pk for reader in readers[1:]], NOW)
    assert len(three) <= len(one)
    assert all(len(reader.digests.get().unread_items) == 2 for reader in readers)


def parts(message: EmailMessage) -> tuple[str, str]:
    text, html = message.iter_parts()
    return text.get_content(), html.get_content()


@pytest.mark.usefixtures("redis")
def test_an_email_with_the_section_marks_a_paper_as_read_by_a_button(
    make_reader: MakeReader, keep: Keep, smtp: Sink, client: Client
) -> None:
    reader = make_reader(language="de", frequency="fortnightly", unread_weekday=0)
    first, hidden, outside = keep(reader, 2)
    digest = build(reader)
    Paper.objects.filter(kept=hidden).update(hidden=True)
    assert mailing_run.deliver_digests([digest.pk], lambda: NOW).tally == {"sent": 1}
    [message] = smtp.accepted
    assert message["Subject"] == "3 Paper, die Sie sich gemerkt und noch nicht gelesen haben"
    text, html = parts(message)
    assert set(LINK.findall(text)) == set(LINK.findall(html.replace("&amp;", "&")))
    assert "IHRE UNGELESENEN PAPER" in text
    assert "Ihre ungelesenen Paper</h2>" in html.replace("\n", "")
    assert "Kept 0 &amp; &lt;b&gt;old" in html
    for part in (text, html):
        assert "Ann Other" in part
        assert "https://doi.org/10.1000/1" in part
        assert "Kept 1" not in part
        assert "javascript" not in part
    [link] = [url for url in LINK.findall(text) if f"/library/read/{first.pk}/" in url]
    page = Page.open(client, link, HTTP_ACCEPT_LANGUAGE="de")
    assert reader.library.unread().count() == 3, "opening the page changes nothing"
    page = page.submit("Als gelesen markieren")
    assert list(reader.library.unread()) == [outside, hidden]
    page.submit("Als ungelesen markieren")
    assert reader.library.unread().count() == 3
    first.delete()
    assert (
        "Nicht in Ihrer Bibliothek" in Page.open(client, link, 404, HTTP_ACCEPT_LANGUAGE="de").text
    )


@pytest.mark.usefixtures("redis")
def test_only_the_reader_sees_the_section(
    edition: list[Paper], make_reader: MakeReader, keep: Keep, client: Client
) -> None:
    reader = make_reader(unread_weekday=THURSDAY)
    keep(reader, 1)
    digest = build(reader)
    shared = reverse("digest", args=[tokens.make_token(Purpose.DIGEST, digest.public_id)])
    assert "From elsewhere" not in Page.open(client, shared).text
    assert "See them in your library" in Page.open(client, shared).text
    test = previews.preview_for(digest.day, reader.email, NOW).mail("curator@example.org")
    assert "From elsewhere" not in str(test.html)
    sign_in(client, reader)
    own = Page.open(client, reverse("past-digest", args=[digest.public_id])).text
    assert "From elsewhere" in own
    assert edition[0].title in own


def test_a_digest_of_only_the_section_names_its_papers_in_the_preview_text(
    make_reader: MakeReader, keep: Keep
) -> None:
    reader = make_reader(unread_weekday=THURSDAY)
    keep(reader, 1)
    digest = build(reader)
    mail = digest_mail.digest_message(digest, cards.visible_cards(digest.shown_papers))
    hidden = re.search(r"max-height:0;overflow:hidden\">(.*?)</div>", str(mail.html), re.DOTALL)
    assert hidden
    assert hidden[1].strip() == "Kept 0 &amp; &lt;b&gt;old&lt;/b&gt; · From elsewhere"
    assert "0 paper" not in str(mail.text)


@pytest.mark.usefixtures("redis")
def test_the_forms_offer_the_day(make_reader: MakeReader, client: Client) -> None:
    reader = make_reader()
    sign_in(client, reader)
    subscription = reader.default_subscription
    for url in (reverse("preferences"), reverse("subscription", args=[subscription.pk])):
        Page.open(client, url).submit("Save", unread_weekday="4")
        subscription.refresh_from_db()
        assert subscription.unread_weekday == FRIDAY
        page = Page.open(client, url)
        assert page.fields("Save")["unread_weekday"] == "4"
        page.submit("Save", unread_weekday="")
        subscription.refresh_from_db()
        assert subscription.unread_weekday is None


def test_a_digest_of_only_the_section_is_in_no_feed_and_can_be_sent_again(
    make_reader: MakeReader, keep: Keep
) -> None:
    reader = make_reader(unread_weekday=THURSDAY)
    keep(reader, 1)
    answer = todays_digest.request_digest(reader.default_subscription.pk, NOW)
    text = todays_digest.describe_answer(answer, reader.default_subscription)
    assert "A digest with your unread papers is on its way." in text
    Digest.objects.update(status=Digest.Status.FAILED)
    assert recovery.send_again(Digest.objects.all(), NOW) == [reader.digests.get().pk]
    Digest.objects.update(status=Digest.Status.SENT)
    token = tokens.make_token(Purpose.FEED, tokens.feed_key(reader.pk, 0))
    assert not digests_for_token(token).exists()
