"""Single requests to an API, over connections to checked addresses (see `network`)."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpcore

from papers.fetching.bodies import read_body
from papers.fetching.fetch import encode_headers, parse_url, tls_context
from papers.fetching.headers import Headers
from papers.fetching.network import CheckedNetwork, Deadline
from papers.fetching.results import FetchEnded, describe_error

MAX_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """A complete answer; or status 0 and, in `detail`, why there is none."""

    status: int
    headers: Headers
    body: bytes = b""
    detail: str = ""


def send_request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes = b"",
    seconds: float,
    max_bytes: int = MAX_BYTES,
    allow_private: bool = False,
) -> ApiAnswer:
    """Send one request and return the answer; a redirect is an answer and is not followed.

    The headers may hold credentials, so they are sent to this address only. `seconds` and
    `max_bytes` limit the time and the body as in `fetch`. Never raises for anything the server
    does.
    """
    network = CheckedNetwork(Deadline(seconds), allow_private)
    try:
        target = str(parse_url(url))
        with httpcore.ConnectionPool(ssl_context=tls_context(), network_backend=network) as pool:
            encoded = encode_headers({**headers, "Accept-Encoding": "gzip"})
            with pool.stream(method, target, headers=encoded, content=content) as response:
                return _read_answer(response, max_bytes)
    except FetchEnded as end:
        return _no_answer(end.result.detail)
    except httpcore.TimeoutException:
        return _no_answer(f"not complete after {seconds:g} seconds")
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        return _no_answer(describe_error(error))


def _read_answer(response: httpcore.Response, max_bytes: int) -> ApiAnswer:
    headers = Headers({name.decode("latin-1").lower(): value for name, value in response.headers})
    return ApiAnswer(response.status, headers, read_body(response, headers, max_bytes))


def _no_answer(detail: str) -> ApiAnswer:
    return ApiAnswer(0, Headers({}), detail=detail)
