from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command

from papers.fetching import backfill
from papers.models import Document, Paper, Source
from tests.papers.servers import Server

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)  # a Tuesday
THURSDAY = date(2026, 4, 30)
ENTRY = """<entry><id>http://arxiv.org/abs/2604.{number:05}v1</id><title>Paper {number}</title>
<summary>About it.</summary><published>2026-04-29T10:00:00Z</published>
<author><name>Ann One</name></author><category term="cs.AI"/></entry>"""
RECORD = """<record><header><identifier>oai:arXiv.org:2604.{number:05}</identifier>
<datestamp>2026-04-30</datestamp></header><metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/">
<id>2604.{number:05}</id><created>{created}</created><authors><author><keyname>One</keyname>
<forenames>Ann</forenames></author></authors><title>Paper {number}</title>
<categories>cs.AI</categories><abstract>About it.</abstract></arXiv></metadata></record>"""


def atom(numbers: range) -> bytes:
    entries = "".join(ENTRY.format(number=number) for number in numbers)
    head = '<feed xmlns="http://www.w3.org/2005/Atom"><id>http://arxiv.org/api/x</id>'
    return f"{head}<title>ArXiv Query</title>{entries}</feed>".encode()


def oai(created: dict[int, str], token: str = "") -> bytes:
    records = "".join(RECORD.format(number=n, created=day) for n, day in created.items())
    rest = f"<resumptionToken>{token}</resumptionToken>" if token else ""
    return (
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><request verb="ListRecords"/>'
        f"<ListRecords>{records}{rest}</ListRecords></OAI-PMH>"
    ).encode()


def replying(bodies: Any) -> Any:
    """An answer made from the request's query."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        body = bodies(asked)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Server]:
    settings.ALLOW_PRIVATE_SOURCES = True
    with Server().running() as running:
        monkeypatch.setattr(backfill, "API", running.url("/api"))
        monkeypatch.setattr(backfill, "OAI", running.url("/oai"))
        monkeypatch.setattr(backfill, "PAGE_SIZE", 3)
        yield running


@pytest.fixture
def source() -> Source:
    """A list read on every working day since 28 April but Thursday the 30th."""
    url = "https://rss.arxiv.org/rss/cs.AI+hep-th"
    source = Source.objects.create(name="arXiv", kind="arxiv-rss", url=url)
    for day in ("2026-04-28", "2026-04-29", "2026-05-01", "2026-05-04"):
        Document.objects.create(
            source=source,
            kind="arxiv-rss",
            location=url,
            sha256=day,
            list_day=day,
            first_seen_at=NOW,
        )
    return source


def test_a_working_day_without_its_list_is_a_gap(source: Source) -> None:
    assert backfill.gaps(source, NOW) == [THURSDAY]
    assert backfill.gaps(source, NOW + timedelta(days=30)) == [
        day for day in map(date.fromordinal, range(date(2026, 5, 21).toordinal(),
        date(2026, 6, 4).toordinal())) if day.weekday() < 5
    ]  # fmt: skip
    assert backfill.gaps(Source.objects.create(kind="arxiv-rss", url="https://x.test"), NOW) == []


def test_a_list_has_the_papers_submitted_before_14_00() -> None:
    def window(day: int) -> list[str]:
        return [f"{one:%a %d %H:%M}" for one in backfill.submission_period(date(2026, 5, day))]

    assert window(6) == ["Mon 04 14:00", "Tue 05 14:00"]
    assert window(5) == ["Fri 01 14:00", "Mon 04 14:00"]
    assert window(4) == ["Thu 30 14:00", "Fri 01 14:00"]


def test_a_missed_day_is_requested_once_page_by_page(
    source: Source, server: Server, capsys: Any
) -> None:
    asked: list[dict[str, str]] = []

    def answer(query: dict[str, str]) -> bytes:
        asked.append(query)
        start = int(query["start"])
        return atom(range(start + 1, min(start + 4, 6)))

    server.answers["/api"] = replying(answer)
    [filled] = backfill.fill_missed_days(NOW)
    assert filled.line() == "arXiv 2026-04-30: entries=5 new=5"
    assert [query["start"] for query in asked] == ["0", "3"]
    assert asked[0]["search_query"] == (
        "(cat:cs.AI OR cat:hep-th*) AND submittedDate:[202604281800 TO 202604291800]"
    )
    assert set(Paper.objects.values_list("listed_on", flat=True)) == {THURSDAY}
    assert backfill.fill_missed_days(NOW) == [], "run twice, the second does nothing"
    for _ in range(2):
        call_command("backfill")
    assert "total: days=0 failed=0" in capsys.readouterr().out


def test_a_requested_day_without_papers_is_no_longer_a_gap(source: Source, server: Server) -> None:
    server.answers["/api"] = replying(lambda query: atom(range(0)))
    backfill.fill_missed_days(NOW)
    assert backfill.gaps(source, NOW) == []


def test_oai_pmh_is_read_completely_if_the_api_fails(source: Source, server: Server) -> None:
    server.answer("/api", 503)
    sets: list[str] = []

    def answer(query: dict[str, str]) -> bytes:
        if query.get("resumptionToken") == "next":
            return oai({3: "2026-04-29"})
        sets.append(query["set"])
        assert (query["from"], query["until"]) == ("2026-04-29", "2026-04-30")
        if query["set"] == "physics:hep-th":
            return b'<OAI-PMH><error code="noRecordsMatch">none</error></OAI-PMH>'
        return oai({1: "2026-04-28", 2: "2024-01-01"}, token="next")

    server.answers["/oai"] = replying(answer)
    [filled] = backfill.fill_missed_days(NOW)
    assert (filled.error, sets) == ("", ["cs:cs:AI", "physics:hep-th"])
    ids = Paper.objects.order_by("arxiv_id").values_list("arxiv_id", flat=True)
    assert list(ids) == ["2604.00001", "2604.00003"], "a record changed later is not of that day"


def test_a_day_that_cannot_be_fetched_stays_a_gap_and_is_reported(
    source: Source, server: Server, capsys: Any
) -> None:
    server.answer("/api", 500)
    server.answer("/oai", body=b"<html></html>")
    with pytest.raises(SystemExit):
        call_command("backfill", "--days", "9999")
    said = capsys.readouterr()
    assert "oai: " in said.err
    assert "failed=" in said.out
    assert backfill.gaps(source, NOW) == [THURSDAY]


@pytest.mark.parametrize(
    ("category", "name"),
    [("cs.AI", "cs:cs:AI"), ("cs", "cs"), ("hep-th", "physics:hep-th"), ("math.KT", "math:math:KT"),
     ("astro-ph.GA", "physics:astro-ph:GA"), ("quant-ph", "physics:quant-ph")],
)  # fmt: skip
def test_categories_map_to_oai_sets(category: str, name: str) -> None:
    assert backfill.oai_set(category) == name
