"""Fetching, against a real server on the loopback; each of its paths plays one kind of trouble."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from papers.fetching import fetch as fetching
from papers.fetching.fetch import FetchResult, fetch, is_public, retry_after
from tests.papers.servers import Server
from tests.shared_data import SHARED, needs_shared_data

NOW = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)
AGENT = "Paperboy/0.1 (+https://paperboy.example.org; mailto:desk@paperboy.example.org)"
BODY = b"<rss version='2.0'><channel><title>Papers</title></channel></rss>"
CUT = gzip.compress(BODY, mtime=0)[:-9]
ADDRESSES = SHARED / "bad" / "ssrf" / "addresses.json"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as running:
        yield running


def get(url: str, **options: object) -> FetchResult:
    settings = {"user_agent": AGENT, "now": NOW, "allow_private": True, "seconds": 5.0} | options
    return fetch(url, **settings)  # type: ignore[arg-type]


def dripping(head: bytes, drop: bytes) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield head
        for _ in range(100):
            time.sleep(0.05)
            yield drop

    return pieces


# --- Answers ----------------------------------------------------------------------------------


def test_a_document_comes_with_its_validators_type_and_address(server: Server) -> None:
    url = server.answer(
        "/feed", body=BODY, ETag='"one"', Last_Modified="yesterday", Content_Type="text/xml"
    )
    assert get(url) == FetchResult(
        "ok", BODY, '"one"', "yesterday", "text/xml", final_url=url, status=200
    )


def test_the_request_says_who_asks_and_sends_no_validators_of_its_own(server: Server) -> None:
    get(server.answer("/feed", body=BODY))
    ((_, headers),) = server.requests
    assert headers["User-Agent"] == AGENT
    assert headers["Host"] == f"127.0.0.1:{server.port}"
    assert "If-None-Match" not in headers
    assert "If-Modified-Since" not in headers


def test_validators_are_sent_back_and_an_unchanged_document_is_said_to_be(server: Server) -> None:
    fetched = get(server.answer("/feed", 304), etag='"one"', last_modified="yesterday")
    assert (fetched.outcome, fetched.body, fetched.detail) == ("not_modified", b"", "")
    ((_, headers),) = server.requests
    assert headers["If-None-Match"] == '"one"'
    assert headers["If-Modified-Since"] == "yesterday"


def test_a_validator_too_long_to_keep_is_left_out(server: Server) -> None:
    assert get(server.answer("/feed", body=BODY, ETag="x" * 101)).etag == ""


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((410, "gone"), (429, "throttled"), (404, "http_error"), (500, "http_error")),
        *((503, "http_error"), (300, "http_error"), (301, "http_error")),
    ],
)
def test_other_statuses_have_their_names(server: Server, status: int, outcome: str) -> None:
    url = server.answer("/feed", status)
    fetched = get(url)
    assert (fetched.outcome, fetched.status) == (outcome, status)
    assert fetched.detail == f"HTTP {status} from {url}"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["120", "Mon, 10 Mar 2025 12:02:00 GMT"])
def test_a_pause_asked_for_in_either_form_is_heard(server: Server, status: int, value: str) -> None:
    fetched = get(server.answer("/feed", status, Retry_After=value))
    assert (fetched.outcome, fetched.retry_after) == ("throttled", timedelta(minutes=2))


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta()),
        ("Mon, 10 Mar 2025 11:00:00 GMT", timedelta()),
        ("Mon, 10 Mar 2025 12:01:00 -0000", timedelta(minutes=1)),
        ("99999999999999999999", timedelta(days=7)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=7)),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_a_pause_is_never_negative_endless_or_a_crash(value: str, wait: timedelta | None) -> None:
    assert retry_after(value, NOW) == wait


# --- Redirects --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_to_the_final_address(server: Server, status: int) -> None:
    final = server.answer("/new", body=BODY)
    fetched = get(server.answer("/old", status, Location="/new#part"))
    assert (fetched.outcome, fetched.body, fetched.final_url) == ("ok", BODY, final)


def test_a_circle_of_redirects_ends(server: Server) -> None:
    server.answer("/b", 301, Location="/a")
    assert get(server.answer("/a", 301, Location="/b")).outcome == "redirect_loop"
    assert len(server.requests) == 2


def test_an_endless_chain_of_redirects_ends(server: Server) -> None:
    for step in range(20):
        server.answer(f"/{step}", 302, Location=f"/{step + 1}")
    assert get(server.url("/0")).outcome == "redirect_loop"
    assert len(server.requests) == fetching.MAX_REDIRECTS + 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://x/", "http://["])
def test_a_redirect_to_nowhere_is_a_bad_address(server: Server, location: str) -> None:
    assert get(server.answer("/a", 302, Location=location)).outcome == "bad_url"


# --- Bounds -----------------------------------------------------------------------------------


def test_a_body_is_taken_up_to_the_limit_and_not_a_byte_more(server: Server) -> None:
    url = server.answer("/feed", body=b"x" * 1000)
    assert get(url, max_bytes=1000).outcome == "ok"
    assert get(url, max_bytes=999).outcome == "too_large"


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(server: Server) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            sent += 65_536
            yield b"x" * 65_536

    assert get(server.stream("/feed", endless), max_bytes=100_000).outcome == "too_large"
    assert sent < 20_000_000


def test_a_compressed_document_is_unpacked(server: Server) -> None:
    packed = gzip.compress(BODY) + gzip.compress(b"<!-- second member -->")
    fetched = get(server.answer("/feed", body=packed, Content_Encoding="gzip"))
    assert (fetched.outcome, fetched.body) == ("ok", BODY + b"<!-- second member -->")


def test_a_bomb_is_not_unpacked_beyond_the_limit(server: Server) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    fetched = get(server.answer("/feed", body=bomb, Content_Encoding="gzip"), max_bytes=200_000)
    assert (fetched.outcome, fetched.body) == ("too_large", b"")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", CUT), ("gzip", BODY), ("br", BODY), ("gzip, gzip", BODY)],
)
def test_a_body_that_cannot_be_unpacked_is_refused(
    server: Server, encoding: str, body: bytes
) -> None:
    fetched = get(server.answer("/feed", body=body, Content_Encoding=encoding))
    assert fetched.outcome == "undecodable"


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
def test_a_trickle_ends_when_the_time_is_up(server: Server, head: bytes, drop: bytes) -> None:
    url = server.stream("/feed", dripping(head, drop))
    begun = time.monotonic()
    assert get(url, seconds=0.4).outcome == "too_slow"
    assert time.monotonic() - begun < 1.5


def test_the_time_is_for_all_redirects_together(server: Server) -> None:
    def slow(step: int) -> Callable[[], Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            time.sleep(0.2)
            yield b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /%d\r\n\r\n" % (step + 1)

        return pieces

    for step in range(6):
        server.stream(f"/{step}", slow(step))
    assert get(server.url("/0"), seconds=0.5).outcome == "too_slow"


# --- A network that fails -----------------------------------------------------------------------


def test_a_closed_port_is_a_network_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        fetched = get(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert fetched.outcome == "network_error"
    assert fetched.detail == "Connection refused"


def test_an_unknown_name_is_a_network_error() -> None:
    fetched = get("http://no-such-host.invalid/feed")
    assert fetched.outcome == "network_error"
    assert fetched.detail == "no-such-host.invalid: host name not found"


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
def test_an_answer_that_is_no_http_is_a_network_error(server: Server, answer: bytes) -> None:
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
def test_what_is_no_address_of_the_web_is_said_to_be_none(url: str) -> None:
    fetched = get(url)
    assert fetched.outcome == "bad_url"
    assert "secret" not in fetched.detail


# --- Addresses inside the house -----------------------------------------------------------------

REFUSED = """
    0.0.0.0 10.0.0.1 100.64.0.0 100.100.100.200 127.0.0.1 127.1.2.3 168.63.129.16 169.254.169.254
    172.16.0.1 192.168.2.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 192.0.2.1
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::192.168.2.1
    64:ff9b::7f00:1 2002:C0A8:FFFF:: 2002:7f00:1:: fe80::1 fe80::1%eth0 FEC0:CCCC:: fc00::1
    fd00:ec2::254 ff02::1 2001:db8::1 2001::1
