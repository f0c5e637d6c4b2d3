"""A search becomes a part of a reader's profile: by one tap where the reader is signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from papers.models import Paper
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.models import Interests, Subscriber
from subscriptions.pages.forms import SearchForm
from subscriptions.profiles import saved_searches
from subscriptions.profiles.saved_searches import MAX_FOLLOWED, SavedSearch
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
SAID = {"topics": "long context memory", "categories": "cs.CL"}
SEARCH = SavedSearch("long context memory", ("cs.CL",))


@pytest.fixture
def reader(make_reader: MakeReader) -> Subscriber:
    return make_reader(interests={"topics": "video", "categories": ["cs.CV"]})


@pytest.fixture
def browser(client: Client, reader: Subscriber) -> Client:
    """In which the reader is signed in."""
    sign_in(client, reader)
    return client


def follow(browser: Client, said: dict[str, str]) -> Page:
    return Page.open(browser, f"{reverse('follow')}?{urlencode(said)}")


def kept() -> tuple[list[str], list[str]]:
    interests = Interests.objects.get()
    assert interests.topics == "video"
    return interests.words, interests.categories


def test_one_tap_where_the_reader_is_signed_in(browser: Client) -> None:
    page = follow(browser, SAID)
    assert "long context memory" in page.text
    assert kept() == ([], ["cs.CV"])  # looking changes nothing
    followed = page.submit("Follow this search")
    assert "You follow this search" in followed.text
    assert kept() == (["long context memory"], ["cs.CV", "cs.CL"])
    again = page.submit("Follow this search")
    assert kept() == (["long context memory"], ["cs.CV", "cs.CL"])
    assert "You follow this search" in again.text
    assert "no longer follow this search" in followed.submit("Take it back").text
    assert kept() == ([], ["cs.CV"])


def test_taking_back_leaves_what_was_there_before(browser: Client) -> None:
    followed = follow(browser, SAID | {"categories": "cs.CV"}).submit("Follow this search")
    followed.submit("Take it back")
    assert kept() == ([], ["cs.CV"])


def test_the_profile_lists_it_and_takes_it_out(browser: Client, reader: Subscriber) -> None:
    follow(browser, SAID).submit("Follow this search")
    page = Page.open(browser, reverse("profile"))
    assert "Phrases and searches you follow" in page.text
    page.submit("Remove long context memory")
    assert kept()[0] == []


def test_the_next_digest_looks_for_it(
    edition: list[Paper], make_reader: MakeReader, now: Any
) -> None:
    reader = make_reader()
    saved_searches.follow_search(reader.pk, SavedSearch("long context"))
    digest = digests.build_digest(reader.pk, now)
    assert digest
    assert any("long context" in item["reason"] for item in digest.items)


def test_an_unknown_browser_is_led_to_signing_up_with_it(
    client: Client, reader: Subscriber
) -> None:
    for answer in (client.get(reverse("follow"), SAID), forge(client, reverse("follow"), SAID)):
        assert answer["Location"] == "/subscribe/?topics=long+context+memory&categories=cs.CL"
    assert kept() == ([], ["cs.CV"])


@pytest.mark.parametrize("purpose", [one for one in Purpose if one != Purpose.BROWSER], ids=str)
def test_no_other_token_signs_a_browser_in(
    client: Client, reader: Subscriber, purpose: Purpose, settings: Any
) -> None:
    client.cookies[settings.SIGN_IN_COOKIE_NAME] = tokens.make_token(purpose, reader.pk)
    assert forge(client, reverse("follow"), SAID).status_code == 302
    assert kept() == ([], ["cs.CV"])


def test_a_reader_who_has_left_follows_nothing(browser: Client) -> None:
    page = follow(browser, SAID)
    Subscriber.objects.update(status="unsubscribed")
    assert page.submit("Follow this search").url.startswith(reverse("subscribe"))
    assert kept() == ([], ["cs.CV"])


def test_another_site_cannot_press_it(browser: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert forge(strict, reverse("follow"), SAID).status_code == 403


def test_what_is_full_says_so(browser: Client, reader: Subscriber) -> None:
    Interests.objects.update(words=[f"word {number}" for number in range(MAX_FOLLOWED)])
    page = follow(browser, SAID).submit("Follow this search")
    assert page.status == 400
    assert "Remove one first" in page.text
    assert len(kept()[0]) == MAX_FOLLOWED
    with pytest.raises(ValidationError):
        saved_searches.follow_search(reader.pk, SEARCH)


def test_a_search_is_one_entry_of_a_list() -> None:
    read = SearchForm.parse(
        {"topics": " long,  context;\nmemory ", "categories": "cs.CL, nonsense"}
    )
    assert read == SavedSearch("long context memory")
    assert SearchForm.parse({"topics": "word " * 100}).words == ("word " * 40).strip()
    assert not SearchForm.parse({"topics": "a\0b"})


def test_searching_leads_there(client: Client) -> None:
    assert client.get(reverse("follow"))["Location"] == reverse("search")
