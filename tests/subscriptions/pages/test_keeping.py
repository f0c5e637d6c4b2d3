"""Keeping papers from emails and pages, and removing them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from papers.models import Paper
from papers.searching import indexing
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail
from subscriptions.models import LibraryEntry, Subscriber
from subscriptions.profiles.topics import add_topic
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


@pytest.fixture
def reader(make_reader: MakeReader, edition: list[Paper], now: datetime) -> Subscriber:
    indexing.index_changed(now)
    return make_reader(topic={"name": "Video", "text": "video generation"})


def mailed_link(reader: Subscriber, paper: Paper, now: datetime) -> str:
    """Return the path of the link in the reader's digest."""
    digest = digests.preview_digest(reader, now)
    digest.pk, digest.subscriber = 1, reader
    mail = str(digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids)).html)
    start = mail.index(f"/keep/{paper.pk}/")
    return mail[start : mail.index('"', start)]


def keep_button(paper: Paper, *, kept: bool = False) -> str:
    return f"★ Kept {paper.title}" if kept else f"☆ Keep {paper.title}"


def test_the_link_of_an_email_asks_before_it_keeps_and_can_undo(
    client: Client, reader: Subscriber, edition: list[Paper], now: datetime
) -> None:
    page = Page.open(client, mailed_link(reader, edition[0], now))
    assert "Keep this paper?" in page.text
    assert not LibraryEntry.objects.exists()
    page = page.submit("Keep it")
    assert "Kept in your library" in page.text
    assert "similar papers move up a little" in page.text
    assert LibraryEntry.objects.get().topic == reader.first_topic
    page = page.submit("Undo")
    assert "Removed from your library" in page.text
    assert not LibraryEntry.objects.exists()
    page.submit("Keep it")
    assert LibraryEntry.objects.get().paper == edition[0]


def test_the_page_names_the_topic_only_if_it_learns(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    add_topic(reader, {"name": "Agents", "text": "reasoning agents"})
    link = reverse("keep", args=[edition[1].pk, tokens.make_token(Purpose.REACT, reader.pk)])
    assert "a little in “Agents”" in Page.open(client, link).submit("Keep it").text
    Subscriber.objects.update(learns_from_kept=False)
    assert "move up" not in Page.open(client, link).text


def test_a_reader_with_several_topics_chooses_the_one_that_learns(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    agents = add_topic(reader, {"name": "Agents", "text": "reasoning agents"})
    strict = add_topic(reader, {"name": "Strict", "query": "title:video"})
    link = reverse("keep", args=[edition[1].pk, tokens.make_token(Purpose.REACT, reader.pk)])
    page = Page.open(client, link)
    assert page.fields("Keep it")["topic"] == f"{agents.pk}"  # the one that fits best
    page = page.submit("Keep it", topic=f"{reader.first_topic.pk}")
    assert "a little in “Video”" in page.text
    page = page.submit("Change the topic", topic=f"{agents.pk}")
    assert "Kept in your library" in page.text
    assert "a little in “Agents”" in page.text
    assert LibraryEntry.objects.get().topic == agents
    page = page.submit("Change the topic", topic=f"{strict.pk}")
    assert "“Strict” is a search" in page.text
    assert "move up" not in page.text
    page.submit("Remove it from your library")
    assert not LibraryEntry.objects.exists()


@pytest.mark.parametrize("where", ["home", "day", "paper", "search", "preview"])
def test_a_signed_in_reader_keeps_with_one_click_and_stays(
    client: Client, reader: Subscriber, edition: list[Paper], where: str
) -> None:
    paper = edition[0]
    address = {
        "home": "/",
        "day": reverse("day", args=[paper.day]),
        "paper": paper.get_absolute_url(),
        "search": f"{reverse('search')}?q=language",
        "preview": f"{reverse('preview')}?interests=language+models",
    }[where]
    sign_in(client, reader)
    page = Page.open(client, address).submit(keep_button(paper))
    assert page.url.partition("#")[0] == address
    assert 'aria-pressed="true"' in page.html
    assert LibraryEntry.objects.get().paper == paper
    page = page.submit(keep_button(paper, kept=True))
    assert page.fields(keep_button(paper))
    assert not LibraryEntry.objects.exists()


def test_htmx_gets_the_new_button_alone(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    sign_in(client, reader)
    page = Page.open(client, "/")
    page.headers = {"HTTP_HX_REQUEST": "true"}
    part = page.submit(keep_button(edition[0]))
    assert "<html" not in part.html
    assert part.tree.xpath("//button/@aria-pressed") == ["true"]
    assert f'id="keep-{edition[0].pk}"' in part.html  # htmx keeps the focus by the id
    part.headers = page.headers
    assert part.fields(keep_button(edition[0], kept=True))["next"] == f"/#votes-{edition[0].pk}"


def test_a_note_is_not_lost_by_a_tap(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    sign_in(client, reader)
    page = Page.open(client, "/").submit(keep_button(edition[0]))
    LibraryEntry.objects.update(note="Read section four first.")
    page.headers = {"HTTP_HX_REQUEST": "true"}
    warning = page.submit(keep_button(edition[0], kept=True)).response.headers["HX-Redirect"]
    page.headers = {}
    page = page.submit(keep_button(edition[0], kept=True))
    assert page.url == warning
    assert "deletes your note and tags" in page.text
    assert LibraryEntry.objects.get().note
    page = page.submit("Remove it from your library")
    assert page.url.partition("#")[0] == "/"
    assert not LibraryEntry.objects.exists()


def test_a_visitor_signs_in_and_comes_back(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    search = f"{reverse('search')}?q=language"
    page = Page.open(client, search)
    [link] = page.tree.xpath(f"//a[starts-with(@href, '/keep/{edition[0].pk}/')]/@href")
    page = Page.open(client, link)
    assert page.url.startswith(reverse("sign-in"))
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    back_to = page.fields("Email me the link")["next"]
    assert back_to == link
    address = reverse("sign-in", args=[token])
    page = Page.open(client, f"{address}?{urlsplit(page.url).query}").submit("Sign in")
    assert "Keep this paper?" in page.text
    page = page.submit("Keep it")
    assert page.url == search
    assert page.fields(keep_button(edition[0], kept=True))


def test_a_button_of_an_ended_session_leads_to_the_sign_in_page(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    sign_in(client, reader)
    page = Page.open(client, "/")
    reader.sign_ins.all().delete()
    page.headers = {"HTTP_HX_REQUEST": "true"}
    address = page.submit(keep_button(edition[0])).response.headers["HX-Redirect"]
    assert parse_qs(urlsplit(address).query) == {"next": [reverse("keep", args=[edition[0].pk])]}
    assert not LibraryEntry.objects.exists()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_no_other_site_is_returned_to(
    client: Client, reader: Subscriber, edition: list[Paper], target: str
) -> None:
    sign_in(client, reader)
    answer = forge(client, reverse("keep", args=[edition[0].pk]), {"next": target})
    assert answer.status_code == 200
    assert "evil" not in answer.text


def test_a_page_of_many_kept_papers_needs_as_many_queries_as_one(
    client: Client, reader: Subscriber, edition: list[Paper], django_assert_num_queries: Any
) -> None:
    sign_in(client, reader)
    page = Page.open(client, "/").submit(keep_button(edition[0]))
    with CaptureQueriesContext(connection) as one:
        client.get("/")
    number = len(one)  # before the next request clears the log
    for paper in edition[1:]:
        page = page.submit(keep_button(paper))
    with django_assert_num_queries(number):
        client.get("/")
