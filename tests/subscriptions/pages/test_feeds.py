from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import feedparser
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from papers.ranking import scoring
from papers.searching import indexing
from papers.vectors import stored_lexicon
from subscriptions import tokens
from subscriptions.editions.topic_previews import PREVIEW_DAYS
from subscriptions.mail import emails, links
from subscriptions.models import Digest, Subscriber, Topic
from subscriptions.profiles.topics import add_topic
from subscriptions.tokens import Purpose
from tests.pages import Page
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(make_reader: Callable[..., Subscriber], edition: list[Paper], now: datetime) -> Digest:
    reader = make_reader()
    return Digest.objects.create(
        subscriber=reader,
        subscription=reader.default_subscription,
        day=now.date(),
        status=Digest.Status.SENT,
        subject="Long context & more",
        items=[
            {"paper": edition[0].pk, "section": "for_you", "reason": "<b>context</b>", "score": 1}
        ],
        paper_ids=[edition[0].pk],
        created_at=now,
        expires_at=now,
        next_attempt_at=now,
        sent_at=now,
    )


def address(reader_pk: int, kind: str = "atom", purpose: Purpose = Purpose.FEED) -> str:
    return reverse("feed-digests", args=[tokens.make_token(purpose, reader_pk), kind])


def test_a_readers_digests_are_a_feed(client: Client, sent: Digest) -> None:
    [entry] = feedparser.parse(client.get(address(sent.subscriber_id)).content).entries
    assert entry.title_detail.value == "Long context & more"
    assert entry.id == f"urn:uuid:{sent.public_id}"
    assert client.get(urlsplit(entry.link).path).status_code == 200
    [item] = client.get(address(sent.subscriber_id, "json")).json()["items"]
    assert "Long context language models</a>" in item["content_html"]
    assert "&lt;b&gt;context" in item["content_html"]


def test_it_changes_with_each_digest_only(client: Client, sent: Digest) -> None:
    first = client.get(address(sent.subscriber_id))
    seen = {"If-None-Match": first["ETag"]}
    assert client.get(address(sent.subscriber_id), headers=seen).status_code == 304
    assert "private" in first["Cache-Control"]


def test_nobody_elses_token_opens_it(client: Client, sent: Digest) -> None:
    good = address(sent.subscriber_id)
    assert client.get(good.replace(".atom", "x.atom")).status_code == 404
    for purpose in set(Purpose) - {Purpose.FEED}:
        assert client.get(address(sent.subscriber_id, purpose=purpose)).status_code == 404


def test_a_reader_gives_the_feed_another_address_and_the_old_one_is_gone(
    client: Client, sent: Digest
) -> None:
    reader, old = sent.subscriber, address(sent.subscriber_id)
    sign_in(client, reader)
    page = Page.open(client, reverse("preferences"))
    assert "/feeds/digests/" not in page.html
    assert client.get(reverse("feed-renew")).status_code == 405
    assert client.get(old).status_code == 200
    page = page.submit("Create a new feed address")
    assert "new address" in page.text
    assert client.get(old).status_code == 404
    inbox = page.submit("Email me the address").text
    assert "Check your inbox" in inbox
    mail = emails.preferences_link(reader)
    assert f"The subject is “{mail.subject}”" in inbox
    reader.refresh_from_db()
    [new] = re.findall(r"/feeds/digests/[^\"\s]+\.atom", str(emails.preferences_link(reader).text))
    assert client.get(new).status_code == 200
    page.submit("Create a new feed address")
    assert client.get(new).status_code == 404
    reader.delete()
    assert client.get(new).status_code == 404


def test_unsent_digests_are_not_in_it(client: Client, sent: Digest) -> None:
    Digest.objects.update(status=Digest.Status.PENDING)
    assert client.get(address(sent.subscriber_id, "json")).json()["items"] == []


def test_every_purpose_signs_on_its_own() -> None:
    assert len({purpose.signer.salt for purpose in Purpose.__members__.values()}) == len(
        Purpose.__members__
    )


@pytest.fixture
def papers(make_paper: Callable[..., Paper]) -> list[Paper]:
    """Store two papers on folding a day on three days, one that is too old, and one on bread."""
    now = timezone.now()
    made = [
        make_paper(
            f"Protein folding {age} {number}",
            listed_on=now.date() - timedelta(days=age),
            first_seen_at=now - timedelta(days=age),
        )
        for age in (13, 0, 3, PREVIEW_DAYS)
        for number in range(2)
    ]
    made.append(
        make_paper(
            "Bread of the bakers",
            abstract="Flour, salt and yeast.",
            listed_on=now.date(),
            first_seen_at=now,
        )
    )
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)
    indexing.index_changed(now)
    return made


@pytest.fixture
def folding(make_reader: Callable[..., Subscriber], papers: list[Paper]) -> Topic:
    """Store a ranked topic; its reader also has a strict one, on bread."""
    reader = make_reader(topic={"name": "Folding", "text": "protein folding"})
    add_topic(reader, {"name": "Baking", "query": "title:bread"})
    return reader.first_topic


