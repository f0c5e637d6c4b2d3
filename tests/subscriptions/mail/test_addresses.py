"""Which addresses are one mailbox, and how an unusual one is accepted and written to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from email_validator import EmailNotValidError

from subscriptions.feedback.normalize import Event
from subscriptions.feedback.record import record_events
from subscriptions.mail.addresses import (
    email_key,
    normalize_address,
    quote_local_part,
    wire_address,
)
from subscriptions.models import DeliveryEvent, Subscriber
from tests.pages import Page
from tests.subscriptions.conftest import MakeDigest, MakeReader


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@faß.de", "ann@fass.de"),
        ("ann@βόλος.com", "ann@βόλοσ.com"),
        ("straße@example.org", "strasse@example.org"),
        ("a..b@docomo.ne.jp", "a.b@docomo.ne.jp"),
        ("a.@docomo.ne.jp", "a@docomo.ne.jp"),
    ],
)
def test_two_mailboxes_are_not_one(one: str, other: str) -> None:
    assert email_key(one) != email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann@Example.ORG ", "ann@example.org"),
        ("ann@faß.de", "ann@xn--fa-hia.de"),
        ("ann@FAẞ.de", "ann@faß.de"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ('"a..b"@docomo.ne.jp', "a..b@docomo.ne.jp"),
        ("MÜLLER@example.org", "müller@example.org"),
    ],
)
def test_one_mailbox_is_one_however_it_is_written(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)
    assert email_key(email_key(one)) == email_key(one)


@pytest.mark.parametrize("strange", ["", "@", "no address", "a@xn--", "a@xn--99999999.de", '"@"@'])
def test_what_is_no_address_has_a_key_all_the_same(strange: str) -> None:
    assert email_key(strange) == email_key(email_key(strange))


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ("a..b@docomo.ne.jp", '"a..b"@docomo.ne.jp'),
        ("a.@docomo.ne.jp", '"a."@docomo.ne.jp'),
        ("a...b.c..@DOCOMO.ne.jp", '"a...b.c.."@docomo.ne.jp'),
        ("a_-.@ezweb.ne.jp", '"a_-."@ezweb.ne.jp'),
        ('"a..b"@docomo.ne.jp', '"a..b"@docomo.ne.jp'),
        ("a.b@docomo.ne.jp", "a.b@docomo.ne.jp"),
        ("ann@faß.de", "ann@xn--fa-hia.de"),
        ("ann@fass.de", "ann@fass.de"),
    ],
)
def test_an_address_is_taken_as_its_owner_has_it_and_written_by_the_standard(
    typed: str, wire: str
) -> None:
    assert wire_address(normalize_address(typed)) == wire
    assert quote_local_part(quote_local_part(typed)) == quote_local_part(typed)


@pytest.mark.parametrize(
    "typed",
    [
        *("a..b@example.org", "a.@example.org", ".a@docomo.ne.jp", "..@docomo.ne.jp"),
        *("a..b c@docomo.ne.jp", "a..b@x.docomo.ne.jp", "a..\r\nb@docomo.ne.jp", "@docomo.ne.jp"),
    ],
)
def test_dots_are_taken_nowhere_else(typed: str) -> None:
    with pytest.raises(EmailNotValidError):
        normalize_address(typed)


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("address", ["a..b@docomo.ne.jp", "a.@docomo.ne.jp", "ann@faß.de"])
def test_readers_with_unusual_addresses_sign_up(client: Client, address: str) -> None:
    page = Page.open(client, reverse("home"))
    page.submit("Subscribe", email=address)
    assert Subscriber.objects.get().email == address


@pytest.mark.django_db
def test_an_event_finds_the_reader_of_its_own_domain_and_no_other(
    make_reader: MakeReader, make_digest: MakeDigest
) -> None:
    then = timezone.now() - timedelta(hours=1)
    mine, other = make_reader("ann@faß.de"), make_reader("ann@fass.de")
    make_digest(mine, claimed_at=then)
    make_digest(other, claimed_at=then)
    event = Event("k", "Postmark", DeliveryEvent.Kind.HARD_BOUNCE, timezone.now())
    record_events([replace(event, recipient="ann@xn--fa-hia.de")], then)
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.status, other.status) == ("suppressed", "active")
