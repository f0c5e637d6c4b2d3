"""The busiest pages, home and search: milliseconds per request and requests per second.

With cases (see `evaluate matching`), it also measures the recall of searches.
"""

from __future__ import annotations

import gzip
import json
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse
from django.utils import timezone

from config.progress import step, track
from devtools.benchmarks import scratch_database, synthetic_readers, synthetic_text
from papers import bulk
from papers.ingest import identity_by_title
from papers.models import Paper
from papers.ranking import scoring
from papers.searching import indexing, queries, search
from papers.text.markup import one_line, readable_text
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import PaperText

WARM_UP = 5  # requests
LIMIT = 100  # milliseconds at the 95th percentile
CHUNK = 5_000
RECALL_SIZES = (50, 200, 1000)  # recall is measured in so many results
# Queries for real papers, one of each kind that is handled differently.
REAL_QUERIES = (
    *("knowledge injection in pre-training", "diffusion models for video generation"),
    *('"chain of thought" reasoning', "cat:cs.CL long context", "large language models"),
    *("gaussian splatting since:2026-01", "author:zhang robot", "robot manipulaton"),
    "we want methods that make language models forget what they learnt about one person",
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=int, default=75_000)
    parser.add_argument("--requests", type=int, default=200, help="requests of each kind")
    parser.add_argument(
        "--corpus", type=Path, help="real papers as JSON lines, plain or .gz; default: synthetic"
    )
    parser.add_argument(
        "--cases", type=Path, help="queries and their relevant papers of the corpus"
    )


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Measure through all middleware, in one process, with one request at a time."""
    with scratch_database.database(), override_settings(RATE_LIMITS=no_rate_limits()):
        return measure(options["papers"], options["requests"], options["corpus"], options["cases"])


def measure(
    count: int, requests: int, path: Path | None = None, cases: Path | None = None
) -> dict[str, Any]:
    """Measure in the current database, which must be empty."""
    with step("Making papers"):
        texts = list(_read_papers(path, count)) if path else synthetic_text.papers(count)
    with step(f"Storing {len(texts):,} papers"):
        store(texts, are_real=path is not None)
    started = time.perf_counter()
    with step("Indexing papers"):
        indexing.index_changed(timezone.now())
    indexed = time.perf_counter() - started
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client(SERVER_NAME="127.0.0.1")
    page, day = reverse("search"), reverse("day", args=[timezone.now().date()])
    typed = REAL_QUERIES if path else [" ".join(text.title.split()[:4]) for text in texts[:50]]
    kinds: dict[str, Callable[[int], Any]] = {
        "search": lambda n: client.get(page, {"q": typed[n % len(typed)]}),
        "home": lambda _n: client.get(day),
        "bare view": lambda _n: client.get(reverse("health-live")),
    }
    return {
        "papers": len(texts),
        "indexed_s": round(indexed, 1),
        "rows": {name: measure_page(name, ask, requests) for name, ask in kinds.items()},
        "recall": measure_recall(cases) if cases else {},
    }


def table(report: Mapping[str, Any]) -> str:
    """Return the report as text."""
    lines = [f"{report['papers']:,} papers, indexed in {report['indexed_s']:,.0f} s"]
    lines.append(f"{'':12}{'median':>10}{'95 %':>12}{'per second':>12}")
    for name, row in report["rows"].items():
        figures = f"{row['p50_ms']:7.1f} ms{row['p95_ms']:9.1f} ms{row['rps']:12,.0f}"
        lines.append(f"{name:12}{figures}")
    if report["recall"]:
        lines.append("recall among the first")
        lines.append(f"{'':12}" + "".join(f"{size:>10,}" for size in RECALL_SIZES))
        for name, shares in report["recall"].items():
            lines.append(f"{name:12}" + "".join(f"{share:10.3f}" for share in shares.values()))
    verdict = "within" if report["rows"]["search"]["p95_ms"] < LIMIT else "beyond"
    return "\n".join([*lines, f"search is {verdict} {LIMIT} ms"])


def measure_page(
    name: str, ask: Callable[[int], Any], requests: int, warm_up: int = WARM_UP
) -> dict[str, float]:
    """Return milliseconds and requests per second of a page."""
    took = []
    for number in track(range(warm_up + requests), f"Requesting: {name}"):
        started = time.perf_counter()
        response = ask(number)
        took.append(time.perf_counter() - started)
        if response.status_code != 200:
            raise AssertionError(f"{response.request['PATH_INFO']}: {response.status_code}")
    counted = np.array(took[warm_up:])
    middle, late = np.percentile(counted, [50, 95]) * 1000
    return {
        "p50_ms": round(float(middle), 1),
        "p95_ms": round(float(late), 1),
        "rps": round(1 / float(counted.mean()), 1),
    }


def measure_recall(path: Path) -> dict[str, dict[int, float]]:
    """Return the mean recall of the search and of each list it merges, by number of results.

    Papers that are not in the corpus count as missed.
    """
    pks_by_key = dict(Paper.objects.values_list("arxiv_id", "pk"))
    recalls: dict[str, list[list[float]]] = {"search": [], "by words": [], "by meaning": []}
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in track(lines, "Measuring recall"):
        case = json.loads(line)
        relevant = {pks_by_key.get(name) for name in case["relevant"]} - {None}
        query = queries.parse_query(case["profile"]["text"])
        lists = search.ranked_lists(query)
        results = (search.search_papers(query).pks, lists["worded"], lists["meant"])
        for name, pks in zip(recalls, results, strict=True):
            total = len(case["relevant"])
            recalls[name].append([len(relevant & set(pks[:n])) / total for n in RECALL_SIZES])
    return {
        name: dict(zip(RECALL_SIZES, np.mean(rows, axis=0).tolist(), strict=True))
        for name, rows in recalls.items()
    }


def store(texts: Sequence[PaperText], *, are_real: bool = False) -> None:
    """Store 300 papers for each of the last days, score them and learn the lexicon.

    The keys of real papers are their arXiv IDs.
    """
    now = timezone.now()
    papers = [
        synthetic_readers.unsaved_paper(
            number,
            text,
            text.key if are_real else _arxiv_id(number),
            now.date() - timedelta(number // 300),
            now,
        )
        for number, text in enumerate(texts)
    ]
    for paper in papers if are_real else []:
        paper.title_key = identity_by_title(paper.title, paper.authors)
    with transaction.atomic():
        for start in range(0, len(papers), CHUNK):
            bulk.insert(papers[start : start + CHUNK])
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)


def _arxiv_id(number: int) -> str:
    return f"{2601 + number // 90_000:04d}.{10_000 + number % 90_000:05d}"


def _read_papers(path: Path, count: int) -> Iterator[PaperText]:
    open_file = gzip.open if path.suffix == ".gz" else open
    with open_file(path, "rt", encoding="utf-8") as lines:
        for line in islice(lines, count):
            row = json.loads(line)
            yield as_ingested(
                PaperText(
                    row["arxiv_id"],
                    row["title"],
                    row["abstract"] or "",
                    tuple(row["categories"] or ()),
                    tuple(row["authors"] or ()),
                )
            )


def as_ingested(text: PaperText) -> PaperText:
    """Return a paper with its texts as ingest stores them."""
    return PaperText(
        text.key,
        one_line(readable_text(text.title)),
        readable_text(text.abstract),
        tuple(name[:100] for name in text.categories),
        tuple(one_line(readable_text(name)) for name in text.authors),
    )


def no_rate_limits() -> dict[str, tuple[float, float]]:
    """Return rates without limits, since one visitor makes all requests."""
    return dict.fromkeys(settings.RATE_LIMITS, (0, 0))
