from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import translation

from config import services
from papers.models import Paper
from papers.ranking import scoring
from papers.searching import vector_index
from papers.vectors import stored_lexicon
from subscriptions.models import Subscriber, Subscription, Topic
from tests import database, examples, left_over, order, shared_data

NOW = datetime(2026, 4, 30, 8, 0, 30, tzinfo=UTC)  # a Thursday

SCHEDULE_FIELDS = (
    *("next_digest_at", "last_digest_day", "covered_until", "paused_until", "frequency"),
    *("weekday", "month_day", "hour", "max_papers", "trending", "all_topics", "unread_weekday"),
)
"""Fields of a subscription that tests set on a new reader."""


@pytest.fixture(scope="session")
def django_db_modify_db_settings(services_of_this_run: None) -> None:
    """Leave the database names as they are: each xdist worker has its own server."""


@pytest.fixture(scope="session")
def services_of_this_run(django_db_blocker: Any) -> Iterator[None]:
    """Start PostgreSQL and Redis and remove the leftovers of a killed run."""
    with left_over.lock_servers(settings.DATA_DIR):
        services.start_embedded()
        with django_db_blocker.unblock():
            if settings.EMBEDDED_POSTGRES:
                database.disable_fsync()
            left_over.remove_all()
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Replace Django's slow flush after transactional tests."""
    with django_db_blocker.unblock(), database.quick_flush():
        yield


@pytest.fixture(autouse=True)
def outbox(tmp_path: Path, settings: Any) -> Path:
    """Write emails to a temporary outbox unless the test has its own SMTP server."""
    settings.OUTBOX_DIR = tmp_path / "outbox"
    settings.EMAIL_BACKEND = "devtools.outbox.OutboxBackend"
    return tmp_path / "outbox"


@pytest.fixture(autouse=True)
def no_meanings_in_memory() -> None:
    """Forget the vectors of another test's papers, which were rolled back."""
    vector_index.clear_cache()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Reset the language that the last request of another test activated."""
    with translation.override("en"):
        yield


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def redis(services_of_this_run: None) -> Iterator[None]:
    """Provide a real Redis, emptied before and after the test."""
    services.start_embedded()
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def make_paper(db: None) -> Callable[..., Paper]:
    """Return a function that stores a paper with plain default values."""

    def make(title: str = "A plain paper", **fields: Any) -> Paper:
        number = Paper.objects.count()
        values: dict[str, Any] = {
            "title": title,
            "title_key": f"{title.lower()}|{number}",
            "title_raw": title,
            "abstract": f"We study {title.lower()}. Our method improves on what was known.",
            "text_source": "arxiv-rss",
            "arxiv_id": f"2604.{10000 + number}",
            "authors": ["Ada Example", "Bo Example"],
            "categories": ["cs.CL"],
            "announce_type": "new",
            "listed_on": NOW.date(),
            "abstract_url": f"https://arxiv.org/abs/2604.{10000 + number}",
            "first_seen_at": NOW - timedelta(hours=4),
            "text_seen_at": NOW - timedelta(hours=4),
        }
        paper = Paper.objects.create(**values | fields)
        paper.refresh_from_db()
        return paper

    return make


@pytest.fixture
def make_reader(db: None) -> Callable[..., Subscriber]:
    """Return a function that stores an active reader who is due now, with a topic.

    Its fields are those of the reader and of the subscription.
    """

    def make(email: str = "reader@example.org", topic: Any = None, **fields: Any) -> Subscriber:
        values: dict[str, Any] = {
            "email": email,
            "email_key": email.lower(),
            "status": Subscriber.Status.ACTIVE,
            "created_at": NOW - timedelta(days=10),
            "confirmed_at": NOW - timedelta(days=10),
        }
        schedule = {"next_digest_at": NOW - timedelta(seconds=30)} | {
            name: fields.pop(name) for name in SCHEDULE_FIELDS if name in fields
        }
        reader = Subscriber.objects.create(**values | fields)
        # Keys of different models differ, so that no test passes with the wrong one.
        Topic.objects.create(pk=reader.pk + 10**6, subscriber=reader, **(topic or {}))
        Subscription.objects.create(pk=reader.pk + 2 * 10**6, subscriber=reader, **schedule)
        return reader

    return make


@pytest.fixture
def edition(make_paper: Callable[..., Paper]) -> list[Paper]:
    """Store today's papers, three on language and three on vision, and score them."""
    papers = [
        make_paper("Long context language models", votes=90, categories=["cs.CL"]),
        make_paper("Reasoning agents with tools", votes=40, categories=["cs.AI", "cs.CL"]),
        make_paper("Tokenisation of rare languages", categories=["cs.CL"]),
        make_paper("Diffusion for video generation", votes=60, categories=["cs.CV"]),
        make_paper("Gaussian splatting of street scenes", votes=5, categories=["cs.CV"]),
        make_paper("Segmentation of medical images", categories=["cs.CV", "eess.IV"]),
    ]
    scoring.rescore(NOW)
    stored_lexicon.learn_lexicon(NOW)
    return papers


@pytest.hookimpl(trylast=True)  # after other plugins have shuffled and sorted
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order.sort_tests(items)


def pytest_collection_finish() -> None:
    """Spare the modules and tests in memory from each later garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    shared_data.check_required()
    examples.configure(config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if line := shared_data.summary(terminalreporter.getreports("skipped")):
        terminalreporter.write_line(line, yellow=True)


def pytest_report_header() -> str:
    return f"data directory: {settings.DATA_DIR}"
