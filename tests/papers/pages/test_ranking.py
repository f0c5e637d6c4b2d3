from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as tree

from papers.models import Observation, Paper
from papers.pages import ranking
from papers.ranking import scoring
from tests.pages import forge

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


def test_the_page_of_a_paper_shows_its_ranking(client: Client, edition: list[Paper]) -> None:
    page = client.get(Paper.objects.trending()[0].get_absolute_url()).text
    assert "ranked" in page
    assert "Votes" in page
    assert "Ada Example" in page


def test_the_shown_parts_of_a_score_add_up(client: Client, make_paper: MakePaper) -> None:
    parts = {"votes_part": 68.96, "own_part": -0.86, "reactions_part": 0.06, "comments_part": 11.24}
    paper = make_paper(heat=6.4, score_parts=parts)
    for address in (paper.get_absolute_url(), paper.get_ranking_url()):
        rows = tree.fromstring(client.get(address).text).xpath("(//table[@class='sum'])[1]//tr")
        shown = [(row.xpath("string(th)"), float(row.xpath("string(td)"))) for row in rows]
        *values, (label, attention), (_score, heat) = shown
        assert label == "Attention, in votes"
        assert round(sum(value for _name, value in values), 2) == attention
        assert heat == 6.4


@given(st.lists(st.floats(-1e4, 1e6), max_size=8), st.sampled_from([1, 2]))
def test_rounded_values_add_up(values: list[float], digits: int) -> None:
    shown = ranking.round_to_sum(values, digits)
    assert abs(sum(shown) - sum(values)) <= 0.5 * 10**-digits + 1e-6
    assert all(
        abs(one - value) <= 10**-digits + 1e-9 for one, value in zip(shown, values, strict=True)
    )


def test_the_page_of_a_paper_links_to_its_ranking(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    paper = make_paper("Loud paper", votes=40, comments=2, authors=["A"] * 40, featured=True)
    make_paper("Louder paper", votes=400)
    Observation.objects.create(paper=paper, kind="hf-daily", observed_at=now, votes=40)
    scoring.rescore(now)
    url = reverse("ranking", args=[paper.pk])
    assert url in client.get(paper.get_absolute_url()).text
    page = client.get(url).text
    for text in ("Adjustment for a long author list", "pick", "1 of 2", "40 votes", "doubling"):
        assert text in page
    assert forge(client, url).status_code == 405
    Paper.objects.filter(pk=paper.pk).update(hidden=True)
    assert client.get(url).status_code == 404
    quiet = make_paper("Quiet paper")
    assert "no trending score" in client.get(quiet.get_ranking_url()).text
