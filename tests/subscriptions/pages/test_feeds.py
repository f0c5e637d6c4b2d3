from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import feedparser
import pytest
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from subscriptions import tokens
from subscriptions.mail import emails
from subscriptions.models import Digest, Subscriber
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
    assert "Check your inbox" in page.submit("Email me the address").text
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
