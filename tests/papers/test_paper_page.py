from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import bibtexparser
import pytest
from django.conf import settings
from django.test import Client

from papers.models import Observation, Paper, Thumbnail, Version
from papers.searching import indexing
from subscriptions.models import Subscriber
from tests.pages import Page

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


def test_discussions_are_shown_by_source_and_date(
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


def test_a_paper_without_discussions_has_no_section_for_them(
    client: Client, make_paper: MakePaper
) -> None:
    page = client.get(make_paper().get_absolute_url()).text
    assert "Where it's being discussed" not in page
    assert "<polyline" not in page


def test_earlier_versions_are_shown(client: Client, make_paper: MakePaper, now: datetime) -> None:
    paper = make_paper(version=2)
    Version.objects.create(paper=paper, number=1, title="A first go", abstract="x", replaced_at=now)
    page = client.get(paper.get_absolute_url()).text
    assert "Version 1, replaced on 30 April 2026" in page
    assert "A first go" in page


def test_the_citation_can_be_downloaded(client: Client, make_paper: MakePaper) -> None:
    paper = make_paper('"Quotes", {braces} & <b>')
    answer = client.get(f"{paper.get_absolute_url()}bibtex/")
    assert answer["Content-Type"].startswith("application/x-bibtex")
    assert (
        answer["Content-Disposition"] == f'attachment; filename="example2026quotes-{paper.pk}.bib"'
    )
    [entry] = bibtexparser.parse_string(answer.text).entries
    assert entry["eprint"] == paper.arxiv_id
    assert entry["author"] == "Example, Ada and Example, Bo"


def test_a_hidden_paper_has_no_citation(client: Client, make_paper: MakePaper) -> None:
    hidden = make_paper(hidden=True)
    assert client.get(f"{hidden.get_absolute_url()}bibtex/").status_code == 404


def test_share_links_load_nothing_from_other_hosts(client: Client, make_paper: MakePaper) -> None:
    page = client.get(make_paper("A & B").get_absolute_url()).text
    assert "https://bsky.app/intent/compose?text=A+%26+B+http" in page
    for asking in ('src="http', "<iframe", "url(http", '<link rel="preconnect"'):
        assert asking not in page


def test_authors_and_categories_link_to_search(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    paper = make_paper(authors=["Jürgen O'Müller (MIT)", '"X"'], categories=["cs.CL", "Odd, one"])
    indexing.index_changed(now)
    page = Page.open(client, paper.get_absolute_url())
    by_author, by_category = page.tree.xpath("//ul[@class='names']//a"), page.tree.xpath("//dd/a")
    assert [link.text_content() for link in by_author] == ["Jürgen O'Müller (MIT)", "'X'"]
    assert [link.text_content() for link in by_category] == ["cs.CL", "Odd, one"]
    for link in (*by_author, *by_category):
        assert paper.title in Page.open(client, link.get("href")).text


def test_a_paper_has_metadata_for_link_previews(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    paper = make_paper('Say "A & B"', abstract="We say so.")

    def tags() -> dict[str, str]:
        tree = Page.open(client, paper.get_absolute_url()).tree
        named = {tag.get("property") or tag.get("name"): tag for tag in tree.xpath("//meta")}
        return {name: tag.get("content") for name, tag in named.items() if name and ":" in name}

    address = f"{settings.SITE_URL}{paper.get_absolute_url()}"
    card = tags()
    assert card["og:title"] == card["twitter:title"] == 'Say "A & B"'
    assert card["og:description"] == card["twitter:description"] == "We say so."
    assert card["og:type"] == "article"
    assert card["og:url"] == address
    assert card["twitter:card"] == "summary"
    assert "og:image" not in card
    Thumbnail.objects.create(paper=paper, media_type="image/png", body=b"x", fetched_at=now)
    card = tags()
    assert card["og:image"] == card["twitter:image"] == f"{address}picture/"
    assert card["twitter:card"] == "summary_large_image"


def test_a_visitor_signs_up_on_the_page_of_a_paper(client: Client, make_paper: MakePaper) -> None:
    page = Page.open(client, make_paper().get_absolute_url())
    assert "Get papers like this by email" in page.text
    page.submit("Subscribe", email="reader@example.org")
    assert Subscriber.objects.get().email == "reader@example.org"


def test_a_long_abstract_has_labels_to_open_and_close_it(
    client: Client, make_paper: MakePaper
) -> None:
    make_paper(
        abstract=" ".join(f"This is sentence {number} of many here." for number in range(30))
    )
    [summary] = Page.open(client, "/").tree.xpath("//details[@class='extract']/summary")
    words = {part.get("class"): part.text_content() for part in summary}
    assert words["opener closed"] == "Full abstract"
    assert words["opener opened"] == "Hide abstract"
