from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import bibtexparser
import pytest
from django.test import Client

from papers.models import Observation, Paper, Version

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


def test_where_and_when_it_was_talked_about(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    paper = make_paper()
    for hours, votes in ((0, 1), (5, 1_200)):
        Observation.objects.create(
            paper=paper,
            kind="hf-daily",
            observed_at=now + timedelta(hours=hours),
            votes=votes,
            comments=hours or None,
        )
    page = client.get(paper.get_absolute_url()).text
    assert "Votes over time: from 1 on 30 April 2026 to 1,200 on 30 April 2026" in page
    assert "Hugging Face Daily Papers" in page
    assert "1,200 votes, 5 comments" in page


def test_nobody_talked_about_it(client: Client, make_paper: MakePaper) -> None:
    page = client.get(make_paper().get_absolute_url()).text
    assert "Where it was talked about" not in page
    assert "<polyline" not in page


def test_earlier_versions_are_shown(client: Client, make_paper: MakePaper, now: datetime) -> None:
    paper = make_paper(version=2)
    Version.objects.create(paper=paper, number=1, title="A first go", abstract="x", replaced_at=now)
    page = client.get(paper.get_absolute_url()).text
    assert "Version 1, replaced on 30 April 2026" in page
    assert "A first go" in page


def test_its_citation_is_a_file(client: Client, make_paper: MakePaper) -> None:
    paper = make_paper('"Quotes", {braces} & <b>')
    answer = client.get(f"{paper.get_absolute_url()}bibtex/")
    assert answer["Content-Type"].startswith("application/x-bibtex")
    assert answer["Content-Disposition"] == 'attachment; filename="example2026quotes.bib"'
    [entry] = bibtexparser.parse_string(answer.text).entries
    assert entry["eprint"] == paper.arxiv_id
    assert entry["author"] == "Ada Example and Bo Example"


def test_a_hidden_paper_is_not_cited(client: Client, make_paper: MakePaper) -> None:
    hidden = make_paper(hidden=True)
    assert client.get(f"{hidden.get_absolute_url()}bibtex/").status_code == 404


def test_sharing_asks_nobody_before_it_is_chosen(client: Client, make_paper: MakePaper) -> None:
    page = client.get(make_paper("A & B").get_absolute_url()).text
    assert "https://bsky.app/intent/compose?text=A+%26+B+http" in page
    for asking in ('src="http', "<iframe", "url(http", '<link rel="preconnect"'):
        assert asking not in page