def topic_feed(client: Client, topic: Topic, kind: str = "atom", **headers: str) -> Any:
    address = links.feed_url(topic.subscriber, topic.pk, kind)
    return client.get(urlsplit(address).path, headers=headers)


def test_a_topic_has_a_feed_of_its_papers_with_reasons_newest_first(
    client: Client, folding: Topic
) -> None:
    answer = topic_feed(client, folding)
    assert answer["X-Robots-Tag"] == "noindex"
    assert answer["Cache-Control"] == "private, max-age=900"
    feed = feedparser.parse(answer.content)
    assert feed.feed.title == "Folding · Paperboy"
    ages = [entry.title.split()[2] for entry in feed.entries]
    assert ages == ["0", "0", "3", "3", "13", "13"]
    assert all("protein folding" in entry.content[0].value for entry in feed.entries)
    for entry in feed.entries:
        assert entry.id == f"{entry.link}#topic-{folding.pk}"
        assert client.get(urlsplit(entry.link).path).status_code == 200
    items = topic_feed(client, folding, "json").json()["items"]
    assert [item["id"] for item in items] == [entry.id for entry in feed.entries]
    baking = folding.subscriber.topics.get(name="Baking")
    [item] = topic_feed(client, baking, "json").json()["items"]
    assert item["title"] == "Bread of the bakers"
    assert "<p>Matches your search “title:bread”</p>" in item["content_html"]


def test_the_feed_of_a_topic_is_in_the_language_of_its_reader(
    client: Client, folding: Topic
) -> None:
    Subscriber.objects.update(language="de")
    baking = folding.subscriber.topics.get(name="Baking")
    [item] = topic_feed(client, baking, "json", **{"Accept-Language": "fr"}).json()["items"]
    assert "Passt zu Ihrer Suche" in item["content_html"]


def test_the_feed_of_a_topic_answers_conditional_requests(client: Client, folding: Topic) -> None:
    # One address, since each new one has the time in its token.
    path = urlsplit(links.feed_url(folding.subscriber, folding.pk, "atom")).path
    seen = {"If-None-Match": client.get(path)["ETag"]}
    assert client.get(path, headers=seen).status_code == 304
    Topic.objects.filter(pk=folding.pk).update(max_papers=1)
    changed = client.get(path, headers=seen)
    assert len(feedparser.parse(changed.content).entries) == 3


def test_the_feed_of_a_topic_lacks_papers_that_the_reader_wants_less_of(
    client: Client, folding: Topic, papers: list[Paper]
) -> None:
    folding.reactions.create(
        subscriber=folding.subscriber, paper=papers[0], kind="less", created_at=timezone.now()
    )
    Topic.objects.filter(pk=folding.pk).update(query="title:folding")
    titles = {item["title"] for item in topic_feed(client, folding, "json").json()["items"]}
    assert titles == {paper.title for paper in papers[1:6]}


def test_a_topic_that_is_off_has_an_empty_feed(client: Client, folding: Topic) -> None:
    Topic.objects.update(active=False)
    assert topic_feed(client, folding, "json").json()["items"] == []


def test_a_deleted_or_foreign_topic_has_no_feed(
    client: Client, folding: Topic, make_reader: Callable[..., Subscriber]
) -> None:
    stranger = make_reader("stranger@example.org")
    foreign = links.feed_url(stranger, folding.pk)
    assert client.get(urlsplit(foreign).path).status_code == 404
    own = urlsplit(links.feed_url(folding.subscriber, folding.pk)).path
    assert client.get(own).status_code == 200
    assert client.get(own.replace("/topics/", "/digests/")).status_code == 404
    digests = urlsplit(links.feed_url(folding.subscriber)).path
    assert client.get(digests.replace("/digests/", "/topics/")).status_code == 404
    folding.delete()
    assert client.get(own).status_code == 404


def test_one_new_address_revokes_the_feeds_of_all_topics(client: Client, folding: Topic) -> None:
    reader = folding.subscriber
    mail = emails.preferences_link(reader)
    for text in (str(mail.text), str(mail.html)):
        assert "Folding" in text
        assert "Baking" in text
        addresses = re.findall(r"/feeds/topics/[^\"\s]+\.atom", text)
        assert [client.get(address).status_code for address in addresses] == [200, 200]
    sign_in(client, reader)
    page = Page.open(client, reverse("preferences")).submit("Create a new feed address")
    assert "/feeds/topics/" not in page.html
    assert {client.get(address).status_code for address in addresses} == {404}


def test_the_email_with_one_topic_lists_the_feed_of_digests_alone(
    make_reader: Callable[..., Subscriber],
) -> None:
    mail = emails.preferences_link(make_reader(topic={"text": "folding"}))
    assert "/feeds/digests/" in str(mail.text)
    assert "/feeds/topics/" not in f"{mail.text}{mail.html}"


def test_the_feed_of_a_topic_is_rate_limited(
    client: Client, folding: Topic, settings: Any, redis: None
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "api": (1, 1)}
    statuses = {topic_feed(client, folding).status_code for _ in range(4)}
    assert statuses == {200, 429}
