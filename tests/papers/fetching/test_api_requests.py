"""Single requests to an API have the limits of every fetch, and follow no redirect."""

from __future__ import annotations

import gzip

from papers.fetching.api_requests import ApiAnswer, send_request
from tests.papers.servers import Server


def ask(url: str, method: str = "GET", **options: object) -> ApiAnswer:
    settings = {"headers": {"X-Key": "secret"}, "seconds": 5.0, "allow_private": True} | options
    return send_request(method, url, **settings)  # type: ignore[arg-type]


def test_an_answer_has_status_headers_and_body_whatever_the_status(server: Server) -> None:
    packed = gzip.compress(b"[1]")
    answer = ask(server.answer("/a", 200, packed, Content_Encoding="gzip", Backoff="3"))
    assert (answer.status, answer.body, answer.headers["backoff"]) == (200, b"[1]", "3")
    answer = ask(server.answer("/b", 412, b"changed"))
    assert (answer.status, answer.body) == (412, b"changed")
    assert server.requests[0][1]["X-Key"] == "secret"


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.answer("/target", body=b"never")
    answer = ask(server.answer("/start", 302, Location=server.url("/target")))
    assert answer.status == 302
    assert [path for path, _headers in server.requests] == ["/start"]


def test_private_addresses_large_bodies_and_bad_urls_give_no_answer(server: Server) -> None:
    url = server.answer("/a", body=b"x" * 100)
    assert ask(url, max_bytes=99).detail == "100 bytes, more than 99"
    assert "no public address" in ask(url, allow_private=False).detail
    assert len(server.requests) == 1
    assert "only http and https" in ask("file:///etc/passwd").detail
    assert ask(url, max_bytes=99).status == 0


def test_a_body_that_breaks_off_gives_no_answer(server: Server) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,"
    answer = ask(server.stream("/a", lambda: iter([head])))
    assert (answer.status, answer.body) == (0, b"")
