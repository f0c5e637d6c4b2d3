from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import feedparser
import pytest
from django.test import Client

from papers.feeds import parse_document
from papers.models import Paper
from papers.searching import indexing

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


@pytest.fixture
def papers(make_paper: MakePaper, now: datetime) -> list[Paper]:
    today = now.date()
    made = [
        make_paper("Loud & <b>bold</b>", score=5.0, abstract='Says <script>alert("x")</script>.'),
        make_paper("Quiet \x0b paper", score=1.0, categories=["cs.CV", "cs.CL"]),
        make_paper("Earlier", listed_on=today - timedelta(days=1), authors=["Ed"] * 3_303),
        make_paper("Hidden", hidden=True),
    ]
    indexing.index_changed(now)
    return made


@pytest.mark.parametrize(
    ("address", "titles"),
    [
        ("trending", ["Loud & <b>bold</b>", "Quiet paper"]),
        ("days/2026-04-29", ["Earlier"]),
        ("days/2020-01-01", []),
        ("fields/cs.CV", ["Quiet paper"]),
        ("fields/cs.cl", ["Loud & <b>bold</b>", "Quiet paper", "Earlier"]),
        ("search", []),
    ],
)
def test_both_feed_formats_have_the_same_entries(
    client: Client, papers: list[Paper], address: str, titles: list[str]
) -> None:
    answer = client.get(f"/feeds/{address}.atom")
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    atom = feedparser.parse(answer.content)
    assert not atom.bozo
    told = client.get(f"/feeds/{address}.json").json()
    assert [entry.title_detail.value for entry in atom.entries] == [
        title.replace("<b>", "<b>") for title in titles
    ]
    assert [item["title"] for item in told["items"]] == titles
    assert [entry.id for entry in atom.entries] == [item["id"] for item in told["items"]]
    assert told["version"] == "https://jsonfeed.org/version/1.1"


def test_a_search_feed_is_newest_first(client: Client, papers: list[Paper]) -> None:
    told = client.get("/feeds/search.json", {"q": "earlier OR paper study"}).json()
    assert told["feed_url"].endswith("/feeds/search.json?q=earlier+OR+paper+study")
    told = client.get("/feeds/search.json", {"q": "method"}).json()
    assert [item["title"] for item in told["items"]] == ["Quiet paper", "Earlier"]


def test_content_is_escaped(client: Client, papers: list[Paper]) -> None:
    [loud, _quiet] = client.get("/feeds/trending.json").json()["items"]
    assert loud["content_html"].startswith("<p>Says &lt;script&gt;alert(&quot;x&quot;)&lt;/script")
    [entry] = feedparser.parse(client.get("/feeds/days/2026-04-29.atom").content).entries
    assert len(entry.authors) == 50


def test_an_unchanged_feed_is_not_sent_twice(client: Client, papers: list[Paper]) -> None:
    first = client.get("/feeds/trending.atom")
    again = client.get("/feeds/trending.atom", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert not again.content
    Paper.objects.filter(pk=papers[1].pk).update(title="Changed")
    changed = client.get("/feeds/trending.atom", headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200


def test_our_own_parser_reads_the_feeds(client: Client, papers: list[Paper]) -> None:
    for kind in ("atom", "json"):
        body = client.get(f"/feeds/trending.{kind}").content
        document = parse_document(body)
        assert [entry.title for entry in document.entries][1] == "Quiet paper"


@pytest.mark.parametrize(
    "address",
    [
        "fields/%25.atom",
        "fields/cs.XY.json",
        "fields/foo.atom",
        "days/2026-13-01.atom",
        "trending.rss",
    ],
)
def test_an_unknown_feed_is_not_found(client: Client, db: None, address: str) -> None:
    assert client.get(f"/feeds/{address}").status_code == 404


def test_an_empty_site_has_an_empty_feed(client: Client, db: None) -> None:
    assert client.get("/feeds/trending.json").json()["items"] == []
    assert date(1970, 1, 1).isoformat() in client.get("/feeds/trending.atom").text


def test_a_field_has_a_feed_before_its_first_paper(client: Client, db: None) -> None:
    assert client.get("/feeds/fields/cs.RO.json").json()["items"] == []
