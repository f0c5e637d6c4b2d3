from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


def test_home_shows_the_newest_day_best_first(client: Client, make_paper: MakePaper) -> None:
    today = timezone.now().date()
    make_paper("Quiet paper", listed_on=today, heat=1.0)
    make_paper("Loud paper", listed_on=today, heat=5.0)
    make_paper("Paper of yesterday", listed_on=today - timedelta(days=1), heat=9.0)
    make_paper("Paper of tomorrow", listed_on=today + timedelta(days=1), heat=9.0)
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
def test_an_invalid_day_is_not_found(client: Client, db: None, day: str) -> None:
    assert client.get(f"/days/{day}/").status_code == 404


def test_an_empty_site_shows_the_sign_up_form(client: Client, db: None) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Get trending papers" in answer.text


def test_a_day_without_papers_has_an_explanation(client: Client, make_paper: MakePaper) -> None:
    make_paper("A paper")
    text = "Weekends are quiet"
    assert text in client.get("/days/2020-01-04/").text, "a Saturday"
    page = client.get("/days/2020-01-01/").text
    assert text not in page, "a Wednesday"
    assert "No papers arrived on this day" in page


def test_an_unknown_field_differs_from_one_without_papers(
    client: Client, make_paper: MakePaper
) -> None:
    make_paper("A paper", categories=["cs.CL"])
    unknown = html.unescape(client.get("/?field=foo").text)
    assert "There's no field “foo”" in unknown
    assert "Weekends" not in unknown
    near = client.get("/?field=cs.CLL").text
    assert '<a href="?field=cs.CL#papers">cs.CL</a>' in near
    none = client.get("/?field=cs.RO").text
    assert "No cs.RO papers here" in none
    assert "There's no field" not in none
    assert "A paper" in client.get("/?field=CS.cl").text


def test_hidden_and_withdrawn_papers_are_not_shown(client: Client, make_paper: MakePaper) -> None:
    hidden = make_paper("Hidden paper", hidden=True)
    make_paper("Withdrawn paper", withdrawn=True)
    make_paper("Shown paper")
    page = client.get("/").text
    assert "Shown paper" in page
    assert "Hidden paper" not in page
    assert "Withdrawn paper" not in page
    assert client.get(hidden.get_absolute_url()).status_code == 404


def test_markup_in_a_title_is_escaped(client: Client, make_paper: MakePaper) -> None:
    paper = make_paper("<script>alert(1)</script>", abstract="<img src=x onerror=alert(2)>")
    for address in ("/", paper.get_absolute_url()):
        page = client.get(address).text
        assert "<script>alert" not in page
        assert "<img" not in page


def test_home_is_small_and_loads_nothing_from_other_hosts(
    client: Client, make_paper: MakePaper
) -> None:
    for number in range(50):
        make_paper(f"Paper {number}", abstract="A sentence about what was found. " * 40)
    answer = client.get("/")
    assert len(answer.content) < 200_000
    for attribute in ("src=", '<link rel="stylesheet" href='):
        assert f'{attribute}"http' not in answer.text


def test_home_can_be_filtered_by_window_and_field(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    today = timezone.now().date()
    make_paper("Today’s", listed_on=today, heat=1.0, standing=3.0, categories=["math.GT"])
    make_paper("Today’s louder", listed_on=today, heat=2.0, standing=1.0, categories=["cs.CV"])
    make_paper("Of this week", listed_on=today - timedelta(days=5), heat=9.0)
    make_paper("Of this month", listed_on=today - timedelta(days=20), heat=8.0)
    shown = {
        query: [card["paper"].title for card in client.get(f"/?{query}").context["cards"]]
        for query in ("", "window=week", "window=month", "field=math.GT", "by=field", "window=x")
    }
    assert shown == {
        "": ["Today’s louder", "Today’s"],
        "window=week": ["Of this week", "Today’s louder", "Today’s"],
        "window=month": ["Of this week", "Of this month", "Today’s louder", "Today’s"],
        "field=math.GT": ["Today’s"],
        "by=field": ["Today’s", "Today’s louder"],
        "window=x": ["Today’s louder", "Today’s"],
    }


def test_a_day_and_a_field_link_to_their_feeds(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    paper = make_paper("A paper", listed_on=now.date(), heat=1.0)
    day = reverse("day", args=[paper.day])
    page = client.get(day, {"field": paper.field}).text
    named = re.findall(r'<link rel="alternate"[^>]* href="([^"]+[.]atom)"', page)
    assert f"/feeds/days/{paper.day}.atom" in named
    assert f"/feeds/fields/{paper.field}.atom" in named
    for feed in named:
        assert client.get(feed).status_code == 200
    assert client.get(day, {"field": "no/such"}).status_code == 200


@pytest.mark.parametrize(
    ("title", "language"),
    [
        ("Long context", "en"),
        ("Erdős numbers of ℝ⁴", "en"),
        ("42", "en"),
        ("大语言模型 of LLMs in depth", "en"),
        ("大语言模型的推理能力 LLM", ""),
        ("نماذج لغوية", ""),
    ],
)
def test_a_title_in_another_language_is_not_marked_as_english(
    client: Client, make_paper: MakePaper, title: str, language: str
) -> None:
    paper = make_paper(title)
    page = client.get(paper.get_absolute_url()).text
    assert f'<h1><bdi lang="{language}">{title}</bdi></h1>' in page
