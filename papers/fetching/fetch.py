"""Fetch one document over HTTP, politely and within limits of time and size.

`fetch` always returns a named outcome. Private addresses are refused: each host name is resolved
once, all its addresses are checked, and the connection goes to a checked address, so that neither
a redirect nor a second DNS answer leads elsewhere. TLS is verified against the host name.

httpcore, the layer below httpx, allows a custom connection; httpx parses URLs and makes the TLS
context.
"""

import ipaddress
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Literal, get_args

import httpcore
import httpx

Outcome = Literal[
    "ok",
    "not_modified",  # 304 to our validators
    "gone",  # 410: never request it again
    "throttled",  # 429, or 503 with Retry-After
    "http_error",  # any other status
    "too_large",  # on the wire or decompressed
    "too_slow",  # not complete within the time allowed
    "redirect_loop",
    "refused_address",  # resolves to a private, local or reserved address
    "bad_url",
    "undecodable",  # a Content-Encoding that is broken or not supported
    "tls_error",
    "network_error",
    "postponed",  # not requested: the host's next turn is too far away
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

MAX_BYTES = 20_000_000
SECONDS = 30.0
MAX_REDIRECTS = 5
# A server may ask for a pause, but not disable a source for good.
LONGEST_RETRY_AFTER = timedelta(days=7)
LONGEST_VALIDATOR = 100  # characters of an ETag or Last-Modified worth keeping

_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of one fetch. `detail` describes a failure in one line."""

    outcome: Outcome
    body: bytes = b""
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""
    final_url: str = ""
    status: int | None = None
    detail: str = ""
    retry_after: timedelta | None = None


def fetch(
    url: str,
    *,
    user_agent: str,
    now: datetime,
    etag: str = "",
    last_modified: str = "",
    max_bytes: int = MAX_BYTES,
    seconds: float = SECONDS,
    allow_private: bool = False,
    turn: Callable[[str], timedelta | None] | None = None,
) -> FetchResult:
    """GET `url` and follow redirects; send the validators of the last response if given.

    `seconds` limits the total time with redirects, except for DNS, which has its own limit.
    `max_bytes` limits the body as sent and as decompressed. A Retry-After date counts from `now`.
    `allow_private` is for tests and for feeds in a private network. `turn` is called with the host
    before each request and may block; that time does not count. If it returns a wait, the host is
    not requested. Never raises for anything the server does.
    """
    headers = {
        "User-Agent": user_agent,
        "Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, "
        "application/json;q=0.9, */*;q=0.5",
        "Accept-Encoding": "gzip",
    }
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": last_modified} if last_modified else {}
    deadline = _Deadline(seconds)
    network = _CheckedNetwork(deadline, allow_private)
    asking = _Asking(headers, max_bytes, now, deadline, turn)
    try:
        with httpcore.ConnectionPool(ssl_context=_tls(), network_backend=network) as pool:
            return _follow(pool, url, asking)
    except _Ended as end:
        return end.fetched
    except httpcore.TimeoutException:
        return FetchResult("too_slow", detail=f"not complete after {seconds:g} seconds")
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        return FetchResult("network_error", detail=_one_line(error))


class _Ended(Exception):
    """Ends a fetch early with a result."""

    def __init__(self, outcome: Outcome, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.fetched = FetchResult(outcome, detail=detail, **more)


_NUMBERS = re.compile(r"\[(?:Errno|SSL)[^\]]*\]\s*|\s*\(_ssl\.c:\d+\)|Error -?\d+ ")


def _one_line(error: Exception) -> str:
    """Return an error in words, without error numbers of the operating system."""
    if isinstance(error.__cause__, socket.gaierror) or isinstance(error, socket.gaierror):
        return "host name not found"
    words = " ".join(_NUMBERS.sub("", str(error)).split())
    return (words or type(error).__name__)[:200]


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


# --- Addresses --------------------------------------------------------------------------------

# Clouds serve credentials to their machines at these; the other such addresses are link-local.
_METADATA = frozenset({"168.63.129.16"})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HOST = re.compile(rb"[a-zA-Z0-9._-]+|[0-9a-fA-F:.]+")
_V4_COMPATIBLE = ipaddress.ip_network("::/96")


def is_public(address: str) -> bool:
    """Return whether a numeric IPv4 or IPv6 address is publicly routable.

    An IPv4 address embedded in IPv6 (mapped, compatible, 6to4, NAT64) counts as IPv4.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _embedded(ip)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local or ip.scope_id:
            return False
    return ip.is_global and not ip.is_multicast and address not in _METADATA


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _NAT64 or ip in _V4_COMPATIBLE:
        return ipaddress.IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise _Ended("bad_url", _one_line(error)) from error
    if parsed.scheme not in ("http", "https"):
        raise _Ended("bad_url", f"{parsed.scheme or 'no scheme'}: only http and https are fetched")
    if not _HOST.fullmatch(parsed.raw_host) or parsed.userinfo or (parsed.port or 1) > 65_535:
        raise _Ended("bad_url", "not a valid host name, port, or it has a password")
    return parsed


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host}: {_one_line(error)}") from error
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