""".split()
PUBLIC = """
    1.2.3.4 8.8.8.8 132.0.5.1 152.254.90.1 178.254.90.1 200.1.1.1 172.32.0.1 100.128.0.1
    2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::
""".split()


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_inside_the_house_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@needs_shared_data
def test_every_recorded_address_is_judged_as_expected() -> None:
    for entry in json.loads(ADDRESSES.read_text()):
        if "/" not in entry:
            assert is_public(entry) == (entry in PUBLIC), entry
        elif "127.0.0.1:" in entry or "localhost" in entry:
            assert get(entry, allow_private=False).outcome == "refused_address", entry


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "2130706433", "0x7f000001", "017700000001", "127.1", "0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::127.0.0.1]"),
    ],
)
def test_the_loopback_is_refused_in_every_spelling(server: Server, host: str) -> None:
    server.answer("/feed", body=BODY)
    assert get(server.url("/feed", host), allow_private=False).outcome == "refused_address"
    assert server.requests == []


Lookup = Callable[..., list[tuple[int, int, int, str, tuple[str, int]]]]


def names(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, ...]) -> list[str]:
    """Answers each lookup of a name with the next of these; returns the names asked for."""
    real: Lookup = socket.getaddrinfo
    asked: list[str] = []

    def lookup(host: str, port: int, *args: object, **options: object) -> object:
        if not host.endswith(".test"):
            return real(host, port, *args, **options)
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


def test_a_name_that_leads_into_the_house_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, ("127.0.0.1",))
    server.answer("/feed", body=BODY)
    fetched = get(server.url("/feed", "inside.test"), allow_private=False)
    assert (fetched.outcome, fetched.detail) == (
        "refused_address",
        "inside.test is 127.0.0.1, no public address",
    )
    assert server.requests == []


def test_a_name_with_one_address_in_the_house_is_refused_for_all(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, ("93.184.215.14", "127.0.0.1"))
    server.answer("/feed", body=BODY)
    fetched = get(server.url("/feed", "mixed.test"), allow_private=False)
    assert fetched.outcome == "refused_address"


def test_the_connection_goes_to_the_address_that_was_checked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second lookup would be answered otherwise; there is none."""
    asked = names(monkeypatch, ("127.0.0.1",), ("192.0.2.1",))
    server.answer("/feed", body=BODY)
    assert get(server.url("/feed", "rebinding.test")).outcome == "ok"
    assert asked == ["rebinding.test"]
    assert server.requests[0][1]["Host"] == f"rebinding.test:{server.port}"


