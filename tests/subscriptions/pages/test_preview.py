from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.models import Digest, Subscriber, Topic
from subscriptions.readers import lifecycle
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.signing_in import subscribe

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
URL = reverse("preview")


def previewed(client: Client, interests: str, categories: str = "") -> Page:
    """Open the preview of what a visitor types; it ends in the sign-up form."""
    return Page.open(
        client, f"{URL}?{urlencode({'interests': interests, 'categories': categories})}"
    )


def test_a_visitor_sees_papers_and_why_without_an_address(
    client: Client, edition: list[Paper]
) -> None:
    page = client.get(URL, {"interests": "diffusion for video generation"})
    assert page.status_code == 200
    assert edition[3].title in page.text
    assert "Matches your" in page.text
    assert "<html" in page.text
    assert not Subscriber.objects.exists()
    assert not Digest.objects.exists()


def test_htmx_gets_the_part_and_caches_keep_nothing(client: Client, edition: list[Paper]) -> None:
    part = client.get(URL, {"interests": "diffusion"}, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert edition[3].title in part.text
    assert "HX-Request" in part["Vary"]
    assert {"no-store", "private"} <= set(part["Cache-Control"].replace(" ", "").split(","))


def test_preview_and_digest_choose_alike(
    edition: list[Paper], make_reader: MakeReader, now: Any
) -> None:
    said = {
        "text": "language models",
        "categories": ["cs.CL"],
        "examples": [edition[3].arxiv_id],
    }
    reader = make_reader(topic=said)
    digests.build_due_digests([reader.pk], now)
    shown = digests.preview_topic(Topic(**said), now.date())
    assert reader.digests.get().items == [
        item | {"topic": reader.first_topic.pk} if "topic" in item else item for item in shown
    ]


def test_pasted_ids_count_as_examples(
    client: Client, edition: list[Paper], make_paper: Callable[..., Paper]
) -> None:
    near = make_paper("Gaussian splatting of indoor scenes", categories=["cs.CV"])
    typed = f"https://arxiv.org/abs/{edition[4].arxiv_id}v2 2001.99999"
    page = client.get(URL, {"interests": typed}).text
    assert near.title in page
    assert f"“{edition[4].title}”" in page.replace("&quot;", '"')
    assert "2001.99999" in page.partition("have these papers yet")[2]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "Type a few words"),
        ({"interests": "   "}, "Type a few words"),
        ({"interests": "x" * 2001}, "2000"),
        ({"interests": "a\0b"}, "Null characters"),
        ({"interests": "a", "categories": "nonsense; x y"}, "an arXiv category"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_what_cannot_be_previewed_is_said(
    client: Client, edition: list[Paper], asked: dict[str, str], said: str, headers: Any
) -> None:
    answer = client.get(URL, asked, headers=headers)
    assert answer.status_code == 400
    assert said in answer.text


def test_the_preview_takes_no_post(client: Client) -> None:
    assert forge(client, URL, {"interests": "x"}).status_code == 405


def test_before_any_paper_came_the_preview_says_so(client: Client) -> None:
    assert "No papers yet" in client.get(URL, {"interests": "x"}).text


def test_what_was_typed_is_escaped(client: Client, edition: list[Paper]) -> None:
    typed = '"><script>alert(1)</script> language'
    page = client.get(URL, {"interests": typed}).text
    assert "<script>alert" not in page


def test_the_preview_asks_the_database_little(client: Client, edition: list[Paper]) -> None:
    client.get(URL, {"interests": "language"})
    with CaptureQueriesContext(connection) as queries:
        client.get(URL, {"interests": "language models 2604.10001"})
    assert len(queries) <= 7


def test_signing_up_with_a_preview_keeps_what_was_typed(
    client: Client, edition: list[Paper]
) -> None:
    page = previewed(client, "language 2604.10001", "cs.CL")
    page.submit("Subscribe", email="new@example.org")
    kept = Topic.objects.get()
    assert (kept.text, kept.examples, kept.categories) == ("language", ["2604.10001"], ["cs.CL"])


def test_the_last_sign_up_wins_until_confirmation(client: Client, edition: list[Paper]) -> None:
    for topics in ("first", "second"):
        previewed(client, topics).submit("Subscribe", email="new@example.org")
    subscribe(client, "new@example.org")
    assert Topic.objects.get().text == "second"
    lifecycle.activate_reader(Subscriber.objects.get(), timezone.now())
    previewed(client, "somebody else's").submit("Subscribe", email="new@example.org")
    assert Topic.objects.get().text == "second"


@pytest.mark.parametrize("status", ["active", "unsubscribed", "suppressed"])
def test_nobody_changes_a_known_readers_profile_by_typing_their_address(
    client: Client, make_reader: MakeReader, edition: list[Paper], status: str
) -> None:
    make_reader("known@example.org", {"text": "mine"}, status=status)
    page = previewed(client, "yours 2604.10001").submit("Subscribe", email="known@example.org")
    assert page.url == reverse("check-inbox")
    kept = Topic.objects.get()
    assert (kept.text, kept.examples) == ("mine", [])


def test_a_wrong_address_does_not_lose_what_was_typed(client: Client, edition: list[Paper]) -> None:
    asked = previewed(client, "language 2604.10001 2604.10002", "cs.CL")
    page = asked.submit("Subscribe", email="nobody")
    assert page.status == 400
    page.submit("Subscribe", email="somebody@example.org")
    kept = Topic.objects.get()
    assert (kept.text, kept.categories) == ("language", ["cs.CL"])
    assert kept.examples == ["2604.10001", "2604.10002"]


@pytest.mark.parametrize(
    "wrong", [{"examples": "nonsense"}, {"categories": "x y"}, {"text": "x" * 2001}]
)
def test_hidden_fields_are_checked_too(client: Client, wrong: dict[str, str]) -> None:
    answer = forge(client, reverse("subscribe"), {"email": "a@example.org"} | wrong)
    assert answer.status_code == 400
    assert "errorlist" in answer.text
    assert not Subscriber.objects.exists()


def test_the_home_page_offers_the_preview(client: Client, edition: list[Paper]) -> None:
    Paper.objects.update(listed_on=timezone.now().date())
    page = client.get(reverse("home")).text
    assert f'action="{URL}#result"' in page
    assert "htmx-2.min.js" in page
    assert "<script>" not in page
    assert "htmx-config" in page


def test_the_preview_is_folded_on_a_phone_alone(client: Client, edition: list[Paper]) -> None:
    Paper.objects.update(listed_on=timezone.now().date())
    phone = (
        "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
    )
    desk = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    box = '<details class="beside" id="preview"'
    assert f"{box}>" in client.get(reverse("home"), headers={"User-Agent": phone}).text
    assert f"{box} open>" in client.get(reverse("home"), headers={"User-Agent": desk}).text
    assert f"{box} open>" in client.get(reverse("home")).text


def test_the_profile_page_shows_what_a_preview_kept(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader(topic={"text": "video generation"})
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    assert "video" in client.get(reverse("profile", args=[token])).text


@pytest.mark.parametrize(
    "typed", ["1234.99999", "arXiv:26x4.1", "https://arxiv.org/abs/12", "2604.123"]
)
def test_what_looks_like_an_id_and_is_none_is_named(
    client: Client, edition: list[Paper], typed: str
) -> None:
    page = client.get(URL, {"interests": f"language, {typed}; 2604.10001"}).text
    assert f"so we searched for it as text: {typed}. IDs look like" in page
    assert "Not an arXiv ID" not in client.get(URL, {"interests": "version 3.14 of 10.5"}).text


def test_a_category_that_arxiv_does_not_have_is_refused(
    client: Client, edition: list[Paper]
) -> None:
    answer = client.get(URL, {"interests": "language", "categories": "nonsense"})
    assert answer.status_code == 400
    assert "“nonsense” isn&#x27;t an arXiv category" in answer.text
