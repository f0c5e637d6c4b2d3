"""Promise 38: whatever a source does has a name, is bounded, and leaves the others alone."""

from __future__ import annotations

import gzip
import itertools
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from config.redis_client import redis_client
from devtools import sample
from papers.fetching import host_throttle, network, sources
from papers.fetching.results import OUTCOMES
from papers.freshness.rules import TROUBLES
from papers.models import Paper, Source, SourceCheck
from tests.pages import Page
from tests.papers.servers import Server

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
BOMB = b"<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><rss><channel>&b;</channel></rss>"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Run a server on 127.0.0.1, the only private address that counts as public here."""
    public = network.is_public
    monkeypatch.setattr(network, "is_public", lambda ip: ip == "127.0.0.1" or public(ip))
    with Server().running() as running:
        yield running


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    with server.running() as running:
        yield running


def trickle() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    for _ in range(1000):
        time.sleep(1)
        yield b"x"


def flood() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    for _ in range(50):
        yield b" " * 2**20


def plays(server: Server, tls: Server) -> dict[str, tuple[str, str]]:
    """Name of each play, its address, and the outcome it should have."""
    soon = (datetime.now(UTC) + timedelta(hours=2)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    there, back = server.url("/there"), server.url("/back")
    server.answer("/there", 301, Location=back)
    server.answer("/back", 301, Location=there)
    packed = gzip.compress(b" " * 60_000_000)
    bomb = server.answer("/bomb.gz", body=packed, Content_Encoding="gzip")
    inside = server.answer("/inside", 302, Location="http://169.254.169.254/latest/meta-data/")
    return {
        "unchanged": (server.answer("/304", 304), "not_modified"),
        "circle": (there, "redirect_loop"),
        "gone": (server.answer("/410", 410), "gone"),
        "busy seconds": (server.answer("/429", 429, Retry_After="7200"), "throttled"),
        "busy moment": (server.answer("/503", 503, Retry_After=soon), "throttled"),
        "error": (server.answer("/500", 500), "http_error"),
        "gzip bomb": (bomb, "too_large"),
        "50 MB": (server.stream("/flood", flood), "too_large"),
        "a byte a second": (server.stream("/trickle", trickle), "too_slow"),
        "to a private address": (inside, "refused_address"),
        "by name to a private address": ("http://inside.test/feed", "refused_address"),
        "certificate": (tls.url("/feed", scheme="https"), "tls_error"),
        "closed port": ("http://127.0.0.1:1/feed", "network_error"),
        "entity bomb": (server.answer("/entities", body=BOMB), "unreadable"),
        "a page": (server.answer("/page", body=b"<html><body>Hello</body></html>"), "unreadable"),
        "bad encoding": (server.answer("/br", body=b"x", Content_Encoding="br"), "undecodable"),
        "nowhere": (server.answer("/nowhere", 302, Location="ftp://example.org/"), "bad_url"),
    }


@pytest.fixture
def played(
    server: Server, tls_server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, tuple[str, str]]:
    monkeypatch.setattr(sources, "SECONDS", 2.0)
    monkeypatch.setattr(
        host_throttle, "hold_host", lambda host, wait: None
    )  # all plays are of one host
    known = network.resolve
    monkeypatch.setattr(
        network,
        "resolve",
        lambda host, port: ["10.0.0.7"] if host == "inside.test" else known(host, port),
    )
    found = plays(server, tls_server)
    for name, (url, _outcome) in found.items():
        Source.objects.create(name=name, url=url)
    body = sample.write_for(date(2026, 11, 24), tmp_path)[0].read_bytes()
    Source.objects.create(name="zz good", url=server.answer("/good", body=body))
    return found


@pytest.mark.promise(38)
def test_every_failure_has_an_outcome_and_other_sources_continue(
    played: dict[str, tuple[str, str]], admin_client: Client, client: Client, capsys: Any
) -> None:
    started = time.monotonic()
    with pytest.raises(SystemExit):
        call_command("ingest")
    assert time.monotonic() - started < 30, "the slow one is cut off after its two seconds"
    assert Paper.objects.count() == 30, "the good source was read, the last of all"
    for name, (_url, outcome) in played.items():
        source = Source.objects.get(name=name)
        assert (name, source.outcome) == (name, outcome)
        page = admin_client.get(reverse("admin:papers_source_change", args=[source.pk])).text
        assert f'<td data-label="Outcome">{outcome}' in page
    public = client.get("/status/").text
    assert "It redirects in a loop." in public
    assert "meta-data" not in public, "addresses are for the admin"
    assert SourceCheck.objects.filter(state="broken").count() == len(played)
    parked = Source.objects.exclude(parked_at=None)
    assert [source.name for source in parked] == ["gone"]


def test_save_and_check_now_shows_the_result(
    played: dict[str, tuple[str, str]], admin_client: Client
) -> None:
    for name, (_url, outcome) in played.items():
        source = Source.objects.get(name=name)
        page = Page.open(admin_client, reverse("admin:papers_source_change", args=[source.pk]))
        answer = page.submit("Save and check now")
        assert answer.url == page.url, name
        [said] = answer.response.context["messages"]
        assert str(said).startswith(f"Checked {name}: {outcome}"), said
        assert f'<td data-label="Outcome">{outcome}' in answer.html
        assert source.checks.get().outcome == outcome


def test_both_formats_of_retry_after_postpone_a_source(
    played: dict[str, tuple[str, str]], capsys: Any
) -> None:
    for name in ("busy seconds", "busy moment"):
        source = Source.objects.get(name=name)
        now = datetime.now(UTC)
        sources.check_source(source, now)
        assert source.next_check_at - now > timedelta(hours=1, minutes=55)


def test_every_outcome_has_a_message() -> None:
    assert set(OUTCOMES) - {"ok", "postponed"} <= set(TROUBLES)


# --- Turns ------------------------------------------------------------------------------------


def test_all_workers_share_the_request_rate_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(host_throttle.SECONDS, "paced.test", 0.2)
    asked: list[float] = []

    def work() -> None:
        for _ in range(3):
            host_throttle.wait_for_turn("feeds.paced.test")
            asked.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(3)]
    with ExitStack() as stack:
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
    asked.sort()
    gaps = [after - before for before, after in itertools.pairwise(asked)]
    assert len(asked) == 9
    assert min(gaps) > 0.15, "threads wake a little late, never early"


def test_requests_to_all_arxiv_hosts_are_three_seconds_apart() -> None:
    names = ("rss.arxiv.org", "export.arxiv.org", "arxiv.org", "oaipmh.arxiv.org.")
    assert {host_throttle._key(name) for name in names} == {("arxiv.org", 3.0)}
    assert host_throttle._key("notarxiv.org")[1] != 3.0


def test_retry_after_postpones_all_sources_of_the_host(server: Server) -> None:
    busy = Source.objects.create(url=server.answer("/429", 429, Retry_After="7200"))
    other = Source.objects.create(url=server.answer("/other", body=b"<rss/>"))
    now = datetime.now(UTC)
    sources.check_source(busy, now)
    done = sources.check_source(other, now)
    assert done.outcome == "postponed"
    assert [path for path, _ in server.requests] == ["/429"]
    assert (other.failures, other.checks.get().state) == (0, "postponed")
    assert other.next_check_at - now > timedelta(hours=1, minutes=55)


@pytest.mark.parametrize(("name", "rest"), [(0, ""), (1, " 0.2")], ids=["turn", "pause"])
@pytest.mark.promise(48)
def test_a_clock_that_ran_ahead_blocks_no_host(
    monkeypatch: pytest.MonkeyPatch, name: int, rest: str
) -> None:
    """Redis's clock was a day ahead when it wrote this, and has been set back."""
    host = f"ahead{name}.test"
    monkeypatch.setitem(host_throttle.SECONDS, host, 0.1)
    redis_client().set(
        host_throttle._names(host)[name], f"{time.time() + 86_400}{rest}", px=90_000_000
    )
    begun = time.monotonic()
    assert [host_throttle.wait_for_turn(host) for _ in range(3)] == [None] * 3
    assert 0.2 < time.monotonic() - begun < 5


