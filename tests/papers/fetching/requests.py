"""A request with plain settings, and host names that resolve as a test likes."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from papers.fetching.fetch import fetch
from papers.fetching.results import FetchResult

NOW = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)
AGENT = "Paperboy/0.1 (+https://paperboy.example.org; mailto:desk@paperboy.example.org)"
BODY = b"<rss version='2.0'><channel><title>Papers</title></channel></rss>"


def get(url: str, **options: object) -> FetchResult:
    settings = {"user_agent": AGENT, "now": NOW, "allow_private": True, "seconds": 5.0} | options
    return fetch(url, **settings)  # type: ignore[arg-type]


Lookup = Callable[..., list[tuple[int, int, int, str, tuple[str, int]]]]


def resolve_as(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, ...]) -> list[str]:
    """Resolve names in .test to the next of these each time; return the names looked up."""
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
