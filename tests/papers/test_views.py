from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from papers.models import Paper

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


def test_home_shows_the_newest_day_best_first(client: Client, make_paper: MakePaper) -> None:
    today = timezone.now().date()
    make_paper("Quiet paper", listed_on=today, score=1.0)
    make_paper("Loud paper", listed_on=today, score=5.0)
    make_paper("Paper of yesterday", listed_on=today - timedelta(days=1), score=9.0)
    make_paper("Paper of tomorrow", listed_on=today + timedelta(days=1), score=9.0)
    page = client.get("/").text
    assert page.index("Loud paper") < page.index("Quiet paper")
    assert "Paper of yesterday" not in page
    assert "Paper of tomorrow" not in page
    assert "Get trending papers in your email inbox!" in page


def test_days_are_linked_to_their_neighbours(client: Client, make_paper: MakePaper) -> None:
    today = timezone.now().date()
    for days in (0, 1, 4):
        make_paper(f"Paper of {days}", listed_on=today - timedelta(days=days))
    page = client.get(f"/days/{today - timedelta(days=1)}/").text
    assert f"/days/{today - timedelta(days=4)}/" in page
    assert f"/days/{today}/" in page or 'href="/"' in page


@pytest.mark.parametrize("day", ["2026-02-30", "yesterday", "2026-1-1", "9999-99-99"])
def test_what_is_no_day_is_not_found(client: Client, db: None, day: str) -> None:
    assert client.get(f"/days/{day}/").status_code == 404


def test_an_empty_site_says_so(client: Client, db: None) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Get trending papers" in answer.text


def test_a_day_without_papers_says_so(client: Client, make_paper: MakePaper) -> None:
    make_paper("A paper")
    assert client.get("/days/2020-01-01/").status_code == 200


def test_hidden_and_withdrawn_papers_are_not_shown(client: Client, make_paper: MakePaper) -> None:
    hidden = make_paper("Hidden paper", hidden=True)
    make_paper("Withdrawn paper", withdrawn=True)
    make_paper("Shown paper")
    page = client.get("/").text
    assert "Shown paper" in page
    assert "Hidden paper" not in page
    assert "Withdrawn paper" not in page
    assert client.get(hidden.get_absolute_url()).status_code == 404


def test_a_papers_page_shows_how_it_was_ranked(client: Client, edition: list[Paper]) -> None:
    page = client.get(Paper.objects.trending()[0].get_absolute_url()).text
    assert "ranked" in page
    assert "Votes" in page
    assert "Ada Example" in page


def test_markup_in_a_title_is_shown_not_run(client: Client, make_paper: MakePaper) -> None:
    paper = make_paper("<script>alert(1)</script>", abstract="<img src=x onerror=alert(2)>")
    for address in ("/", paper.get_absolute_url()):
        page = client.get(address).text
        assert "<script>alert" not in page
        assert "<img" not in page


def test_home_is_light_and_asks_nobody_else(client: Client, make_paper: MakePaper) -> None:
    for number in range(50):
        make_paper(f"Paper {number}", abstract="A sentence about what was found. " * 40)
    answer = client.get("/")
    assert len(answer.content) < 200_000
    for attribute in ("src=", '<link rel="stylesheet" href='):
        assert f'{attribute}"http' not in answer.text
