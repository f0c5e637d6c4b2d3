"""The Retry-After header as a wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from papers.fetching.headers import retry_after
from tests.papers.fetching.requests import NOW, get
from tests.papers.servers import Server


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["120", "Mon, 10 Mar 2025 12:02:00 GMT"])
def test_retry_after_in_either_format_is_read(server: Server, status: int, value: str) -> None:
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
def test_retry_after_is_bounded_and_ignored_if_invalid(value: str, wait: timedelta | None) -> None:
    assert retry_after(value, NOW) == wait
