"""Bodies are decompressed and limited in size."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from tests.papers.fetching.requests import BODY, get
from tests.papers.servers import Server

CUT = gzip.compress(BODY, mtime=0)[:-9]


def test_body_may_have_exactly_the_maximum_size(server: Server) -> None:
    url = server.answer("/feed", body=b"x" * 1000)
    assert get(url, max_bytes=1000).outcome == "ok"
    assert get(url, max_bytes=999).outcome == "too_large"


def test_body_of_unknown_length_is_cut_off_at_the_limit(server: Server) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            sent += 65_536
            yield b"x" * 65_536

    assert get(server.stream("/feed", endless), max_bytes=100_000).outcome == "too_large"
    assert sent < 20_000_000


def test_gzip_body_is_decompressed(server: Server) -> None:
    packed = gzip.compress(BODY) + gzip.compress(b"<!-- second member -->")
    fetched = get(server.answer("/feed", body=packed, Content_Encoding="gzip"))
    assert (fetched.outcome, fetched.body) == ("ok", BODY + b"<!-- second member -->")


def test_zip_bomb_is_not_decompressed_beyond_the_limit(server: Server) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    fetched = get(server.answer("/feed", body=bomb, Content_Encoding="gzip"), max_bytes=200_000)
    assert (fetched.outcome, fetched.body) == ("too_large", b"")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", CUT), ("gzip", BODY), ("br", BODY), ("gzip, gzip", BODY)],
)
def test_undecodable_body_is_refused(server: Server, encoding: str, body: bytes) -> None:
    fetched = get(server.answer("/feed", body=body, Content_Encoding=encoding))
    assert fetched.outcome == "undecodable"