def test_a_redirect_into_the_house_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loopback plays an open address here, so that only the redirect leads inside."""
    monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1")
    names(monkeypatch, ("10.0.0.1",))
    for location in ("http://10.0.0.1/", "http://inside.test/", "http://[::1]/"):
        fetched = get(server.answer("/feed", 302, Location=location), allow_private=False)
        assert fetched.outcome == "refused_address", location


def test_no_proxy_of_the_environment_comes_between(
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
    fetching._tls.cache_clear()
    yield
    fetching._tls.cache_clear()


def test_a_certificate_nobody_vouches_for_is_a_tls_error(
    tls_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, ("127.0.0.1",))
    fetched = get(tls_server.url("/feed", "feed.test", "https"))
    assert fetched.outcome == "tls_error"
    assert "certificate verify failed" in fetched.detail


@pytest.mark.usefixtures("trusted")
def test_the_certificate_is_checked_against_the_name_not_the_address(
    tls_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, ("127.0.0.1",))
    assert get(tls_server.url("/feed", "feed.test", "https")).outcome == "ok"
    assert get(tls_server.url("/feed", "other.test", "https")).outcome == "tls_error"


def test_plain_http_on_a_tls_address_is_a_tls_error(server: Server) -> None:
    server.answer("/feed", body=BODY)
    assert get(server.url("/feed", scheme="https")).outcome == "tls_error"
