"""A large library: milliseconds and memory of its pages and files, beside the home page."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse
from django.utils import timezone

from config.progress import step
from devtools.benchmarks import scratch_database, synthetic_text
from devtools.benchmarks.search import WARM_UP, measure_page, no_rate_limits, store
from papers.models import Paper
from subscriptions import tokens
from subscriptions.library.keeping import describe_paper
from subscriptions.models import LibraryEntry, Subscriber
from subscriptions.tokens import Purpose

FILE_REQUESTS = 2  # a file of a whole library takes seconds
BATCH = 1_000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--entries", type=int, default=5_000, help="papers in the library")
    parser.add_argument("--others", type=int, default=4, help="readers with as many papers each")
    parser.add_argument("--requests", type=int, default=50, help="requests of each page")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Measure through all middleware, in one process, with one request at a time."""
    with scratch_database.database(), override_settings(RATE_LIMITS=no_rate_limits()):
        return measure(options["entries"], options["others"], options["requests"])


def measure(entries: int, others: int, requests: int) -> dict[str, Any]:
    """Measure in the current database, which must be empty."""
    with step(f"Storing {entries:,} papers and {1 + others} libraries"):
        store(synthetic_text.papers(entries))
        papers = list(Paper.objects.order_by("pk"))
        reader, *_rest = [_store_library(number, papers) for number in range(1 + others)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client(SERVER_NAME="127.0.0.1")
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    page, day = reverse("library", args=[token]), reverse("day", args=[timezone.now().date()])
    last = str(entries // 50)
    pages: dict[str, Callable[[int], Any]] = {
        "home": lambda _n: client.get(day),
        "library": lambda _n: client.get(page),
        "last page": lambda _n: client.get(page, {"page": last}),
        "by title": lambda _n: client.get(page, {"sort": "title"}),
        "by attention": lambda _n: client.get(page, {"sort": "attention"}),
        "tag, unread": lambda _n: client.get(page, {"tag": "tag 3", "show": "unread"}),
        "two words": lambda n: client.get(page, {"q": f"note {n % 90}"}),
    }
    rows = {name: _row(name, ask, requests) for name, ask in pages.items()}
    for ending in ("bib", "ris", "json", "csv"):
        url = reverse("library-export", args=[ending, token])
        ask = partial(_get, client, url)
        rows[f"all, .{ending}"] = _row(ending, ask, FILE_REQUESTS, warm_up=1)
    return {"entries": entries, "others": others, "rows": rows}


def _get(client: Client, url: str, _number: int) -> Any:
    return client.get(url)


def _row(
    name: str, ask: Callable[[int], Any], requests: int, *, warm_up: int = WARM_UP
) -> dict[str, float]:
    """Return the times of a page, and by how many MB the peak memory grew."""
    scratch_database.reset_peak()
    before = scratch_database.peak_mb()
    row = measure_page(name, ask, requests, warm_up)
    return row | {"mb": round(scratch_database.peak_mb() - before, 1)}


def table(report: Mapping[str, Any]) -> str:
    """Return the report as text."""
    lines = [f"{report['entries']:,} papers, beside {report['others']} libraries of this size"]
    lines.append(f"{'':14}{'median':>11}{'95 %':>12}{'to home':>9}{'memory':>11}")
    home = report["rows"]["home"]["p50_ms"]
    for name, row in report["rows"].items():
        times = f"{row['p50_ms']:8.1f} ms{row['p95_ms']:9.1f} ms"
        lines.append(f"{name:14}{times}{row['p50_ms'] / home:9.2f}{row['mb']:+8.1f} MB")
    return "\n".join(lines)


def _store_library(number: int, papers: list[Paper]) -> Subscriber:
    """Store a reader who keeps all papers, every third of which is not on this site."""
    now = timezone.now()
    reader = Subscriber.objects.create(
        email=f"reader{number}@example.com",
        email_key=f"reader{number}@example.com",
        status=Subscriber.Status.ACTIVE,
        created_at=now,
    )
    rows = (_entry(reader, position, paper) for position, paper in enumerate(papers))
    LibraryEntry.objects.bulk_create(rows, batch_size=BATCH)
    return reader


def _entry(reader: Subscriber, number: int, paper: Paper) -> LibraryEntry:
    now = timezone.now()
    return LibraryEntry(
        subscriber=reader,
        paper=paper if number % 3 else None,
        identity=f"arxiv:{paper.arxiv_id}",
        note=f"Note {number} on **this** paper" if number % 4 == 0 else "",
        tags=[f"tag {number % 20}", "all"] if number % 2 else [],
        kept_at=now - timedelta(minutes=number),
        read_at=now if number % 5 == 0 else None,
        **describe_paper(paper),
    )
