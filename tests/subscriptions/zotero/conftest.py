from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from papers.models import Paper
from subscriptions.models import Subscriber, ZoteroAccount
from subscriptions.zotero import connecting, uploads
from tests.subscriptions.conftest import MakeReader
from tests.subscriptions.zotero.server import CLIENT_KEY, CLIENT_SECRET, KEY, Zotero

OUT, IN = "KEPTPPRS", "READING2"


class Clock:
    """A clock that stands still until a test sets it forward."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@contextmanager
def serve(settings: Any) -> Iterator[Zotero]:
    """Run a Zotero server with two collections, which the settings name."""
    with Zotero().running() as server:
        settings.ALLOW_PRIVATE_SOURCES = True
        settings.ZOTERO_API_URL = server.url
        settings.ZOTERO_OAUTH_URL = f"{server.url}/oauth"
        settings.ZOTERO_CLIENT_KEY, settings.ZOTERO_CLIENT_SECRET = CLIENT_KEY, CLIENT_SECRET
        server.add_collection(OUT, "Kept papers")
        server.add_collection(IN, "Reading")
        yield server


@pytest.fixture
def zotero(settings: Any) -> Iterator[Zotero]:
    with serve(settings) as server:
        yield server


@pytest.fixture
def reader(make_reader: MakeReader) -> Subscriber:
    return make_reader(topic={"text": "language models"})


@pytest.fixture
def papers(make_paper: Callable[..., Paper]) -> list[Paper]:
    """Two papers with PDFs, of which a test keeps some."""
    pdf = "https://arxiv.org/pdf/{}".format
    return [
        make_paper(
            "Long context language models", arxiv_id="2604.10000", pdf_url=pdf("2604.10000")
        ),
        make_paper("Reasoning agents with tools", arxiv_id="2604.10001", pdf_url=pdf("2604.10001")),
    ]


@pytest.fixture
def account(zotero: Zotero, reader: Subscriber, now: datetime) -> ZoteroAccount:
    """A connected account that gets kept papers."""
    made = connecting.connect(reader, KEY, now, from_oauth=False)
    uploads.choose_out_collection(made, OUT, now)
    made.refresh_from_db()
    zotero.requests.clear()
    return made
