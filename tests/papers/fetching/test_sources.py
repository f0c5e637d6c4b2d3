from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from devtools import sample
from devtools.benchmarks import synthetic_feeds
from papers.fetching import sources
from papers.models import Document, Paper, Source
from tests.papers.servers import Server
from tests.papers.test_ingest import refuse_to_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


class Publisher(ThreadingHTTPServer):
    """A source on loopback: serves `body` with `status` and `headers`, or 304 for its ETag."""

    status = 200
    body = b""
    headers: dict[str, str] = {"ETag": '"one"'}
    asked: list[dict[str, str]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/rss"


class Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        publisher = self.server
        publisher.asked.append(dict(self.headers))
        fresh = self.headers.get("If-None-Match") == publisher.headers.get("ETag", "none")
        self.send_response(304 if fresh else publisher.status)
        for name, value in publisher.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if not fresh:
            self.wfile.write(publisher.body)

    def log_message(self, *_: Any) -> None:
        """Tests say what they need themselves."""


@pytest.fixture
def publisher(settings: Any, tmp_path: Path) -> Iterator[Publisher]:
    settings.ALLOW_PRIVATE_SOURCES = True
    server = Publisher(("127.0.0.1", 0), Handler)
    server.asked = []
    server.body = sample.write_for(date(2026, 11, 24), tmp_path)[0].read_bytes()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def source(publisher: Publisher) -> Source:
    return Source.objects.create(name="A list", url=publisher.url, next_check_at=NOW)


def test_a_due_source_is_fetched_and_stored(source: Source, publisher: Publisher) -> None:
    done = sources.check_if_due(source.pk, NOW)
    assert done is not None
    assert done.result is not None
    assert done.result.new == Paper.objects.count() == 30
    source.refresh_from_db()
    assert (source.outcome, source.failures, source.succeeded_at) == ("ok", 0, NOW)
    assert source.next_check_at == NOW + timedelta(minutes=60)
    assert "mailto:" in publisher.asked[0]["User-Agent"]


def test_an_unchanged_document_is_not_sent_again(source: Source, publisher: Publisher) -> None:
    sources.check_source(source, NOW)
    again = sources.check_source(source, NOW + timedelta(hours=1))
    assert again.outcome == "not_modified"
    assert not again.is_failure
    assert publisher.asked[1]["If-None-Match"] == '"one"'
    assert Document.objects.count() == 1


def test_a_source_is_checked_by_one_worker_only(source: Source, publisher: Publisher) -> None:
    assert Source.objects.claim(source.pk, NOW)
    assert sources.check_if_due(source.pk, NOW) is None
    assert publisher.asked == []


def test_a_failing_source_is_checked_less_often_and_records_the_reason(
    source: Source, publisher: Publisher
) -> None:
    publisher.status, publisher.headers = 500, {}
    waits = []
    for _ in range(3):
        sources.check_source(source, NOW)
        waits.append(source.next_check_at - NOW)
    source.refresh_from_db()
    assert (source.outcome, source.failures) == ("http_error", 3)
    assert waits[0] < waits[1] < waits[2] <= timedelta(days=1.1)
    publisher.status = 200
    sources.check_source(source, NOW)
    assert (source.failures, source.error) == (0, "")


def test_an_unreadable_document_changes_no_papers_and_is_fetched_again(
    source: Source, publisher: Publisher
) -> None:
    sources.check_source(source, NOW)
    publisher.body, publisher.headers = b"<html><body>Sorry</body></html>", {"ETag": '"two"'}
    done = sources.check_source(source, NOW)
    assert done.outcome == "unreadable"
    assert "HTML" in done.error
    assert Paper.objects.count() == 30
    assert source.etag == '"one"', "the validator of a document that was not stored is not kept"


def test_retry_after_postpones_the_next_check(source: Source, publisher: Publisher) -> None:
    publisher.status, publisher.headers = 429, {"Retry-After": "86400"}
    sources.check_source(source, NOW)
    assert source.outcome == "throttled"
    assert source.next_check_at >= NOW + timedelta(days=1)


def test_a_source_that_is_gone_is_not_checked_again(source: Source, publisher: Publisher) -> None:
    publisher.status, publisher.headers = 410, {}
    sources.check_source(source, NOW)
    source.refresh_from_db()
    assert source.active, "that switch is the curator's"
    assert source.parked_at == NOW
    assert not Source.objects.due(NOW + timedelta(days=9)).exists()


def test_private_addresses_are_refused(source: Source, publisher: Publisher, settings: Any) -> None:
    settings.ALLOW_PRIVATE_SOURCES = False
    assert sources.check_source(source, NOW).outcome == "refused_address"
    assert publisher.asked == []


def test_the_command_fetches_due_sources_and_continues_after_a_failure(
    source: Source, capsys: Any
) -> None:
    Source.objects.create(name="Broken", url="http://127.0.0.1:1/rss", next_check_at=NOW)
    with pytest.raises(SystemExit):
        call_command("ingest")
    said = capsys.readouterr()
    assert "entries=30 new=30" in said.out
    assert "http://127.0.0.1:1/rss: network_error: " in said.err


def test_the_command_reports_that_no_source_is_due(
    db: None, capsys: Any, make_paper: Callable[..., Paper]
) -> None:
    call_command("ingest")
    assert "documents=0" in capsys.readouterr().out


# --- Hugging Face: days and pages ---------------------------------------------------------------


def test_votes_are_refreshed_by_day_and_further_pages_are_read(
    settings: Any,
) -> None:
    settings.ALLOW_PRIVATE_SOURCES = True
    day = date(2026, 11, 20)
    with Server().running() as server:
        pages = {None: synthetic_feeds.hf_daily(4, day), "1": synthetic_feeds.hf_daily(6, day)}
        server.answer("/daily?limit=5", body=pages[None])
        server.answer("/daily?limit=5&p=1", body=pages["1"])
        server.answer("/daily?limit=5&p=2", body=b"[]")
        for back in (1, 2):
            before = day - timedelta(days=back)
            url = f"/daily?limit=5&date={before}"
            server.answer(url, body=synthetic_feeds.hf_daily(1, before - timedelta(days=30)))
        source = Source.objects.create(url=server.url("/daily?limit=5"))
        done = sources.check_source(source, NOW)
        asked = [path for path, _ in server.requests]
    assert done.outcome == "ok"
    assert asked == [
        "/daily?limit=5",
        "/daily?limit=5&p=1",
        "/daily?limit=5&p=2",
        "/daily?limit=5&date=2026-11-19",
        "/daily?limit=5&date=2026-11-18",
    ]
    assert Paper.objects.count() == 7
    assert source.checks.get().state == "fresh"
    assert source.kind == "hf-daily"


@pytest.mark.promise(47)
def test_an_exception_in_a_check_is_recorded_and_backs_off(
    source: Source, publisher: Publisher
) -> None:
    """A check never ends without a trace, or it would be repeated at once and tell nobody."""
    publisher.body = b"<rss version='2.0'><channel><item><title>R1</title></item></channel></rss>"
    refuse_to_store("R1")
    done = sources.check_if_due(source.pk, NOW)
    source.refresh_from_db()
    assert done is not None
    assert (done.outcome, source.outcome, source.failures) == ("fault", "fault", 1)
    assert source.next_check_at > NOW + timedelta(minutes=source.check_every)
    check = source.checks.get()
    assert (check.outcome, check.state) == ("fault", "broken")
    assert "error on our side" in check.reason
