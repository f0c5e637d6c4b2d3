"""Documents into rows: from bytes to PostgreSQL, next to feedparser alone on the same bytes.

A round reads each document once with feedparser, which only parses, and once with Paperboy, which
stores what it reads in an empty table. The best of some rounds counts on both sides, since what
else a machine does only ever adds. A day is then a listing and the daily papers, from bytes to a
pool of candidates ready for matching.
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
from subscriptions.editions import digests

BEFORE, DAY = date(2026, 3, 31), date(2026, 4, 30)
NOW = datetime(2026, 4, 30, 6, tzinfo=UTC)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--entries", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)


def run(options: dict[str, Any]) -> dict[str, Any]:
    """Seconds and entries per second for each kind of document, and for a whole day."""
    count, rounds = options["entries"], options["rounds"]
    made = {
        "arXiv RSS": synthetic_feeds.arxiv_rss(count, DAY),
        "journal RSS": synthetic_feeds.journal_rss(count, DAY),
    }
    with scratch_database.database():
        kinds = [measured(name, data, count, rounds) for name, data in made.items()]
        with step("Reading a whole day"):
            day = whole_day(count)
    return {
        "entries": count,
        "kinds": kinds,
        "day": day,
        "peak_mb": round(scratch_database.peak_mb()),
    }


def measured(name: str, data: bytes, count: int, rounds: int) -> dict[str, Any]:
    ours, theirs = [], []
    for number in track(range(rounds + 1), f"Reading {name}"):
        alone = seconds(lambda: feedparser.parse(BytesIO(data)))
        empty()
        stored = seconds(lambda: ingest_document(data, name, NOW))
        if number:  # the first only warms up
            theirs.append(alone)
            ours.append(stored)
    again = seconds(lambda: ingest_document(data, name, NOW))
    return {
        "document": name,
        "bytes": len(data),
        "rows": Paper.objects.count(),
        "stored_per_second": round(count / min(ours)),
        "feedparser_per_second": round(count / min(theirs)),
        "ratio": round(min(theirs) / min(ours), 2),
        "again_seconds": round(again, 3),
    }


def whole_day(count: int) -> dict[str, float]:
    """Seconds of each step of a day, the daily papers among those of the listing.

    The words are learnt beforehand from another day's papers, as they are every night.
    """
    empty()
    ingest_document(synthetic_feeds.arxiv_rss(count, BEFORE), "before", NOW)
    learn = seconds(lambda: stored_lexicon.learn_lexicon(NOW))
    listing, daily = synthetic_feeds.arxiv_rss(count, DAY), synthetic_feeds.hf_daily(50, DAY)
    steps: dict[str, Callable[[], object]] = {
        "ingest": lambda: (
            ingest_document(listing, "listing", NOW),
            ingest_document(daily, "daily", NOW),
        ),
        "score": lambda: scoring.rescore(NOW),
        "index": lambda: digests.CandidatePool.of(DAY),
    }
    took = {name: round(seconds(step), 3) for name, step in steps.items()}
    return took | {"total": round(sum(took.values()), 3), "learn": round(learn, 3)}


def empty() -> None:
    for model in (Document, Paper):
        model.objects.all().delete()


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def table(report: dict[str, Any]) -> str:
    lines = [f"{report['entries']:,} entries; entries per second, the best of the rounds", ""]
    lines.append(f"{'document':14}{'stored':>10}{'feedparser alone':>20}{'ratio':>8}")
    lines += [
        f"{kind['document']:14}{kind['stored_per_second']:10,}"
        f"{kind['feedparser_per_second']:20,}{kind['ratio']:8.2f}"
        for kind in report["kinds"]
    ]
    day = report["day"]
    steps = " + ".join(f"{name} {day[name]:.2f}" for name in ("ingest", "score", "index"))
    lines += ["", f"A day and 50 daily papers, seconds: {steps} = {day['total']:.2f}"]
    lines.append(f"Learning the words of a day's papers, at night: {day['learn']:.2f}")
    return "\n".join([*lines, f"Peak memory: {report['peak_mb']} MB"])
