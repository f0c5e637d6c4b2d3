"""Requests, redirects and outcomes, against a real server on the loopback."""

from __future__ import annotations

import pytest

from papers.fetching import fetch as fetching
from papers.fetching.results import FetchResult
from tests.papers.fetching.requests import AGENT, BODY, get
from tests.papers.servers import Server


def test_result_has_body_validators_type_and_final_url(server: Server) -> None:
    url = server.answer(
        "/feed", body=BODY, ETag='"one"', Last_Modified="yesterday", Content_Type="text/xml"
    )
    assert get(url) == FetchResult(
        "ok", BODY, '"one"', "yesterday", "text/xml", final_url=url, status=200
    )


def test_request_has_user_agent_and_no_validators_by_default(server: Server) -> None:
    get(server.answer("/feed", body=BODY))
    ((_, headers),) = server.requests
    assert headers["User-Agent"] == AGENT
    assert headers["Host"] == f"127.0.0.1:{server.port}"
    assert "If-None-Match" not in headers
    assert "If-Modified-Since" not in headers


def test_validators_are_sent_back_and_304_is_not_modified(server: Server) -> None:
    fetched = get(server.answer("/feed", 304), etag='"one"', last_modified="yesterday")
    assert (fetched.outcome, fetched.body, fetched.detail) == ("not_modified", b"", "")
    ((_, headers),) = server.requests
    assert headers["If-None-Match"] == '"one"'
    assert headers["If-Modified-Since"] == "yesterday"


def test_too_long_validator_is_dropped(server: Server) -> None:
    assert get(server.answer("/feed", body=BODY, ETag="x" * 101)).etag == ""


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((410, "gone"), (429, "throttled"), (404, "http_error"), (500, "http_error")),
        *((503, "http_error"), (300, "http_error"), (301, "http_error")),
    ],
)
def test_statuses_map_to_outcomes(server: Server, status: int, outcome: str) -> None:
    url = server.answer("/feed", status)
    fetched = get(url)
    assert (fetched.outcome, fetched.status) == (outcome, status)
    assert fetched.detail == f"HTTP {status} from {url}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_to_the_final_url(server: Server, status: int) -> None:
    final = server.answer("/new", body=BODY)
    fetched = get(server.answer("/old", status, Location="/new#part"))
    assert (fetched.outcome, fetched.body, fetched.final_url) == ("ok", BODY, final)


def test_redirect_loop_ends(server: Server) -> None:
    server.answer("/b", 301, Location="/a")
    assert get(server.answer("/a", 301, Location="/b")).outcome == "redirect_loop"
    assert len(server.requests) == 2


def test_redirects_are_limited(server: Server) -> None:
    for step in range(20):
        server.answer(f"/{step}", 302, Location=f"/{step + 1}")
    assert get(server.url("/0")).outcome == "redirect_loop"
    assert len(server.requests) == fetching.MAX_REDIRECTS + 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://x/", "http://["])
def test_redirect_to_an_invalid_url_is_bad_url(server: Server, location: str) -> None:
    assert get(server.answer("/a", 302, Location=location)).outcome == "bad_url"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 6000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX-Huge: " + b"x" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"\xff\xfe\x00" * 100,
    ],
)
def test_invalid_http_is_a_network_error(server: Server, answer: bytes) -> None:
    fetched = get(server.stream("/feed", lambda: iter([answer])))
    assert fetched.outcome == "network_error"
    assert "\n" not in fetched.detail
    assert "Errno" not in fetched.detail


@pytest.mark.parametrize(
    "url",
    [
        *("", "feed", "//x/feed", "ftp://x/feed", "file:///etc/passwd", "http://", "http:///feed"),
        *("http://[::1", "http://x:99999999/", "http://user:secret@x/", "http://a b/"),
        *("http://a\nb/", "http://0177.0.0.1/", "http://①②⑦.0.0.1/", "http://[fe80::1%25eth0]/"),
    ],
)
def test_invalid_url_is_bad_url(url: str) -> None:
    fetched = get(url)
    assert fetched.outcome == "bad_url"
    assert "secret" not in fetched.detail
