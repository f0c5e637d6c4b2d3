"""The preview on the home page: milliseconds a request, next to a bare Django view."""

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

WARM = 3  # requests that do not count
LIMIT = 300  # milliseconds: what is felt as at once


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=int, default=1_500, help="of the day")
    parser.add_argument("--requests", type=int, default=100, help="of each kind")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Milliseconds (median and 95th percentile) of what visitors type, through all middleware."""
    with scratch_database.database():
        return measured(options["papers"], options["requests"])


def measured(count: int, requests: int) -> dict[str, Any]:
    """In whatever empty database there is."""
    *texts, late = synthetic_text.papers(count + 1)
    with step(f"Storing {count:,} papers"):
        store(texts)
    client = Client(SERVER_NAME="127.0.0.1", headers={"HX-Request": "true"}, REMOTE_ADDR=_visitor())
    preview, bare = reverse("preview"), reverse("health-live")
    first = milliseconds(lambda: asked(client, preview, texts[0].title))
    kinds: dict[str, Callable[[int], object]] = {
        "a sentence": lambda n: asked(client, preview, texts[n % count].title),
        "three papers": lambda n: asked(client, preview, _ids(3 * n, count)),
        "bare view": lambda _n: client.get(bare),
    }
    rows = {name: _row(name, ask, requests) for name, ask in kinds.items()}
    scoring.rescore(timezone.now())
    rescored = milliseconds(lambda: asked(client, preview, texts[0].title))
    store([late], count)
    grown = milliseconds(lambda: asked(client, preview, texts[0].title))
    return {
        "papers": count,
        "first_ms": round(first, 1),
        "rescored_ms": round(rescored, 1),
        "grown_ms": round(grown, 1),
        "rows": rows,
    }


def table(report: Mapping[str, Any]) -> str:
    """The report for people."""
    lines = [
        f"{report['papers']} papers of the day; first request {report['first_ms']:.0f} ms, "
        f"first one after new scores {report['rescored_ms']:.0f} ms, "
        f"after a new paper {report['grown_ms']:.0f} ms"
    ]
    lines.append(f"{'':14}{'median':>10}{'95 %':>10}")
    for name, row in report["rows"].items():
        lines.append(f"{name:14}{row['p50_ms']:7.1f} ms{row['p95_ms']:7.1f} ms")
    slowest = max(row["p95_ms"] for row in report["rows"].values())
    verdict = "within" if slowest < LIMIT else "beyond"
    return "\n".join([*lines, f"{verdict} {LIMIT} ms"])


def _visitor() -> str:
    """An address that nobody has, for benchmarks (RFC 2544); another each time, so that what the
    last run asked for counts against nobody."""
    return f"198.18.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def store(texts: list[PaperText], before: int = 0) -> None:
    """Papers of today, some of them voted for, scored and learnt from, beside so many `before`."""
    now = timezone.now()
    seen = now - timedelta(hours=1)
    made = (
        synthetic_readers.paper(number, text, _arxiv_id(number), now.date(), seen)
        for number, text in enumerate(texts, before)
    )
    Paper.objects.bulk_create(made, batch_size=500)
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)


def asked(client: Client, url: str, typed: str) -> None:
    """One preview; what is not an answer with papers is a mistake of this benchmark."""
    answer = client.get(url, {"interests": typed})
    if answer.status_code != 200 or b"chosen" not in answer.content:
        raise AssertionError(f"no preview for {typed!r}: {answer.status_code}")


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _row(name: str, ask: Callable[[int], object], requests: int) -> dict[str, float]:
    numbers = track(range(WARM + requests), f"Asking: {name}")
    took = [milliseconds(lambda n=number: ask(n)) for number in numbers]  # type: ignore[misc]
    middle, late = np.percentile(took[WARM:], [50, 95])
    return {"p50_ms": round(float(middle), 1), "p95_ms": round(float(late), 1)}


def _ids(first: int, count: int) -> str:
    return " ".join(_arxiv_id((first + step) % count) for step in range(3))


def _arxiv_id(number: int) -> str:
    return f"2604.{10000 + number}"
