"""Results of a fetch: one of a few outcomes, and what came with it."""

import re
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args

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


class FetchEnded(Exception):
    """Ends a fetch early with a result."""

    def __init__(self, outcome: Outcome, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.result = FetchResult(outcome, detail=detail, **more)


_NUMBERS = re.compile(r"\[(?:Errno|SSL)[^\]]*\]\s*|\s*\(_ssl\.c:\d+\)|Error -?\d+ ")


def describe_error(error: Exception) -> str:
    """Return an error in words, without error numbers of the operating system."""
    if isinstance(error.__cause__, socket.gaierror) or isinstance(error, socket.gaierror):
        return "host name not found"
    words = " ".join(_NUMBERS.sub("", str(error)).split())
    return (words or type(error).__name__)[:200]
