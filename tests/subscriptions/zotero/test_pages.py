"""The Zotero page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from subscriptions import tokens
from subscriptions.library.keeping import keep_paper
from subscriptions.models import Subscriber, ZoteroAccount, ZoteroUpload
from subscriptions.tokens import Purpose
from subscriptions.zotero import examples, uploads
from tests.pages import Page, forge
from tests.signing_in import sign_in
from tests.subscriptions.conftest import MakeReader
from tests.subscriptions.zotero.conftest import IN, OUT, Clock
from tests.subscriptions.zotero.server import KEY, Fault, Zotero

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def today(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


def open_page(client: Client, reader: Subscriber) -> Page:
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    return Page.open(client, reverse("zotero", args=[token]))


def do_everything(account: ZoteroAccount, clock: Clock) -> None:
    """Run what beat and the workers would."""
    examples.refresh_account(account.pk, clock)
    uploads.upload_kept_papers(account.pk, clock, lambda: False)


def test_a_reader_connects_by_key_and_chooses_what_comes_and_goes(
    client: Client, reader: Subscriber, zotero: Zotero, papers: list[Paper], clock: Clock
) -> None:
    zotero.add_item("AAAA2222", "In Zotero", IN)
    keep_paper(reader, papers[0], clock())
    page = open_page(client, reader).submit(zotero_key_button(client, reader), key=KEY)
    assert "Connected with the Zotero account ada-reads." in page.text
    assert KEY not in page.html
    page = page.submit("Add examples", collection=IN)
    page = page.submit(save_button(page), collection=OUT)
    assert "not read yet" in page.text
    assert "0 papers sent, 1 waiting." in page.text
    do_everything(ZoteroAccount.objects.get(), clock)
    page = open_page(client, reader)
    assert "1 paper, read on 30 April 2026" in page.text
    assert "1 paper sent, 0 waiting." in page.text
    profile = Page.open(
        client, reverse("profile", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    )
    assert "1 paper from Zotero In Zotero" in profile.text
    page = page.submit("remove")
    assert "1 paper, read on" not in page.text


def zotero_key_button(client: Client, reader: Subscriber) -> object:
    page = open_page(client, reader)
    [button] = page.tree.xpath("//form[.//input[@name='key']]//button")
    return button


def save_button(page: Page) -> object:
    [button] = page.tree.xpath("//form[@class='oneline'][.//select]//button")
    return button


@pytest.mark.parametrize(
    ("key", "fault", "text"),
    [
        ("short", None, "This isn't an API key."),
        (KEY[::-1], None, "Zotero doesn't accept the key"),
        (KEY, Fault(500), "We couldn't reach Zotero."),
    ],
)
def test_a_key_that_cannot_be_used_is_explained_and_not_repeated(
    client: Client, reader: Subscriber, zotero: Zotero, key: str, fault: Fault | None, text: str
) -> None:
    zotero.faults += [fault] if fault else []
    page = open_page(client, reader).submit(zotero_key_button(client, reader), key=key)
    assert page.status == 400
    assert text in page.text
    assert key not in page.html
    assert not ZoteroAccount.objects.exists()


def test_a_key_without_write_access_says_so(
    client: Client, reader: Subscriber, zotero: Zotero
) -> None:
    zotero.access |= {"write": False, "notes": False}
    page = open_page(client, reader).submit(zotero_key_button(client, reader), key=KEY)
    assert "The key may only read." in page.text


def test_problems_are_shown_with_zoteros_words_and_can_be_tried_again(
    client: Client, account: ZoteroAccount, reader: Subscriber, zotero: Zotero,
    papers: list[Paper], clock: Clock,
) -> None:  # fmt: skip
    keep_paper(reader, papers[0], clock())
    failed = {"0": {"code": 413, "message": "Creator <b>name</b> too long"}}
    zotero.faults.append(Fault(method="POST", failed=failed))
    do_everything(account, clock)
    page = open_page(client, reader)
    assert "Not sent. Zotero refused it. Creator <b>name</b> too long" in page.text
    page = page.submit("Try again now")
    assert account.uploads.get().status == ZoteroUpload.Status.PENDING
    do_everything(account, clock)
    assert "Problems" not in open_page(client, reader).text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"revoked_at": datetime(2026, 4, 29).astimezone()}, "Connect again below"),
        ({"out_collection_gone": True}, "Choose another one; until then we send no papers."),
        ({"may_write_notes": False}, "Your notes are not sent"),
    ],
)
def test_the_page_says_what_stands_in_the_way(
    client: Client, account: ZoteroAccount, reader: Subscriber, fields: dict[str, object], text: str
) -> None:
    ZoteroAccount.objects.update(**fields)
    assert text in open_page(client, reader).text


def test_disconnecting_removes_everything_here(
    client: Client, account: ZoteroAccount, reader: Subscriber, zotero: Zotero
) -> None:
    page = open_page(client, reader).submit("Disconnect")
    assert "Disconnected." in page.text
    assert "Connect" in page.text
    assert not ZoteroAccount.objects.exists()
    assert KEY in zotero.keys, "the reader made this key"


def test_a_reader_connects_by_oauth_and_the_key_goes_when_they_disconnect(
    client: Client, reader: Subscriber, zotero: Zotero
) -> None:
    page = open_page(client, reader)
    assert zotero.url in page.response["Content-Security-Policy"]
    started = page.submit("Connect with Zotero", follow=False).response
    query = parse_qs(urlsplit(started["Location"]).query)
    assert started["Location"].startswith(f"{zotero.url}/oauth/authorize?")
    [token] = query["oauth_token"]
    back = f"?oauth_token={token}&oauth_verifier={zotero.verifiers[token]}"
    page = Page.open(client, reverse("zotero-callback") + back)
    assert not ZoteroAccount.objects.exists(), "nothing changes on GET"
    page = page.submit("Connect")
    assert "Connected with the Zotero account ada-reads." in page.text
    assert ZoteroAccount.objects.get().from_oauth
    page = page.submit("Disconnect", delete_key=True)
    assert "The key is deleted at Zotero too." in page.text
    assert zotero.keys == set()


def test_another_readers_browser_cannot_finish(
    client: Client, reader: Subscriber, make_reader: MakeReader, zotero: Zotero
) -> None:
    """An attacker sends a signed-in reader the address at which the attacker would finish."""
    attacker = make_reader(email="attacker@example.org")
    started = open_page(Client(), attacker).submit("Connect with Zotero", follow=False).response
    [token] = parse_qs(urlsplit(started["Location"]).query)["oauth_token"]
    sign_in(client, reader)
    back = f"?oauth_token={token}&oauth_verifier={zotero.verifiers[token]}"
    page = Page.open(client, reverse("zotero-callback") + back).submit("Connect")
    assert "Please start again here" in page.text
    assert not ZoteroAccount.objects.exists()


def test_refusing_on_zoteros_page_leads_back(
    client: Client, reader: Subscriber, zotero: Zotero
) -> None:
    sign_in(client, reader)
    page = Page.open(client, reverse("zotero-callback"))
    assert "You didn't agree on Zotero's page" in page.text


def test_without_a_client_key_only_the_form_for_a_key_is_shown(
    client: Client, reader: Subscriber, zotero: Zotero, settings: Any
) -> None:
    settings.ZOTERO_CLIENT_KEY = settings.ZOTERO_CLIENT_SECRET = ""
    page = open_page(client, reader)
    assert "Connect with Zotero" not in page.text
    assert zotero.url not in page.response["Content-Security-Policy"]
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    assert forge(client, reverse("zotero-oauth", args=[token])).status_code == 302
    assert zotero.requests == []


def test_a_collection_or_topic_of_somebody_else_is_refused(
    client: Client, account: ZoteroAccount, reader: Subscriber, make_reader: MakeReader
) -> None:
    other = make_reader(email="other@example.org").first_topic.pk
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    own = reader.first_topic.pk
    for data in ({"collection": IN, "topic": other}, {"collection": "ZZZZZZZZ", "topic": own}, {}):
        response = forge(client, reverse("zotero-examples", args=[token]), data)
        assert response.status_code == 400
    assert (
        forge(client, reverse("zotero-kept", args=[token]), {"collection": "X"}).status_code == 400
    )
    for act in ("", "remove", "x"):
        forge(client, reverse("zotero-act", args=[token]), {"act": act, "collection": "\0"})
    assert not account.chosen.exists()
