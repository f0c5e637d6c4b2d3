"""Requests to Zotero's Web API, version 3.

Every answer may ask for a pause (`Backoff`, `Retry-After`): the client adds it up, and callers make
no further request before it is over. The key is sent in a header, so that no URL contains it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from papers.fetching.api_requests import ApiAnswer, send_request
from papers.fetching.headers import retry_after

SECONDS = 15.0  # for one answer
PAGE_SIZE = 100  # the most that Zotero gives
MAX_PAGES = 20  # of a list
BUSY_WAIT = timedelta(minutes=1)  # if Zotero is busy and does not say for how long
LONGEST_WAIT = timedelta(days=1)
VERSION = "last-modified-version"  # header with the version of a library
BUSY = (429, 503)
TEMPORARY = (0, 408, 409, *BUSY, 500, 502, 504)  # 409: another client is writing


class ZoteroError(Exception):
    """No usable answer, with the HTTP status (0: none) and what Zotero said."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status} {detail}".strip())
        self.status = status
        self.detail = detail


class Unavailable(ZoteroError):
    """Try again later."""


class Denied(ZoteroError):
    """The key is not valid, or may not do this (403)."""


class NotFound(ZoteroError):
    """There is no such collection or item (404)."""


class Changed(ZoteroError):
    """Something was changed or written in the meantime (412)."""


class Refused(ZoteroError):
    """The request will never be accepted (400, 413, 428 and others)."""


KINDS: Mapping[int, type[ZoteroError]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    412: Changed,
    **dict.fromkeys(TEMPORARY, Unavailable),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """All entries of a list at one version of the library."""

    version: int
    entries: list[Any]


@dataclass
class Client:
    """A key, and the pause that answers to it have asked for so far."""

    key: str = field(repr=False)
    now: datetime
    user_id: int = 0
    pause: timedelta = timedelta()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        content: Any = None,
        **headers: str,
    ) -> ApiAnswer:
        """Return a successful answer or a 304; raise a `ZoteroError` for any other.

        `content` is sent as JSON. The names of headers have "_" for "-".
        """
        answer = send_request(
            method,
            f"{settings.ZOTERO_API_URL}{path}{f'?{urlencode(query)}' if query else ''}",
            headers=self._headers(content, headers),
            content=b"" if content is None else json.dumps(content).encode(),
            seconds=SECONDS,
            allow_private=settings.ALLOW_PRIVATE_SOURCES,
        )
        self._note_pause(answer)
        if 200 <= answer.status < 300 or answer.status == 304:
            return answer
        raise KINDS.get(answer.status, Unavailable if answer.status >= 500 else Refused)(
            answer.status, self._detail(answer)
        )

    def _headers(self, content: Any, more: Mapping[str, str]) -> dict[str, str]:
        headers = {
            "User-Agent": settings.USER_AGENT,
            "Accept": "application/json",
            "Zotero-API-Version": "3",
            "Zotero-API-Key": self.key,
        }
        headers |= {} if content is None else {"Content-Type": "application/json"}
        return headers | {name.replace("_", "-"): value for name, value in more.items()}

    def _note_pause(self, answer: ApiAnswer) -> None:
        """Keep the longest pause that this answer or an earlier one asked for."""
        asked = [retry_after(answer.headers[name], self.now) for name in ("backoff", "retry-after")]
        waits = [wait for wait in asked if wait]
        if answer.status in BUSY and not waits:
            waits.append(BUSY_WAIT)
        self.pause = min(max([self.pause, *waits]), LONGEST_WAIT)

    def _detail(self, answer: ApiAnswer) -> str:
        """Return Zotero's message as one line without the key, which some messages repeat."""
        text = answer.detail or answer.body[:300].decode("utf-8", "replace")
        return " ".join(text.replace(self.key, "…").split())[:200]

    def get(self, path: str, **query: object) -> Any:
        """Return a JSON document."""
        return decode(self.call("GET", path, query=query))

    def library(self, path: str) -> str:
        """Return the path of something in the owner's library."""
        return f"/users/{self.user_id}{path}"

    def read_list(self, path: str, most: int, since: int = 0, **query: object) -> Listing | None:
        """Return the first entries of a list; None if the library is still at version `since`.

        Raise `Changed` if the library changes between two pages, since entries may then be missing.
        """
        entries: list[Any] = []
        version = 0
        for page in range(MAX_PAGES):
            params = {**query, "limit": PAGE_SIZE, "start": page * PAGE_SIZE}
            headers = {"If_Modified_Since_Version": str(since)} if since and not page else {}
            answer = self.call("GET", path, query=params, **headers)
            if answer.status == 304:
                return None
            document, read_version = decode(answer), _number(answer.headers[VERSION])
            if page and read_version != version:
                raise Changed(412, "the library was changed while it was read")
            version = read_version
            entries += document if isinstance(document, list) else []
            if len(entries) >= min(most, _number(answer.headers["total-results"])):
                break
        return Listing(version, entries[:most])

    def write_items(self, items: Sequence[Mapping[str, Any]], token: str) -> Any:
        """Create items and return Zotero's answer about each (see `answers.read_write`)."""
        path = self.library("/items")
        return decode(self.call("POST", path, content=list(items), Zotero_Write_Token=token))


def decode(answer: ApiAnswer) -> Any:
    """Return the JSON of an answer; raise `Unavailable` if it is broken or breaks off."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Unavailable(answer.status, "the answer is not valid JSON") from None


def _number(text: str) -> int:
    return int(text[:18]) if text.isascii() and text.isdecimal() else 0
