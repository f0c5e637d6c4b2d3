from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
import rispy
from django.conf import settings
from django.test import Client
from django.utils import timezone

from papers.citations.export import FORMATS
from papers.exports import MAX_PAPERS
from papers.models import Paper
from papers.searching import indexing
from tests.pages import Page
from tests.papers.citation_readers import coins_items, parse, scholar_record, zotero_item
from tests.papers.citations.readers import READERS

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]
DAY = "2026-04-30"


def titles(client: Client, url: str) -> list[str]:
    """Return the titles in an exported file."""
    answer = client.get(url)
    assert answer.status_code == 200
    ending = url.partition("?")[0].rpartition(".")[2]
    return [entry["title"] for entry in READERS[ending](answer.content.decode())]


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_of_a_citation_can_be_downloaded(
    client: Client, make_paper: MakePaper, ending: str
) -> None:
    paper = make_paper('"Quotes", {braces} & <b>')
    url = f"{paper.get_absolute_url()}cite.{ending}"
    assert url in export_urls(client, paper.get_absolute_url())
    answer = client.get(url)
    assert answer["Content-Type"] == f"{FORMATS[ending].content_type}; charset=utf-8"
    name = f"example2026quotes-{paper.pk}.{ending}"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert titles(client, url) == ['"Quotes", {braces} & <b>']
    again = client.get(url, HTTP_IF_NONE_MATCH=answer["ETag"])
    assert again.status_code == 304


def export_urls(client: Client, url: str) -> list[str]:
    """Return the URLs of the files that a page offers."""
    return list(Page.open(client, url).tree.xpath("//ul[contains(@class, 'exports')]//a/@href"))


def test_a_hidden_paper_has_no_citation(client: Client, make_paper: MakePaper) -> None:
    hidden = make_paper(hidden=True)
    assert client.get(f"{hidden.get_absolute_url()}cite.ris").status_code == 404


@pytest.mark.parametrize("ending", FORMATS)
def test_the_list_of_a_day_is_exported_in_its_order(
    client: Client, make_paper: MakePaper, ending: str
) -> None:
    make_paper("Quiet paper", heat=1.0)
    make_paper("Loud paper", heat=5.0)
    make_paper("Hidden paper", hidden=True)
    make_paper("Paper of the day before", listed_on=date(2026, 4, 29), heat=3.0)
    make_paper("Seeing paper", categories=["cs.CV"], heat=2.0)
    for page, expected in (
        (f"/days/{DAY}/", ["Loud paper", "Seeing paper", "Quiet paper"]),
        (f"/days/{DAY}/?field=cs.CL", ["Loud paper", "Quiet paper"]),
        (
            f"/days/{DAY}/?window=week&field=cs.CL",
            ["Loud paper", "Paper of the day before", "Quiet paper"],
        ),
    ):
        [url] = [url for url in export_urls(client, page) if f".{ending}" in url]
        assert titles(client, url) == expected


def test_days_to_come_are_not_exported(client: Client, make_paper: MakePaper) -> None:
    tomorrow = timezone.now().date() + timedelta(days=1)
    make_paper("Paper of tomorrow", listed_on=tomorrow)
    assert titles(client, f"/export/days/{tomorrow}.ris") == []


@pytest.mark.parametrize("ending", FORMATS)
def test_a_search_is_exported(
    client: Client, make_paper: MakePaper, now: datetime, ending: str
) -> None:
    make_paper("Diffusion & video")
    make_paper("Robots walk")
    indexing.index_changed(now)
    [url] = [url for url in export_urls(client, "/search/?q=diffusion") if f".{ending}" in url]
    assert titles(client, url) == ["Diffusion & video"]


def test_an_export_of_a_list_is_bounded(
    client: Client, make_paper: MakePaper, django_assert_max_num_queries: Callable[..., object]
) -> None:
    first = make_paper()
    same = {"listed_on": first.listed_on, "first_seen_at": first.first_seen_at}
    Paper.objects.bulk_create(
        Paper(
            title=f"Paper {number}", title_key=str(number), text_seen_at=first.text_seen_at, **same
        )
        for number in range(MAX_PAPERS + 5)
    )
    with django_assert_max_num_queries(3):  # type: ignore[attr-defined]
        assert len(titles(client, f"/export/days/{DAY}.csv")) == MAX_PAPERS


def test_spreadsheets_show_formulas_as_text(client: Client, make_paper: MakePaper) -> None:
    make_paper('=HYPERLINK("https://evil.example")', authors=["@SUM(1)", "+1 Bo"])
    answer = client.get(f"/export/days/{DAY}.csv")
    [row] = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert row["title"].startswith("'=HYPERLINK")
    assert row["authors"] == "'@SUM(1); +1 Bo"