# --- Connections to checked addresses, with a deadline ---------------------------------------


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def extend(self, seconds: float) -> None:
        self._end += seconds

    def remaining(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left


class _CheckedNetwork(httpcore.NetworkBackend):
    def __init__(self, deadline: _Deadline, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._checked(host, port):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self._deadline.remaining(), local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure

    def _checked(self, host: str, port: int) -> list[str]:
        addresses = _resolved(host, port)
        refused = [address for address in addresses if not is_public(address)]
        if refused and not self._allow_private:
            raise _Ended("refused_address", f"{host} is {refused[0]}, no public address")
        return addresses


class _TimedStream(httpcore.NetworkStream):
    """A connection on which each operation may take only the remaining time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.remaining()
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, left)
        except httpcore.ConnectError as error:
            raise _Ended("tls_error", _one_line(error)) from error
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


# --- Requests and responses -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asking:
    """The settings that all requests of one fetch share."""

    headers: dict[str, str]
    max_bytes: int
    now: datetime
    deadline: _Deadline
    turn: Callable[[str], timedelta | None] | None

    def wait_for(self, host: str) -> None:
        """Wait for the host's turn; the wait does not count against the deadline."""
        if self.turn is None:
            return
        started = time.monotonic()
        if wait := self.turn(host):
            detail = f"{host} may be asked again in {wait.total_seconds():,.0f} seconds"
            raise _Ended("postponed", detail, retry_after=wait)
        self.deadline.extend(time.monotonic() - started)


def _follow(pool: httpcore.ConnectionPool, url: str, asking: _Asking) -> FetchResult:
    seen: list[str] = []
    target = _parsed(url).copy_with(fragment=None)
    while str(target) not in seen and len(seen) <= MAX_REDIRECTS:
        seen.append(str(target))
        asking.wait_for(target.host)
        with pool.stream("GET", str(target), headers=_encoded(asking.headers)) as response:
            answer = {name.decode("latin-1").lower(): value for name, value in response.headers}
            location = answer.get("location", b"").decode("utf-8", "replace")
            if response.status not in _REDIRECTS or not location:
                found = _Headers(answer)
                return _fetched(response, found, str(target), asking.max_bytes, asking.now)
        target = _joined(target, location)
    raise _Ended("redirect_loop", f"{len(seen)} addresses and no document: {target}"[:200])


def _encoded(headers: dict[str, str]) -> list[tuple[str, bytes]]:
    return [(name, value.encode("latin-1", "ignore")) for name, value in headers.items()]


def _joined(base: httpx.URL, location: str) -> httpx.URL:
    try:
        joined = base.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise _Ended("bad_url", f"redirected to nowhere: {_one_line(error)}") from error
    return _parsed(str(joined)).copy_with(fragment=None)


class _Headers:
    """The response headers as text, by lower-case name; "" if absent."""

    def __init__(self, headers: dict[str, bytes]) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        return self._headers.get(name, b"").decode("latin-1").strip()

    def validator(self, name: str) -> str:
        value = self[name]
        return value if len(value) <= LONGEST_VALIDATOR else ""


def _fetched(
    response: httpcore.Response, headers: _Headers, url: str, max_bytes: int, now: datetime
) -> FetchResult:
    status = response.status
    if 200 <= status < 300:
        return FetchResult(
            "ok",
            _body(response, headers, max_bytes),
            etag=headers.validator("etag"),
            last_modified=headers.validator("last-modified"),
            content_type=headers["content-type"],
            final_url=url,
            status=status,
        )
    return FetchResult(
        _outcome(status, bool(headers["retry-after"])),
        final_url=url,
        status=status,
        detail="" if status == 304 else f"HTTP {status} from {url}"[:200],
        retry_after=retry_after(headers["retry-after"], now),
    )


def _outcome(status: int, asks_for_pause: bool) -> Outcome:
    if status == 304:
        return "not_modified"
    if status == 410:
        return "gone"
    if status == 429 or (status == 503 and asks_for_pause):
        return "throttled"
    return "http_error"


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Return the wait that a Retry-After header asks for, in seconds or as a date; None if invalid.

    >>> retry_after("120", datetime(2025, 1, 1, tzinfo=UTC)).total_seconds()
    120.0
    """
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return None
    wait = moment.replace(tzinfo=moment.tzinfo or UTC) - now
    return max(timedelta(), min(wait, LONGEST_RETRY_AFTER))


# --- Bodies -------------------------------------------------------------------------------------


def _body(response: httpcore.Response, headers: _Headers, max_bytes: int) -> bytes:
    encoding = headers["content-encoding"].lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise _Ended("undecodable", f"Content-Encoding {encoding[:40]!r} was not asked for")
    length = headers["content-length"]
    if length.isdigit() and int(length) > max_bytes:
        raise _Ended("too_large", f"{length} bytes, more than {max_bytes:,}")
    unpack = _Gunzip() if "gzip" in encoding else _Plain()
    body, received = bytearray(), 0
    for chunk in response.iter_stream():
        received += len(chunk)
        body += unpack(chunk, max_bytes + 1 - len(body))
        if max(len(body), received) > max_bytes:
            raise _Ended("too_large", f"more than {max_bytes:,} bytes")
    if not unpack.is_complete:
        raise _Ended("undecodable", "the compressed document breaks off")
    return bytes(body)


class _Plain:
    is_complete = True

    def __call__(self, chunk: bytes, room: int) -> bytes:
        return chunk


class _Gunzip:
    """Decompress gzip piece by piece, never beyond the limit, so that a zip bomb is harmless."""

    def __init__(self) -> None:
        self._member = self._new()
        self._is_started = False

    def __call__(self, chunk: bytes, room: int) -> bytes:
        unpacked = bytearray()
        while chunk and len(unpacked) < room:
            if self._member.eof:
                self._member = self._new()
            self._is_started = True
            try:
                unpacked += self._member.decompress(chunk, room - len(unpacked))
            except zlib.error as error:
                raise _Ended("undecodable", f"broken gzip: {_one_line(error)}") from error
            chunk = self._member.unused_data
        return bytes(unpacked)

    @property
    def is_complete(self) -> bool:
        return self._member.eof or not self._is_started

    @staticmethod
    def _new() -> Any:
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
