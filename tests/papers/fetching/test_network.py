"""Connections go only to checked addresses, end at the deadline, and verify certificates."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from papers.fetching import fetch as fetching
from papers.fetching import network
from tests.papers.fetching.requests import BODY, get, resolve_as
from tests.papers.servers import Server


def dripping(head: bytes, drop: bytes) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield head
        for _ in range(100):
            time.sleep(0.05)
            yield drop

    return pieces


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n"),
        (b"", b""),
    ],
    ids=["body", "header line", "headers", "silence"],
)
def test_slow_response_ends_at_the_deadline(server: Server, head: bytes, drop: bytes) -> None:
    url = server.stream("/feed", dripping(head, drop))
    begun = time.monotonic()
    assert get(url, seconds=0.4).outcome == "too_slow"
    assert time.monotonic() - begun < 1.5


def test_deadline_covers_all_redirects(server: Server) -> None:
    def slow(step: int) -> Callable[[], Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            time.sleep(0.2)
            yield b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /%d\r\n\r\n" % (step + 1)

        return pieces

    for step in range(6):
        server.stream(f"/{step}", slow(step))
    assert get(server.url("/0"), seconds=0.5).outcome == "too_slow"


def test_closed_port_is_a_network_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        fetched = get(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert fetched.outcome == "network_error"
    assert fetched.detail == "Connection refused"


def test_unknown_host_name_is_a_network_error() -> None:
    fetched = get("http://no-such-host.invalid/feed")
    assert fetched.outcome == "network_error"
    assert fetched.detail == "no-such-host.invalid: host name not found"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "2130706433", "0x7f000001", "017700000001", "127.1", "0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::127.0.0.1]"),
    ],
)
def test_loopback_is_refused_in_every_notation(server: Server, host: str) -> None:
    server.answer("/feed", body=BODY)
    assert get(server.url("/feed", host), allow_private=False).outcome == "refused_address"
    assert server.requests == []


def test_host_name_with_a_private_address_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_as(monkeypatch, ("127.0.0.1",))
    server.answer("/feed", body=BODY)
    fetched = get(server.url("/feed", "inside.test"), allow_private=False)
    assert (fetched.outcome, fetched.detail) == (
        "refused_address",
        "inside.test is 127.0.0.1, no public address",
    )
    assert server.requests == []


def test_host_name_with_one_private_address_among_several_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_as(monkeypatch, ("93.184.215.14", "127.0.0.1"))
    server.answer("/feed", body=BODY)
    fetched = get(server.url("/feed", "mixed.test"), allow_private=False)
    assert fetched.outcome == "refused_address"


def test_connection_goes_to_the_checked_address(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answer a second lookup with another address; there must be none."""
    asked = resolve_as(monkeypatch, ("127.0.0.1",), ("192.0.2.1",))
    server.answer("/feed", body=BODY)
    assert get(server.url("/feed", "rebinding.test")).outcome == "ok"
    assert asked == ["rebinding.test"]
    assert server.requests[0][1]["Host"] == f"rebinding.test:{server.port}"


def test_redirect_to_a_private_address_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count the loopback as public, so that only the redirect is private."""
    monkeypatch.setattr(network, "is_public", lambda address: address == "127.0.0.1")
    resolve_as(monkeypatch, ("10.0.0.1",))
    for location in ("http://10.0.0.1/", "http://inside.test/", "http://[::1]/"):
        fetched = get(server.answer("/feed", 302, Location=location), allow_private=False)
        assert fetched.outcome == "refused_address", location


def test_proxies_of_the_environment_are_ignored(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert get(server.answer("/feed", body=BODY)).outcome == "ok"


# --- TLS ----------------------------------------------------------------------------------------


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    server.answer("/feed", body=BODY)
    with server.running() as running:
        yield running


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    fetching.tls_context.cache_clear()
    yield
    fetching.tls_context.cache_clear()


def test_untrusted_certificate_is_a_tls_error(
    tls_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_as(monkeypatch, ("127.0.0.1",))
    fetched = get(tls_server.url("/feed", "feed.test", "https"))
    assert fetched.outcome == "tls_error"
    assert "certificate verify failed" in fetched.detail


@pytest.mark.usefixtures("trusted")
def test_certificate_is_checked_against_the_host_name(
    tls_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_as(monkeypatch, ("127.0.0.1",))
    assert get(tls_server.url("/feed", "feed.test", "https")).outcome == "ok"
    assert get(tls_server.url("/feed", "other.test", "https")).outcome == "tls_error"


def test_plain_http_at_an_https_url_is_a_tls_error(server: Server) -> None:
    server.answer("/feed", body=BODY)
    assert get(server.url("/feed", scheme="https")).outcome == "tls_error"