def test_the_date_of_an_old_paper_is_not_the_day_of_a_list(
    client: Client, make_paper: MakePaper
) -> None:
    make_paper("Revised", arxiv_id="1810.08553", announce_type="replace")
    make_paper("New", published_at=datetime(2026, 4, 29, tzinfo=UTC))
    entries = rispy.loads(client.get(f"/export/days/{DAY}.ris").content.decode())
    dates = {entry["title"]: entry["date"] for entry in entries}
    assert dates == {"Revised": "2018/10", "New": "2026/04/29"}


def test_zotero_saves_the_page_of_a_preprint_as_a_preprint(
    client: Client, make_paper: MakePaper
) -> None:
    paper = make_paper(
        "C++ & “quotes”",
        authors=["Luc Van Gool", "Martin King Jr.", "OpenAI", "GLM-V Team"],
        abstract="First.\n\nSecond <b>.",
        pdf_url="https://arxiv.org/pdf/2604.10000",
    )
    page = parse(client.get(paper.get_absolute_url()).text)
    assert zotero_item(page) == {
        "itemType": "preprint",
        "title": "C++ & “quotes”",
        "creators": [
            ("Luc", "Van Gool"),
            ("Martin Jr", "King"),
            ("", "OpenAI"),
            ("", "GLM-V Team"),
        ],
        "date": "2026/04/30",
        "publisher": "arXiv",
        "number": f"arXiv:{paper.arxiv_id}",
        "DOI": f"10.48550/arXiv.{paper.arxiv_id}",
        "url": paper.abstract_url,
        "abstractNote": "First. Second <b>.",
        "language": "en",
        "attachments": ["https://arxiv.org/pdf/2604.10000"],
    }
    assert coins_items(page) == [], "COinS would come before the tags"


@pytest.mark.parametrize(
    ("journal", "kind", "field"),
    [
        ("J. of X (2026)", "journalArticle", "publicationTitle"),
        ("Proc. of X 2026", "conferencePaper", "conferenceName"),
    ],
)
def test_zotero_saves_a_published_paper_with_its_venue(
    client: Client, make_paper: MakePaper, journal: str, kind: str, field: str
) -> None:
    paper = make_paper(journal_ref=journal, doi="10.1000/1")
    item = zotero_item(parse(client.get(paper.get_absolute_url()).text))
    assert (item["itemType"], item[field], item["DOI"]) == (kind, journal, "10.1000/1")


def test_google_scholar_finds_all_tags(client: Client, make_paper: MakePaper) -> None:
    authors = [f"Ada Example{'x' * number}" for number in range(40)]
    paper = make_paper(authors=authors, published_at=datetime(2026, 4, 2, tzinfo=UTC))
    record = scholar_record(parse(client.get(paper.get_absolute_url()).text))
    assert record["citation_title"] == [paper.title]
    assert len(record["citation_author"]) == 40
    assert record["citation_publication_date"] == ["2026/04/02"]
    assert record["citation_online_date"] == ["2026/04/02"]
    assert record["citation_arxiv_id"] == [paper.arxiv_id]


def test_a_page_describes_its_paper_as_linked_data(client: Client, make_paper: MakePaper) -> None:
    paper = make_paper("</script><script>alert(1)</script> & “q”", doi="10.1000/a<b>")
    text = client.get(paper.get_absolute_url()).text
    assert "<script>alert" not in text
    [script] = parse(text).xpath("//script[@type='application/ld+json']")
    article = json.loads(script.text)
    assert article["@type"] == "ScholarlyArticle"
    assert article["name"] == paper.title
    assert article["author"][0]["familyName"] == "Example"
    assert article["mainEntityOfPage"] == settings.SITE_URL + paper.get_absolute_url()
    assert article["sameAs"] == "https://doi.org/10.1000/a%3Cb%3E"


def test_zotero_offers_all_papers_of_a_list(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    make_paper("Preprint & more = 100%", authors=["Luc Van Gool", "ATLAS Collaboration"], heat=3.0)
    make_paper("Article", journal_ref="J. of X (2026)", doi="10.1000/1", heat=2.0)
    make_paper("Talk", journal_ref="Proc. of X, 2026", heat=1.0)
    indexing.index_changed(now)
    preprint, article, talk = coins_items(parse(client.get(f"/days/{DAY}/").text))
    assert preprint == {
        "itemType": "preprint",
        "title": "Preprint & more = 100%",
        "publicationTitle": None,
        "publisher": "arXiv",
        "date": DAY,
        "creators": [("Luc", "Van Gool"), ("", "ATLAS Collaboration")],
        "DOI": "10.48550/arXiv.2604.10000",
        "url": "https://arxiv.org/abs/2604.10000",
    }
    assert (article["itemType"], article["DOI"]) == ("journalArticle", "10.1000/1")
    assert (talk["itemType"], talk["publicationTitle"]) == ("conferencePaper", "Proc. of X, 2026")
    found = coins_items(parse(client.get("/search/?q=preprint").text))
    assert [item["title"] for item in found] == ["Preprint & more = 100%"]
