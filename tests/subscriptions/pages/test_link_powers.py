"""Which link opens which page, and that no page hands on more than the link that opened it. Case:
links that renewed themselves for ever. Promises 29 and 44."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import Max
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from subscriptions import tokens
from subscriptions.library.keeping import keep_paper
from subscriptions.models import Digest, SignIn, Subscriber
from subscriptions.readers import subscriptions
from subscriptions.tokens import SIGNED_IN_FOR, BadLink, Link, Purpose
from tests.pages import Page, forge
from tests.subscriptions.conftest import MakeDigest, MakeReader
from tests.web.test_rate_limit import PUBLIC_PATTERNS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PROFILE = {
    f"profile-{act}" for act in ("remove", "mute", "upload", "author", "kept", "opened", "reset")
}
OPENS = {
    Purpose.CONFIRM: {"confirm"},
    Purpose.DATA: {"data", "data-export", "data-erase", "sign-out-everywhere"},
    Purpose.PREFERENCES: {
        *("sign-in", "preferences", "feed-renew", "offer", "rhythm", "propose"),
        *("mail-link", "profile", "leave", "leave-undo", "past-digest", "subscriptions"),
        *("subscription", "subscription-new", "subscription-act"),
        *("topics", "topic", "topic-new", "topic-act", "topic-delete", "topic-split"),
        *("library", "library-entry", "library-act", "library-undo", "library-upload"),
        *("past-digest-export", "topic-export", "library-export"),
        *("zotero", "zotero-key", "zotero-oauth", "zotero-examples", "zotero-kept"),
        *("zotero-act", "zotero-disconnect"),
        *PROFILE,
    },
    Purpose.REACT: {"react", "keep", "vote", "report", "library-read"},
    Purpose.DIGEST: {"digest", "digest-export"},
    Purpose.BROWSER: set(),
    Purpose.UNSUBSCRIBE: {"unsubscribe", "unsubscribe-less", "unsubscribe-undo"},
    Purpose.FEED: {"feed-digests", "feed-topic"},
}
HANDED_ON = {Purpose.FEED: {Purpose.DIGEST}}  # a feed lists digests, and digests say their day
SIGNS_IN = {Purpose.CONFIRM, Purpose.PREFERENCES}
SHOWS_THE_ADDRESS = {Purpose.CONFIRM, Purpose.DATA, Purpose.PREFERENCES}
TOKEN = re.compile(r"[\w.-]+:[0-9A-Za-z]{4,8}:[\w-]{43}")
MADE = timedelta(hours=20)  # before it is used


@pytest.fixture
def reader(make_reader: MakeReader, now: datetime) -> Subscriber:
    return make_reader(
        topic={"text": "video", "words": ["agents"]},
        suggestion={"text": "robots"},
        consent_at=now - timedelta(days=3),
    )


@pytest.fixture
def digest(make_digest: MakeDigest, reader: Subscriber, edition: list[Paper], now: Any) -> Digest:
    """Sent a day ago, with a paper."""
    at = now - timedelta(days=1)
    items = [{"paper": edition[0].pk, "section": "for_you", "reason": "Because", "title": "x"}]
    given: dict[str, Any] = {"items": items, "paper_ids": [edition[0].pk], "sent_at": at}
    keep_paper(reader, edition[0], at)
    return make_digest(reader, day=at.date(), status=Digest.Status.SENT, created_at=at, **given)


def addresses(digest: Digest, token: str) -> dict[str, str]:
    """Every page of ours whose address holds a token, by name."""
    more = {
        "kind": "more",
        "paper_pk": digest.paper_ids[0],
        "public_id": digest.public_id,
        "ending": "bib",
        "pk": digest.subscription_id,
        "entry_pk": digest.subscriber.library.get().pk,
        "topic_pk": digest.subscriber.first_topic.pk,
    }
    found = {}
    for _path, pattern in PUBLIC_PATTERNS:
        names = set(pattern.pattern.converters)
        if "token" in names:
            given = {name: more[name] for name in names - {"token"}} | {"token": token}
            if pattern.name in OPENS[Purpose.FEED]:
                given["kind"] = "atom"
            if pattern.name == "feed-topic":
                given["token"] = for_topic(token, digest.subscriber)
            found[pattern.name] = reverse(pattern.name, kwargs=given)
    return found


def for_topic(token: str, reader: Subscriber) -> str:
    """The token for the feed of a topic, as old as that for the feed of digests."""
    link = read(token)
    if not link or link.purpose is not Purpose.FEED:
        return token
    key = tokens.feed_key(reader.pk, reader.feed_key_version, reader.first_topic.pk)
    return tokens.make_token(Purpose.FEED, key, link.made_at)


def token_for(purpose: Purpose, digest: Digest, at: datetime) -> str:
    reader = digest.subscriber
    special = {Purpose.DIGEST: digest.public_id, Purpose.FEED: f"{reader.pk}"}
    return tokens.make_token(purpose, special.get(purpose, reader.pk), at)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever a request changes is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def answers(url: str) -> Iterator[tuple[str, datetime | None]]:
    """What a page shows, what it answers to a POST, and what each of its buttons leads to; and
    until when a browser was signed in by it."""
    for method in ("get", "post"):
        with undone():
            answer = getattr(Client(), method)(url)
            yield f"{answer.text} {answer.get('Location', '')}", signed_in_until()
    answer = Client().get(url)
    if "html" not in answer["Content-Type"]:
        return
    buttons = Page(Client(), answer, url).tree.xpath("//main//button")
    for label in sorted({" ".join(one.text_content().split()) for one in buttons}):
        with undone():
            page = Page.open(Client(), url).submit(label)
            yield f"{page.html} {page.url}", signed_in_until()


def signed_in_until() -> datetime | None:
    return SignIn.objects.aggregate(last=Max("expires_at"))["last"]


def read(token: str) -> Link | None:
    for purpose in Purpose:
        try:
            return tokens.open_link(purpose, token)
        except BadLink:
            continue
    return None


def ends(link: Link) -> datetime:
    lifetime = link.purpose.lifetime
    return link.made_at + lifetime if lifetime else datetime.max.replace(tzinfo=link.made_at.tzinfo)


def is_open(answer: Any) -> bool:
    """Whether a page did its work; forms that nobody filled in are refused with 400, too."""
    return answer.status_code not in (404, 405) and "This link is broken" not in answer.text


@pytest.mark.parametrize("purpose", Purpose, ids=str)
@pytest.mark.promise(29)
def test_each_link_opens_its_pages_and_no_other(
    digest: Digest, purpose: Purpose, now: datetime
) -> None:
    opened = set()
    with time_machine.travel(now, tick=False):
        for name, url in addresses(digest, token_for(purpose, digest, now - MADE)).items():
            with undone():
                got, posted = Client().get(url), forge(Client(), url)
            if is_open(got) or is_open(posted):
                opened.add(name)
    assert opened == OPENS[purpose]


@pytest.mark.parametrize("purpose", Purpose, ids=str)
@pytest.mark.promise(44)
def test_no_page_passes_on_more_than_the_link_that_opened_it(
    digest: Digest, purpose: Purpose, now: datetime
) -> None:
    """Looked at: the pages, where they lead, and what each of their buttons leads to."""
    with time_machine.travel(now, tick=False):
        seen = tokens_passed_on(purpose, token_for(purpose, digest, now - MADE), digest)
    assert seen or purpose in {Purpose.DIGEST, Purpose.BROWSER, Purpose.CONFIRM}


@pytest.mark.parametrize("is_deleted", [False, True])
@pytest.mark.promise(44)
def test_the_unsubscribe_link_of_one_of_several_subscriptions_passes_on_no_more(
    digest: Digest, now: datetime, is_deleted: bool
) -> None:
    with time_machine.travel(now, tick=False):
        weekly = {"frequency": "weekly"}
        added = subscriptions.add_subscription(digest.subscriber, weekly, [], now)
        key = tokens.unsubscribe_key(digest.subscriber_id, added.pk)
        if is_deleted:
            subscriptions.delete_subscription(added.pk)
        token = tokens.make_token(Purpose.UNSUBSCRIBE, key, now - MADE)
        seen = tokens_passed_on(Purpose.UNSUBSCRIBE, token, digest)
    assert is_deleted or seen


def tokens_passed_on(purpose: Purpose, token: str, digest: Digest) -> int:
    """Check the tokens on all pages that a link opens, and return their number."""
    seen = 0
    mine = tokens.open_link(purpose, token)
    for name, url in addresses(digest, mine.token).items():
        if name not in OPENS[purpose]:
            continue
        for text, until in answers(url):
            assert purpose in SHOWS_THE_ADDRESS or digest.subscriber.email not in text, name
            for found in TOKEN.findall(text):
                handed = read(found)
                assert handed, "a page shows a token that nothing can read"
                assert handed.purpose in {purpose, *HANDED_ON.get(purpose, ())}, name
                assert handed.purpose != purpose or handed.made_at == mine.made_at, name
                assert ends(handed) <= ends(mine), name
                seen += 1
            if until:
                assert purpose in SIGNS_IN
                assert until == mine.made_at + SIGNED_IN_FOR
    return seen


def test_an_unsubscribe_link_of_years_ago_leaves_and_gets_less_and_that_is_all(
    client: Client, reader: Subscriber, now: datetime
) -> None:
    link = reverse(
        "unsubscribe",
        args=[tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk, now - timedelta(days=1200))],
    )
    page = Page.open(client, link)
    assert reader.email not in page.html
    page.submit("Once a week")
    reader.refresh_from_db()
    assert reader.default_subscription.frequency == "weekly"
    page = Page.open(client, link).submit("Two weeks")
    reader.refresh_from_db()
    assert reader.default_subscription.paused_until
    assert "Resume now" not in page.text
    less = reverse("unsubscribe-less", args=[link.split("/")[2]])
    for act in ({"act": "resume"}, {"act": "mute", "word": "agents"}):
        assert "Nothing was changed" in forge(client, less, act, follow=True).text
    reader.refresh_from_db()
    assert reader.default_subscription.paused_until
    assert not reader.muted_words
    assert not reader.first_topic.excluded_words
    assert "You're unsubscribed" in Page.open(client, link).submit("Unsubscribe").text


def test_a_data_link_opened_daily_dies_all_the_same(
    client: Client, reader: Subscriber, now: datetime
) -> None:
    with time_machine.travel(now, tick=False) as clock:
        link = reverse("data", args=[tokens.make_token(Purpose.DATA, reader.pk)])
        clock.shift(timedelta(hours=23))
        page = Page.open(client, link)
        assert page.submit("Download everything").status == 200
        clock.shift(timedelta(hours=2))
        gone = page.submit("Download everything")
        assert gone.status == client.get(link).status_code == 410
