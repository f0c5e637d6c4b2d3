from __future__ import annotations

import html
import json
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from papers.models import Paper
from papers.searching import indexing
from tests.shared_data import SHARED, needs_shared_data

pytestmark = pytest.mark.django_db
NAUGHTY = SHARED / "bad" / "blns" / "blns.json"
MakePaper = Callable[..., Paper]


@pytest.fixture
def few(make_paper: MakePaper, now: datetime) -> list[Paper]:
    papers = [
        make_paper("Diffusion for video", categories=["cs.CV"], authors=["Ada Lovelace"]),
        make_paper("Diffusion <b>bold</b> & models", abstract="Diffusing <script>x</script> here."),
        make_paper("Robots walk", abstract="They walk upright. Then they fall."),
    ]
    indexing.index_changed(now)
    return papers


def ask(client: Client, q: str) -> str:
    answer = client.get("/search/", {"q": q})
    assert answer.status_code == 200
    return answer.text


def test_an_empty_search_explains_the_syntax(client: Client, few: list[Paper]) -> None:
    for typed in ("", "  ", "!!"):
        page = ask(client, typed)
        assert "Search syntax" in page
        assert 'class="card"' not in page


def test_matches_are_marked_and_all_other_markup_is_escaped(
    client: Client, few: list[Paper]
) -> None:
    page = ask(client, "diffusion")
    assert "<mark>Diffusion</mark> for video" in page
    assert "<mark>Diffusion</mark> &lt;b&gt;bold&lt;/b&gt; &amp; models" in page
    assert "<mark>Diffusing</mark> &lt;script&gt;" in page
    assert "Robots" not in page


def test_the_number_of_queries_does_not_depend_on_the_number_of_results(
    client: Client, few: list[Paper]
) -> None:
    for paper in few:
        paper.code_url, paper.votes, paper.featured = "https://example.org/code", 3, True
        paper.site_votes = 2
        paper.save()
    counts = []
    for typed, found in (("diffusion", 2), ("diffusion video", 1)):
        with CaptureQueriesContext(connection) as queries:
            assert ask(client, typed).count('class="card"') == found
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_query_is_escaped(client: Client, few: list[Paper]) -> None:
    page = ask(client, '"><script>alert(1)</script> author:<i>')
    assert "<script>alert" not in page
    assert "<i>" not in page


def test_a_misspelt_query_without_results_is_corrected(client: Client, few: list[Paper]) -> None:
    page = ask(client, "difusion")
    assert "No paper has all words of “difusion”. Showing papers for “diffusion”." in page
    assert "<mark>Diffusion</mark> for video" in page


def test_a_misspelt_word_among_others_is_corrected(client: Client, few: list[Paper]) -> None:
    page = ask(client, "video difusion")
    assert "Showing papers for “video diffusion”." in page
    assert "<mark>Diffusion</mark> for <mark>video</mark>" in page


def test_a_search_without_results_suggests_what_to_try(client: Client, few: list[Paper]) -> None:
    page = ask(client, "xqzzy date:1999")
    assert "Nothing found." in page
    assert "Remove a field" in page


def test_an_unreadable_field_is_reported(client: Client, few: list[Paper]) -> None:
    page = ask(client, "diffusion date:soon")
    assert "We couldn&#x27;t read the date in “date:soon”" in page
    assert "<mark>Diffusion</mark>" in page


def test_excluded_words_alone_are_not_a_search(client: Client, few: list[Paper]) -> None:
    assert "not only words to leave out" in ask(client, "-video")


def test_a_search_can_be_followed(client: Client, few: list[Paper]) -> None:
    page = ask(client, 'video "for video" cat:cs.CV')
    assert "/follow/?q=video+%22for+video%22+cat%3Acs.CV" in page
    form = client.get("/subscribe/", {"text": "video", "categories": "cs.CV,nonsense"}).text
    assert 'name="text" value="video"' in form
    form = client.get("/subscribe/", {"text": "video", "categories": "cs.CV"}).text
    assert 'name="categories" value="cs.CV"' in form


@needs_shared_data
def test_naughty_strings_can_be_searched_for(client: Client, few: list[Paper]) -> None:
    for typed in json.loads(NAUGHTY.read_text())[::3]:
        ask(client, typed)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("zzz:neurips diffusion", "“zzz:” isn't a search field"),
        ("zzz:neurips diffusion", "Search fields: title:, abstract:, author:"),
        ("autor:lovelace", "Did you mean author:?"),
        ("author:", "“author:” has no value, so we left it out"),
        ("diffusion cat:", "“cat:” has no value, so we left it out"),
        ("(diffusion OR", "“OR” has nothing to act on"),
        ("(diffusion OR", "A parenthesis isn't closed"),
        ("is:hot diffusion", "Did you mean is:trending or is:picked?"),
        ("a", "Nearly every paper has “a”."),
        ("the of", "Nearly every paper has “the of”."),
        ("xqzzyx", "Check the spelling"),
    ],
)
def test_the_page_explains_queries_it_cannot_answer(
    client: Client, few: list[Paper], typed: str, text: str
) -> None:
    assert text in html.unescape(ask(client, typed))


def test_a_question_is_searched_by_its_subject(client: Client, few: list[Paper]) -> None:
    assert "<mark>Robots</mark> <mark>walk</mark>" in ask(client, "how can I make robots walk?")


def test_every_spelling_of_a_word_is_marked(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    make_paper("GLM-5V-Turbo", authors=["Jürgen Müller"], abstract="我们研究扩散模型的方法。")
    indexing.index_changed(now)
    assert "<mark>GLM</mark>-<mark>5V</mark>-Turbo" in ask(client, "glm-5v")
    assert "Jürgen <mark>Müller</mark>" in ask(client, "author:mueller")
    assert "我们研究<mark>扩散模型</mark>的方法" in ask(client, "扩散模型")


def test_words_with_a_prefix_are_marked(client: Client, few: list[Paper]) -> None:
    page = ask(client, "diffu* OR upri*")
    assert "<mark>Diffusion</mark> for video" in page
    assert "They walk <mark>upright</mark>" in page


def test_the_page_says_how_it_read_a_query_with_operators(client: Client, few: list[Paper]) -> None:
    page = ask(client, "title:diffusion NOT video")
    assert "Looking for: title contains “diffusion”, not “video”" in page
    assert page.count('class="card"') == 1
    assert "Looking for" not in ask(client, "diffusion video")


def test_the_page_says_if_no_paper_has_all_words(client: Client, few: list[Paper]) -> None:
    text = "No paper has all of these words."
    assert text in ask(client, "robots diffusion")
    assert text not in ask(client, "diffusion video")
    assert text not in ask(client, "cat:cs.CV")
