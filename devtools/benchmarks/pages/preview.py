"""The preview on the home page: milliseconds per request, beside a bare Django view."""

from __future__ import annotations

import secrets
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.progress import step, track
from devtools.benchmarks import scratch_database, synthetic_readers, synthetic_text
from papers.models import Paper
from papers.ranking import scoring
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import PaperText

WARM_UP = 3  # requests
LIMIT = 300  # milliseconds, perceived as instant


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=int, default=1_500, help="papers of the day")
    parser.add_argument("--requests", type=int, default=100, help="requests of each kind")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return median and 95th percentile, in milliseconds through all middleware, by kind."""
    with scratch_database.database():
        return measure(options["papers"], options["requests"])


def measure(count: int, requests: int) -> dict[str, Any]:
    """Measure in the current database, which must be empty."""
    *texts, late = synthetic_text.papers(count + 1)
    with step(f"Storing {count:,} papers"):
        store(texts)
    client = Client(SERVER_NAME="127.0.0.1", headers={"HX-Request": "true"}, REMOTE_ADDR=_visitor())
    preview, bare = reverse("preview"), reverse("health-live")
    first = milliseconds(lambda: request_preview(client, preview, texts[0].title))
    kinds: dict[str, Callable[[int], object]] = {
        "a sentence": lambda n: request_preview(client, preview, texts[n % count].title),
        "three papers": lambda n: request_preview(client, preview, _ids(3 * n, count)),
        "bare view": lambda _n: client.get(bare),
    }
    rows = {name: _row(name, ask, requests) for name, ask in kinds.items()}
    scoring.rescore(timezone.now())
    rescored = milliseconds(lambda: request_preview(client, preview, texts[0].title))
    store([late], count)
    grown = milliseconds(lambda: request_preview(client, preview, texts[0].title))
    return {
        "papers": count,
        "first_ms": round(first, 1),
        "rescored_ms": round(rescored, 1),
        "grown_ms": round(grown, 1),
        "rows": rows,
    }


def table(report: Mapping[str, Any]) -> str:
    """Return the report as text."""
    lines = [
        f"{report['papers']} papers of the day; first request {report['first_ms']:.0f} ms, "
        f"first after new scores {report['rescored_ms']:.0f} ms, "
        f"after a new paper {report['grown_ms']:.0f} ms"
    ]
    lines.append(f"{'':14}{'median':>10}{'95 %':>10}")
    for name, row in report["rows"].items():
        lines.append(f"{name:14}{row['p50_ms']:7.1f} ms{row['p95_ms']:7.1f} ms")
    slowest = max(row["p95_ms"] for row in report["rows"].values())
    verdict = "within" if slowest < LIMIT else "beyond"
    return "\n".join([*lines, f"{verdict} {LIMIT} ms"])


def _visitor() -> str:
    """Return a random address of the range for benchmarks (RFC 2544).

    It is new in each run, so that rate limits of the last run do not apply.
    """
    return f"198.18.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def store(texts: list[PaperText], before: int = 0) -> None:
    """Store papers of today, some with votes; score them and learn the lexicon.

    `before` is the number of papers stored already.
    """
    now = timezone.now()
    seen = now - timedelta(hours=1)
    papers = (
        synthetic_readers.unsaved_paper(number, text, _arxiv_id(number), now.date(), seen)
        for number, text in enumerate(texts, before)
    )
    Paper.objects.bulk_create(papers, batch_size=500)
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)


def request_preview(client: Client, url: str, typed: str) -> None:
    """Request a preview; raise AssertionError if it has no papers."""
    response = client.get(url, {"interests": typed})
    if response.status_code != 200 or b"chosen" not in response.content:
        raise AssertionError(f"no preview for {typed!r}: {response.status_code}")


def milliseconds(work: Callable[[], object]) -> float:
    """Return the milliseconds a call takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _row(name: str, ask: Callable[[int], object], requests: int) -> dict[str, float]:
    numbers = track(range(WARM_UP + requests), f"Requesting: {name}")
    took = [milliseconds(lambda n=number: ask(n)) for number in numbers]  # type: ignore[misc]
    middle, late = np.percentile(took[WARM_UP:], [50, 95])
    return {"p50_ms": round(float(middle), 1), "p95_ms": round(float(late), 1)}


def _ids(first: int, count: int) -> str:
    return " ".join(_arxiv_id((first + offset) % count) for offset in range(3))


def _arxiv_id(number: int) -> str:
    return f"2604.{10000 + number}"
