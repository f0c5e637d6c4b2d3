"""A search becomes a part of a reader's profile: by one tap where the browser is known."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from subscriptions import digests, following, known, tokens
from subscriptions.following import MOST_FOLLOWED, Search
from subscriptions.forms import SearchForm
from subscriptions.models import Interests, Subscriber
from subscriptions.tokens import Purpose

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
SAID = {"topics": "long context memory", "categories": "cs.CL"}
SEARCH = Search("long context memory", ("cs.CL",))


@pytest.fixture
def reader(make_reader: MakeReader) -> Subscriber:
    return make_reader(interests={"topics": "video", "categories": ["cs.CV"]})


@pytest.fixture
def browser(client: Client, reader: Subscriber) -> Client:
    """In which the reader has saved their preferences."""
    page = reverse("preferences", args=[tokens.make(Purpose.PREFERENCES, reader.pk)])
    rhythm = {"frequency": "daily", "weekday": 0, "hour": 8, "timezone": "UTC", "max_papers": 5}
    client.post(page, {**rhythm, "topics": "video", "categories": "cs.CV"})
    return client


def kept() -> tuple[list[str], list[str]]:
    interests = Interests.objects.get()
    assert interests.topics == "video"
    return interests.words, interests.categories


def button(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found
    return found[1]


def test_one_tap_where_the_browser_knows_its_reader(browser: Client) -> None:
    page = browser.get(reverse("follow"), SAID).text
    assert "long context memory" in page
    assert "Follow this search" in page
    assert kept() == ([], ["cs.CV"])  # looking changes nothing
    followed = browser.post(reverse("follow"), SAID).text
    assert "You follow this search" in followed
    assert kept() == (["long context memory"], ["cs.CV", "cs.CL"])
    again = browser.post(reverse("follow"), SAID).text
    assert kept() == (["long context memory"], ["cs.CV", "cs.CL"])
    assert "You follow this search" in again
    back = {"added_words": button(followed, "added_words"), "back": button(followed, "back")}
    assert "taken back" in browser.post(reverse("follow"), SAID | back).text
    assert kept() == ([], ["cs.CV"])


def test_taking_back_leaves_what_was_there_before(browser: Client) -> None:
    followed = browser.post(reverse("follow"), SAID | {"categories": "cs.CV"}).text
    back = {"added_words": button(followed, "added_words"), "back": button(followed, "back")}
    assert back == {"added_words": "long context memory", "back": ""}
    browser.post(reverse("follow"), SAID | back)
    assert kept() == ([], ["cs.CV"])


def test_the_profile_lists_it_and_takes_it_out(browser: Client, reader: Subscriber) -> None:
    browser.post(reverse("follow"), SAID)
    token = tokens.make(Purpose.PREFERENCES, reader.pk)
    page = browser.get(reverse("profile", args=[token])).text
    assert "Phrases and searches you follow" in page
    assert 'name="kind" value="phrase"' in page
    remove = reverse("profile-remove", args=[token])
    browser.post(remove, {"kind": "phrase", "entry": "long context memory"})
    assert kept()[0] == []


def test_the_next_digest_looks_for_it(
    edition: list[Paper], make_reader: MakeReader, now: Any
) -> None:
    reader = make_reader()
    following.follow(reader.pk, Search("long context"))
    digest = digests.build_now(reader.pk, now)
    assert digest
    assert any("long context" in item["reason"] for item in digest.items)


def test_an_unknown_browser_is_led_to_signing_up_with_it(
    client: Client, reader: Subscriber
) -> None:
    for answer in (client.get(reverse("follow"), SAID), client.post(reverse("follow"), SAID)):
        assert answer["Location"] == "/subscribe/?topics=long+context+memory&categories=cs.CL"
    assert kept() == ([], ["cs.CV"])


@pytest.mark.parametrize("purpose", [one for one in Purpose if one != Purpose.BROWSER], ids=str)
def test_no_other_token_makes_a_browser_known(
    client: Client, reader: Subscriber, purpose: Purpose
) -> None:
    client.cookies[known.COOKIE] = tokens.make(purpose, reader.pk)
    assert client.post(reverse("follow"), SAID).status_code == 302
    assert kept() == ([], ["cs.CV"])


def test_the_cookie_opens_nothing_else_and_names_nobody(
    browser: Client, reader: Subscriber
) -> None:
    cookie = browser.cookies[known.COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    for name in ("preferences", "profile", "unsubscribe", "data"):
        assert browser.get(reverse(name, args=[cookie.value])).status_code == 400
    page = browser.post(reverse("follow"), SAID).text
    assert reader.email not in page
    assert not re.search(r"/(profile|preferences|data|unsubscribe)/[^/\"]+/", page)


def test_it_is_forgotten_on_a_press_and_when_the_reader_has_left(
    browser: Client, reader: Subscriber
) -> None:
    Subscriber.objects.update(status="unsubscribed")
    assert browser.post(reverse("follow"), SAID).status_code == 302
    Subscriber.objects.update(status="active")
    browser.post(reverse("follow"), SAID | {"forget": "1"})
    assert not browser.cookies[known.COOKIE].value
    assert kept() == ([], ["cs.CV"])


def test_another_site_cannot_press_it(reader: Subscriber) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies[known.COOKIE] = tokens.make(Purpose.BROWSER, reader.pk)
    assert strict.post(reverse("follow"), SAID).status_code == 403


def test_what_is_full_says_so(browser: Client, reader: Subscriber) -> None:
    Interests.objects.update(words=[f"word {number}" for number in range(MOST_FOLLOWED)])
    answer = browser.post(reverse("follow"), SAID)
    assert answer.status_code == 400
    assert "Remove one first" in answer.text
    assert len(kept()[0]) == MOST_FOLLOWED
    with pytest.raises(ValidationError):
        following.follow(reader.pk, SEARCH)


def test_a_search_is_one_entry_of_a_list() -> None:
    read = SearchForm.read({"topics": " long,  context;\nmemory ", "categories": "cs.CL, nonsense"})
    assert read == Search("long context memory")
    assert SearchForm.read({"topics": "word " * 100}).words == ("word " * 40).strip()
    assert not SearchForm.read({"topics": "a\0b"})


def test_searching_leads_there(client: Client) -> None:
    assert client.get(reverse("follow"))["Location"] == reverse("search")