def test_a_pause_has_its_full_length_after_a_clock_ran_ahead() -> None:
    redis_client().set(
        host_throttle._names("long.test")[1], f"{time.time() + 86_400} 3600", px=90_000_000
    )
    for _ in range(2):
        wait = host_throttle.wait_for_turn("long.test")
        assert wait is not None
        assert timedelta(minutes=59) < wait <= timedelta(hours=1)
    host_throttle.hold_host("long.test", timedelta(minutes=1))
    assert (host_throttle.wait_for_turn("long.test") or timedelta()) > timedelta(minutes=59), (
        "the longer one counts"
    )
    host_throttle.hold_host("long.test", timedelta(hours=2))
    assert (host_throttle.wait_for_turn("long.test") or timedelta()) > timedelta(hours=1)


def test_a_worker_without_redis_waits_between_requests(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setitem(host_throttle.SECONDS, "paced.test", 0.1)
    started = time.monotonic()
    assert host_throttle.wait_for_turn("paced.test") is None
    assert time.monotonic() - started >= 0.1
    host_throttle.hold_host("paced.test", timedelta(hours=1))


# --- Parking ----------------------------------------------------------------------------------


def test_a_source_that_keeps_failing_is_suspended_until_a_curator_resumes_it(
    server: Server, admin_client: Client
) -> None:
    source = Source.objects.create(name="A list", url=server.answer("/feed", 500))
    now = datetime.now(UTC)
    for number in range(sources.MAX_FAILURES):
        assert source.parked_at is None, number
        sources.check_source(source, now)
    assert not Source.objects.due(now + timedelta(days=30)).exists()
    page = Page.open(admin_client, reverse("admin:papers_source_changelist"))
    assert "Not checked since" in page.text
    server.answer("/feed", body=b"<rss version='2.0'><channel><title>Here</title></channel></rss>")
    page = page.submit("Go", action="check_now", _selected_action=[f"{source.pk}"])
    assert "A list: ok. 0 entries, 0 new." in page.text
    source.refresh_from_db()
    assert (source.parked_at, source.failures) == (None, 0)
