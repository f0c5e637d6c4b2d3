"""Ingest of documents into PostgreSQL, beside feedparser alone on the same bytes.

Each round reads a document once with feedparser, which only parses, and once with Paperboy, which
stores the papers in empty tables. The best round counts for both, since other load only adds time.
A day is a listing and the daily papers, from bytes to candidates ready for matching.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import feedparser

from config.progress import step, track
from devtools.benchmarks import scratch_database, synthetic_feeds
from papers.ingest import ingest_document
from papers.models import Document, Paper
from papers.ranking import scoring
from papers.vectors import stored_lexicon
from subscriptions.editions import candidate_pool

BEFORE, DAY = date(2026, 3, 31), date(2026, 4, 30)
NOW = datetime(2026, 4, 30, 6, tzinfo=UTC)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--entries", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)


def run(options: dict[str, Any]) -> dict[str, Any]:
    """Return entries per second for each kind of document, and the seconds of a day."""
    count, rounds = options["entries"], options["rounds"]
    documents = {
        "arXiv RSS": synthetic_feeds.arxiv_rss(count, DAY),
        "journal RSS": synthetic_feeds.journal_rss(count, DAY),
    }
    with scratch_database.database():
        kinds = [measure_document(name, data, count, rounds) for name, data in documents.items()]
        with step("Ingesting a day"):
            day = measure_day(count)
    return {
        "entries": count,
        "kinds": kinds,
        "day": day,
        "peak_mb": round(scratch_database.peak_mb()),
    }


def measure_document(name: str, data: bytes, count: int, rounds: int) -> dict[str, Any]:
    """Return the rates of one document with `count` entries."""
    product_seconds, feedparser_seconds = [], []
    for number in track(range(rounds + 1), f"Ingesting {name}"):
        parsing = time_call(lambda: feedparser.parse(BytesIO(data)))
        clear_tables()
        ingest = time_call(lambda: ingest_document(data, name, NOW))
        if number:  # the first round warms up
            feedparser_seconds.append(parsing)
            product_seconds.append(ingest)
    again = time_call(lambda: ingest_document(data, name, NOW))
    return {
        "document": name,
        "bytes": len(data),
        "rows": Paper.objects.count(),
        "stored_per_second": round(count / min(product_seconds)),
        "feedparser_per_second": round(count / min(feedparser_seconds)),
        "ratio": round(min(feedparser_seconds) / min(product_seconds), 2),
        "again_seconds": round(again, 3),
    }


def measure_day(count: int) -> dict[str, float]:
    """Return the seconds of each step of a day; the daily papers are also in the listing.

    The lexicon is learnt beforehand from papers of another day, as happens every night.
    """
    clear_tables()
    ingest_document(synthetic_feeds.arxiv_rss(count, BEFORE), "before", NOW)
    learn = time_call(lambda: stored_lexicon.learn_lexicon(NOW))
    listing, daily = synthetic_feeds.arxiv_rss(count, DAY), synthetic_feeds.hf_daily(50, DAY)
    steps: dict[str, Callable[[], object]] = {
        "ingest": lambda: (
            ingest_document(listing, "listing", NOW),
            ingest_document(daily, "daily", NOW),
        ),
        "score": lambda: scoring.rescore(NOW),
        "index": lambda: candidate_pool.CandidatePool.of(DAY),
    }
    took = {name: round(time_call(work), 3) for name, work in steps.items()}
    return took | {"total": round(sum(took.values()), 3), "learn": round(learn, 3)}


def clear_tables() -> None:
    """Delete all documents and papers."""
    for model in (Document, Paper):
        model.objects.all().delete()


def time_call(work: Callable[[], object]) -> float:
    """Return the seconds a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def table(report: dict[str, Any]) -> str:
    """Return the report as text."""
    lines = [f"{report['entries']:,} entries; entries per second in the best round", ""]
    lines.append(f"{'document':14}{'stored':>10}{'feedparser alone':>20}{'ratio':>8}")
    lines += [
        f"{kind['document']:14}{kind['stored_per_second']:10,}"
        f"{kind['feedparser_per_second']:20,}{kind['ratio']:8.2f}"
        for kind in report["kinds"]
    ]
    day = report["day"]
    steps = " + ".join(f"{name} {day[name]:.2f}" for name in ("ingest", "score", "index"))
    lines += ["", f"Seconds for a day with 50 daily papers: {steps} = {day['total']:.2f}"]
    lines.append(f"Seconds to learn the lexicon at night: {day['learn']:.2f}")
    return "\n".join([*lines, f"Peak memory: {report['peak_mb']} MB"])
