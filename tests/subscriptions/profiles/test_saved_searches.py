"""A search becomes a topic of a reader, by one tap where the reader is signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from papers.models import Paper
from papers.ranking import scoring
from papers.searching import indexing
from papers.vectors import stored_lexicon
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.models import Subscriber, Topic
from subscriptions.pages.forms.visitors import SearchForm
from subscriptions.profiles import saved_searches
from subscriptions.profiles.saved_searches import SavedSearch
from subscriptions.profiles.topics import MAX_TOPICS
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
SAID = {"q": "long context memory"}
SEARCH = SavedSearch("long context memory")


@pytest.fixture
def reader(make_reader: MakeReader) -> Subscriber:
    return make_reader(topic={"text": "video", "categories": ["cs.CV"]})


@pytest.fixture
def browser(client: Client, reader: Subscriber) -> Client:
    """In which the reader is signed in."""
    sign_in(client, reader)
    return client


def follow(browser: Client, said: dict[str, str]) -> Page:
    return Page.open(browser, f"{reverse('follow')}?{urlencode(said)}")


def topics() -> list[tuple[str, list[str]]]:
    """Return the text and the categories of each topic."""
    rows = Topic.objects.order_by("position")
    return [(topic.text, topic.categories) for topic in rows]


OWN = ("video", ["cs.CV"])
FOLLOWED = ("long context memory", [])


def test_one_tap_where_the_reader_is_signed_in(browser: Client) -> None:
    page = follow(browser, SAID)
    assert "long context memory" in page.text
    assert topics() == [OWN]  # looking changes nothing
    followed = page.submit("Follow this search")
    assert "You follow this search" in followed.text
    assert topics() == [OWN, FOLLOWED]
    again = page.submit("Follow this search")
    assert topics() == [OWN, FOLLOWED]
    assert "You follow this search" in again.text
    assert "no longer follow this search" in followed.submit("Take it back").text
    assert topics() == [OWN]


def test_the_search_fills_the_only_topic_if_it_is_blank(
    client: Client, make_reader: MakeReader
) -> None:
    sign_in(client, make_reader())
    followed = follow(client, SAID).submit("Follow this search")
    assert topics() == [FOLLOWED]
    followed.submit("Take it back")
    assert topics() == [("", [])]


def test_the_next_digest_looks_for_it(
    edition: list[Paper], make_reader: MakeReader, now: Any
) -> None:
    reader = make_reader()
    saved_searches.follow_search(reader, SavedSearch("long context"))
    digest = digests.build_digest(reader.pk, now)
    assert digest
    assert any("long context" in item["reason"] for item in digest.items)


def test_an_unknown_browser_is_led_to_signing_up_with_it(
    client: Client, reader: Subscriber
) -> None:
    for answer in (client.get(reverse("follow"), SAID), forge(client, reverse("follow"), SAID)):
        assert answer["Location"] == "/subscribe/?text=long+context+memory"
    assert topics() == [OWN]


@pytest.mark.parametrize("purpose", [one for one in Purpose if one != Purpose.BROWSER], ids=str)
def test_no_other_token_signs_a_browser_in(
    client: Client, reader: Subscriber, purpose: Purpose, settings: Any
) -> None:
    client.cookies[settings.SIGN_IN_COOKIE_NAME] = tokens.make_token(purpose, reader.pk)
    assert forge(client, reverse("follow"), SAID).status_code == 302
    assert topics() == [OWN]


def test_a_reader_who_has_left_follows_nothing(browser: Client) -> None:
    page = follow(browser, SAID)
    Subscriber.objects.update(status="unsubscribed")
    assert page.submit("Follow this search").url.startswith(reverse("subscribe"))
    assert topics() == [OWN]


def test_another_site_cannot_press_it(browser: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert forge(strict, reverse("follow"), SAID).status_code == 403


def test_a_reader_with_too_many_topics_is_told_so(browser: Client, reader: Subscriber) -> None:
    Topic.objects.bulk_create(
        Topic(subscriber=reader, position=number, text=f"topic {number}")
        for number in range(1, MAX_TOPICS)
    )
    page = follow(browser, SAID).submit("Follow this search")
    assert page.status == 400
    assert "Delete one first" in page.text
    assert len(topics()) == MAX_TOPICS
    with pytest.raises(ValidationError):
        saved_searches.follow_search(reader, SEARCH)


def test_plain_words_are_ranked_and_anything_else_is_strict() -> None:
    assert SearchForm.parse({"q": " long  context "}) == SavedSearch("long context")
    strict = SearchForm.parse({"q": 'title:agents OR "long context" -survey'})
    assert not strict.text
    assert strict.query == 'title:agents OR "long context" -survey'
    assert not SearchForm.parse({"q": "a\0b"})
    assert not SearchForm.parse({"q": "-survey"})


def test_following_loses_no_part_of_a_search(browser: Client, reader: Subscriber) -> None:
    typed = "title:agents author:Example subject:cs.CL since:2026-04-01"
    page = follow(browser, {"q": typed})
    assert "You follow this search" in page.submit("Follow this search").text
    assert reader.topics.get(position=1).query == typed


def test_searching_leads_there(client: Client) -> None:
    assert client.get(reverse("follow"))["Location"] == reverse("search")


def test_the_page_says_how_many_papers_the_search_would_have_brought(
    browser: Client, make_paper: Callable[..., Paper]
) -> None:
    now = timezone.now()
    for number in range(3):
        make_paper(f"Protein folding {number}", listed_on=now.date(), first_seen_at=now)
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)
    indexing.index_changed(now)
    for typed, answer in (
        ("protein folding", "brought 3 papers."),
        ("title:1 folding", "brought 1 paper."),
        ("title:bread", "brought no paper."),
    ):
        page = follow(browser, {"q": typed})
        assert f"In the last 14 days it would have {answer}" in page.text
        assert "would have brought" not in page.submit("Follow this search").text


def test_the_search_page_offers_to_save_the_search(browser: Client, edition: list[Paper]) -> None:
    indexing.index_changed(timezone.now())
    page = Page.open(browser, f"{reverse('search')}?q=long+context")
    [link] = page.tree.xpath("//a[normalize-space()='Save this search']/@href")
    assert "makes the search one of your topics" in Page.open(browser, link).text
    visitor = Page.open(Client(), f"{reverse('search')}?q=long+context")
    assert "Email me papers like these" in visitor.text
