"""A preview that has nothing for somebody says so, and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from papers import tasks
from papers.models import Paper, StoredLexicon
from papers.searching import indexing
from papers.text import spelling
from papers.text.languages import foreign_language
from subscriptions.editions import composing, digests
from subscriptions.matching.selection import FOR_YOU, TODAY
from tests.pages import Page

MakePaper = Callable[..., Paper]


@pytest.fixture
def _today(make_paper: MakePaper) -> None:
    day = timezone.now().date()
    titles = ["Large language models", "Reasoning in language models", "Diffusion of neumes"]
    for number, title in enumerate([*titles, *titles[:2]]):
        make_paper(
            f"{title} {number}", listed_on=day, votes=number + 3, first_seen_at=timezone.now()
        )
    tasks.settle_new_papers()


@pytest.mark.django_db
@pytest.mark.usefixtures("_today")
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("asdf qwer zxcv", "matches “asdf qwer zxcv”"),
        ("asdf qwer zxcv", "No paper contains these words:\n<b>asdf, qwer, zxcv</b>"),
        ("Yoshua Bengio", "<b>Yoshua, Bengio</b>"),
        ("Yoshua Bengio", "You can follow authors"),
        ("the of and", "matches “the of and”"),
        ("大语言模型 推理", "looks like Chinese"),
        ("大语言模型 推理", ">large language model reasoning</a>"),
        ("Sprachmodelle für Roboter", "looks like German"),
        ("Sprachmodelle für Roboter", ">language model robot</a>"),
        ("lage langauge modles reasonning", "large language models reasoning"),
    ],
)
@pytest.mark.promise(43)
def test_nothing_that_matches_is_said_with_its_cause(client: Client, typed: str, told: str) -> None:
    page = client.get("/preview/", {"interests": typed}).text
    assert told in page
    assert "Trending today" in page
    assert "for you" not in page.partition('id="result"')[2].partition("Sign up")[0]


@pytest.mark.django_db
@pytest.mark.usefixtures("_today")
def test_a_new_installation_matches_after_its_first_fetch(client: Client) -> None:
    assert StoredLexicon.objects.exists()
    assert not Paper.objects.filter(scored_at=None).exists()
    assert not indexing.index_changed(timezone.now())
    page = client.get("/preview/", {"interests": "neumes"}).text
    assert "Diffusion of neumes" in page
    assert "Matches your “neumes”" in page


@pytest.mark.django_db
@pytest.mark.usefixtures("_today")
def test_the_suggestion_can_be_followed(client: Client) -> None:
    page = Page.open(client, "/preview/?interests=Sprachmodelle+f%C3%BCr+Roboter")
    [link] = page.tree.xpath("//a[.='language model robot']/@href")
    page = Page.open(client, link)
    assert page.fields("Show my papers")["interests"] == "language model robot"
    assert "looks like" not in page.text


@pytest.mark.django_db
@pytest.mark.usefixtures("_today")
def test_the_heading_counts_the_digest_and_not_only_papers_for_the_reader(client: Client) -> None:
    page = client.get("/preview/", {"interests": "neumes"}).text
    found = re.search(r'class="found">\s*Your digest for .+: (\d+) papers', page)
    assert found
    assert int(found[1]) == page.count('class="title"') > 1
    assert "papers for you" not in page


@pytest.mark.django_db
@pytest.mark.usefixtures("_today")
def test_the_digest_says_the_same(make_reader: Callable[..., object]) -> None:
    now = timezone.now() + timedelta(minutes=1)
    missed = digests.preview_digest(make_reader(topic={"text": "palaeography"}), now)
    assert missed.notices == [
        "None of today's papers matches “palaeography”. This is what is trending today."
    ]
    assert {item["section"] for item in missed.items} == {TODAY}
    found = digests.preview_digest(make_reader("b@example.org", topic={"text": "neumes"}), now)
    assert not found.notices
    assert FOR_YOU in {item["section"] for item in found.items}


def test_who_asked_for_nothing_misses_nothing() -> None:
    items = [{"section": TODAY}]
    assert composing.unmatched_notices([], items) == []
    assert composing.unmatched_notices(["x"], []) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("language models for robots", ""),
        ("LoRA, RLHF & DPO 2.0", ""),
        ("β-VAE of naïve agents", ""),
        ("ロボットの言語モデル", "Japanese"),
        ("대규모 언어 모델", "Korean"),
        ("языковые модели", "a language in Cyrillic letters"),
        ("modèles de langage pour les robots", "French"),
        ("modelos de lenguaje para robots", "Spanish"),
        ("", ""),
    ],
)
def test_other_languages_are_recognised(text: str, language: str) -> None:
    assert foreign_language(text) == language


@pytest.mark.parametrize(
    ("one", "other", "mistakes"),
    [("lage", "large", 1), ("modles", "models", 1), ("reasonning", "reasoning", 1), ("", "ab", 2)],
)
def test_swapped_letters_are_one_mistake(one: str, other: str, mistakes: int) -> None:
    assert spelling.edit_distance(one, other) == spelling.edit_distance(other, one) == mistakes
