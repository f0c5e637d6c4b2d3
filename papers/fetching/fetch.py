"""Fetch one document over HTTP, politely and within limits of time and size.

`fetch` always returns a named outcome. Private addresses are refused (see `network`). TLS is
verified against the host name.

httpcore, the layer below httpx, allows a custom connection; httpx parses URLs and makes the TLS
context.
"""

import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import httpcore
import httpx

from papers.fetching.bodies import read_body
from papers.fetching.headers import Headers, retry_after
from papers.fetching.network import CheckedNetwork, Deadline
from papers.fetching.results import FetchEnded, FetchResult, Outcome, describe_error

MAX_BYTES = 20_000_000
SECONDS = 30.0
MAX_REDIRECTS = 5
_HOST = re.compile(rb"[a-zA-Z0-9._-]+|[0-9a-fA-F:.]+")
_REDIRECTS = (301, 302, 303, 307, 308)


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
    deadline = Deadline(seconds)
    network = CheckedNetwork(deadline, allow_private)
    request = _Request(headers, max_bytes, now, deadline, turn)
    try:
        with httpcore.ConnectionPool(ssl_context=tls_context(), network_backend=network) as pool:
            return _follow(pool, url, request)
    except FetchEnded as end:
        return end.result
    except httpcore.TimeoutException:
        return FetchResult("too_slow", detail=f"not complete after {seconds:g} seconds")
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        return FetchResult("network_error", detail=describe_error(error))


@cache
def tls_context() -> ssl.SSLContext:
    """Return the context that verifies certificates; made once, since it reads them all."""
    return httpx.create_ssl_context()


def parse_url(url: str) -> httpx.URL:
    """Return a URL that may be requested; end the fetch for any other."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchEnded("bad_url", describe_error(error)) from error
    if parsed.scheme not in ("http", "https"):
        raise FetchEnded(
            "bad_url", f"{parsed.scheme or 'no scheme'}: only http and https are fetched"
        )
    if not _HOST.fullmatch(parsed.raw_host) or parsed.userinfo or (parsed.port or 1) > 65_535:
        raise FetchEnded("bad_url", "not a valid host name, port, or it has a password")
    return parsed


@dataclass(frozen=True, slots=True)
class _Request:
    """The settings that all requests of one fetch share."""

    headers: dict[str, str]
    max_bytes: int
    now: datetime
    deadline: Deadline
    turn: Callable[[str], timedelta | None] | None

    def wait_for(self, host: str) -> None:
        """Wait for the host's turn; the wait does not count against the deadline."""
        if self.turn is None:
            return
        started = time.monotonic()
        if wait := self.turn(host):
            detail = f"{host} may be asked again in {wait.total_seconds():,.0f} seconds"
            raise FetchEnded("postponed", detail, retry_after=wait)
        self.deadline.extend(time.monotonic() - started)


def _follow(pool: httpcore.ConnectionPool, url: str, request: _Request) -> FetchResult:
    seen: list[str] = []
    target = parse_url(url).copy_with(fragment=None)
    while str(target) not in seen and len(seen) <= MAX_REDIRECTS:
        seen.append(str(target))
        request.wait_for(target.host)
        with pool.stream("GET", str(target), headers=encode_headers(request.headers)) as response:
            answer = {name.decode("latin-1").lower(): value for name, value in response.headers}
            location = answer.get("location", b"").decode("utf-8", "replace")
            if response.status not in _REDIRECTS or not location:
                found = Headers(answer)
                return _read_response(response, found, str(target), request.max_bytes, request.now)
        target = _join(target, location)
    raise FetchEnded("redirect_loop", f"{len(seen)} addresses and no document: {target}"[:200])


def encode_headers(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Return headers as httpcore takes them, without characters that HTTP does not allow."""
    return [(name, value.encode("latin-1", "ignore")) for name, value in headers.items()]


def _join(base: httpx.URL, location: str) -> httpx.URL:
    try:
        joined = base.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchEnded("bad_url", f"redirected to nowhere: {describe_error(error)}") from error
    return parse_url(str(joined)).copy_with(fragment=None)


def _read_response(
    response: httpcore.Response, headers: Headers, url: str, max_bytes: int, now: datetime
) -> FetchResult:
    status = response.status
    if 200 <= status < 300:
        return FetchResult(
            "ok",
            read_body(response, headers, max_bytes),
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
