"""A new kind of source takes one registry entry and one parser, from `add_source` to papers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from papers.feeds import Entry, ParsedDocument, fields, kinds
from papers.feeds.addresses import with_query
from papers.feeds.kinds import ListNotices, Paging, SourceKind
from papers.feeds.schedule import DailyList
from papers.fetching import sources
from papers.freshness import notices
from papers.ingest import ingest_document
from papers.models import Paper, Source
from papers.pages.ranking import source_label
from tests.papers.servers import Server

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
NOW = datetime(2026, 11, 24, 14, tzinfo=UTC)  # a Tuesday
TODAY = {"talks": [{"doi": "10.5555/1", "title": "Folding", "day": "2026-11-24", "likes": 7}]}
MORE = {"talks": [{"doi": "10.5555/2", "title": "Learning", "day": "2026-11-24", "likes": 2}]}
OLD_FEED = b"""<rss version="2.0"><channel><title>A blog</title><item><title>FOLDING!!</title>
<link>https://doi.org/10.5555/1</link></item></channel></rss>"""


def parse_talks(data: bytes) -> ParsedDocument:
    """Parse {"talks": [{"doi", "title", "day", "likes"}]}."""
    talks = json.loads(data)["talks"]
    entries, refused = fields.read_all(talks, _talk_entry, lambda talk: str(talk["doi"]))
    return ParsedDocument("Talks", entries, refused)


def _talk_entry(talk: dict[str, Any]) -> Entry:
    title, day = talk["title"], fields.day(talk["day"])
    return Entry(
        title=title,
        abstract="",
        title_raw=title,
        abstract_raw="",
        doi=talk["doi"],
        categories=("talks.main",),
        listed_on=day,
        featured_on=day,
        votes=talk["likes"],
    )


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    settings.ALLOW_PRIVATE_SOURCES = True
    with Server().running() as server:
        yield server


@pytest.fixture
def talks(server: Server, monkeypatch: pytest.MonkeyPatch) -> SourceKind:
    """Register a kind of source that the project does not know."""
    kind = SourceKind(
        name="talks",
        label="Conference talks",
        parse=parse_talks,
        recognise=lambda sniffed: sniffed.format == "json" and b'"talks"' in sniffed.text,
        rank=kinds.CURATED,
        format="json",
        list_day=lambda parsed: max(e.listed_on for e in parsed.entries if e.listed_on),
        schedule=DailyList(UTC, timedelta(hours=9), ("No talks today.", "No talks on weekends.")),
        notices=ListNotices(late="Today's talks are late."),
        paging=Paging(
            page_size=lambda _url: 1,
            page_url=lambda url, number: with_query(url, page=number),
            earlier_urls=lambda _url, _today: [],
        ),
        categories=lambda url: ["talks.main"] if "/talks" in url else [],
        sites={"talks.example": lambda _address: server.url("/talks")},
    )
    monkeypatch.setattr(kinds, "KINDS", (kind, *kinds.KINDS))
    return kind


def test_a_registered_kind_works_from_add_source_to_papers(
    talks: SourceKind, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papers.tasks.fetch_source.delay", lambda _pk: None)
    server.answer("/talks", body=json.dumps(TODAY).encode())
    server.answer("/talks?page=1", body=json.dumps(MORE).encode())
    server.answer("/talks?page=2", body=json.dumps({"talks": []}).encode())

    call_command("add_source", "https://talks.example/2026", stdout=StringIO())
    source = Source.objects.get()
    Source.objects.update(next_check_at=NOW)
    sources.check_if_due(source.pk, NOW)

    source.refresh_from_db()
    assert (source.kind, source.get_kind_display()) == ("talks", "Conference talks")
    assert set(Paper.objects.values_list("title", "votes")) == {("Folding", 7), ("Learning", 2)}
    assert Paper.objects.filter(featured_on=date(2026, 11, 24)).count() == 2
    check = source.checks.get()
    assert (check.state, check.categories["talks.main"]["entries"]) == ("fresh", 1)
    assert source_label("talks") == "Conference talks"


def test_the_rank_and_the_schedule_of_a_registered_kind_are_used(
    talks: SourceKind, server: Server
) -> None:
    source = Source.objects.create(url=server.answer("/talks", body=json.dumps(TODAY).encode()))
    server.answer("/talks?page=1", status=404)
    sources.check_source(source, NOW)
    ingest_document(OLD_FEED, "https://blog.example/", NOW + timedelta(hours=1))
    assert Paper.objects.get().title == "Folding"

    tomorrow = NOW + timedelta(days=1)
    server.answer("/talks", status=304)
    sources.check_source(source, tomorrow)
    check = source.checks.latest("at")
    assert (check.state, check.reason) == (
        "stale",
        "It still shows the list for Tuesday, 24 November.",
    )
    assert "Today's talks are late." in notices.report_at(tomorrow).notices()
