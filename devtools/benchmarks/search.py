"""The site's busiest pages, home and search: milliseconds a request and requests a second.

With cases (see `evaluate matching`), also how much of what belongs to a search is found by it.
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
from papers.models import Paper
from papers.ranking import scoring
from papers.searching import indexing, queries, search
from papers.text.markup import readable_text
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import PaperText

WARM = 5  # requests that do not count
LIMIT = 100  # milliseconds at the 95th percentile
CHUNK = 5_000
FIRST = (50, 200, 1000)  # results that are looked at for what was to be found
# Where the corpus is real: what people type, of every kind that is searched differently.
REAL = (
    *("knowledge injection in pre-training", "diffusion models for video generation"),
    *('"chain of thought" reasoning', "cat:cs.CL long context", "large language models"),
    *("gaussian splatting since:2026-01", "author:zhang robot", "robot manipulaton"),
    "we want methods that make language models forget what they learnt about one person",
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=int, default=75_000)
    parser.add_argument("--requests", type=int, default=200, help="of each kind")
    parser.add_argument(
        "--corpus", type=Path, help="real papers, JSON lines, .gz or plain; else made-up ones"
    )
    parser.add_argument(
        "--cases", type=Path, help="words and the papers of the corpus that belong to them"
    )


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Through all middleware, in one process, one request after the other."""
    with scratch_database.database(), override_settings(RATE_LIMITS=_unguarded()):
        return measured(options["papers"], options["requests"], options["corpus"], options["cases"])


def measured(
    count: int, requests: int, path: Path | None = None, cases: Path | None = None
) -> dict[str, Any]:
    """In whatever empty database there is."""
    with step("Making papers"):
        texts = list(_real(path, count)) if path else synthetic_text.papers(count)
    with step(f"Storing {len(texts):,} papers"):
        store(texts)
    started = time.perf_counter()
    with step("Making papers searchable"):
        indexing.index_changed(timezone.now())
    indexed = time.perf_counter() - started
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client(SERVER_NAME="127.0.0.1")
    page, day = reverse("search"), reverse("day", args=[timezone.now().date()])
    typed = REAL if path else [" ".join(text.title.split()[:4]) for text in texts[:50]]
    kinds: dict[str, Callable[[int], Any]] = {
        "search": lambda n: client.get(page, {"q": typed[n % len(typed)]}),
        "home": lambda _n: client.get(day),
        "bare view": lambda _n: client.get(reverse("health-live")),
    }
    return {
        "papers": len(texts),
        "indexed_s": round(indexed, 1),
        "rows": {name: row(name, ask, requests) for name, ask in kinds.items()},
        "recall": recall(texts, cases) if cases else {},
    }


def table(report: Mapping[str, Any]) -> str:
    """The report for people."""
    lines = [f"{report['papers']:,} papers, made searchable in {report['indexed_s']:,.0f} s"]
    lines.append(f"{'':12}{'median':>10}{'95 %':>12}{'a second':>12}")
    for name, one in report["rows"].items():
        figures = f"{one['p50_ms']:7.1f} ms{one['p95_ms']:9.1f} ms{one['rps']:12,.0f}"
        lines.append(f"{name:12}{figures}")
    if report["recall"]:
        lines.append("of the papers that belong to a search, found among the first")
        lines.append(f"{'':12}" + "".join(f"{first:>10,}" for first in FIRST))
        for name, parts in report["recall"].items():
            lines.append(f"{name:12}" + "".join(f"{part:10.3f}" for part in parts.values()))
    verdict = "within" if report["rows"]["search"]["p95_ms"] < LIMIT else "beyond"
    return "\n".join([*lines, f"search is {verdict} {LIMIT} ms"])


def row(name: str, ask: Callable[[int], Any], requests: int) -> dict[str, float]:
    took = []
    for number in track(range(WARM + requests), f"Asking: {name}"):
        started = time.perf_counter()
        answer = ask(number)
        took.append(time.perf_counter() - started)
        if answer.status_code != 200:
            raise AssertionError(f"{answer.request['PATH_INFO']}: {answer.status_code}")
    counted = np.array(took[WARM:])
    middle, late = np.percentile(counted, [50, 95]) * 1000
    return {
        "p50_ms": round(float(middle), 1),
        "p95_ms": round(float(late), 1),
        "rps": round(1 / float(counted.mean()), 1),
    }


def recall(texts: Sequence[PaperText], path: Path) -> dict[str, dict[int, float]]:
    """By search, and by each of the ways it fuses: the mean part of the relevant papers that is
    among the first so many. Papers that are not in the corpus count as not found."""
    keys = dict(Paper.objects.values_list("title_key", "pk"))
    stored = {
        text.key: keys[synthetic_readers.title_key(number, text)]
        for number, text in enumerate(texts)
    }
    parts: dict[str, list[list[float]]] = {"search": [], "by words": [], "by meaning": []}
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in track(lines, "Searching for what belongs together"):
        case = json.loads(line)
        relevant = {stored.get(name) for name in case["relevant"]} - {None}
        query = queries.parse_query(case["profile"]["text"])
        ways = search.ranked_lists(query)
        found = (search.search_papers(query).pks, ways["worded"], ways["meant"])
        for name, pks in zip(parts, found, strict=True):
            hits = [len(relevant & set(pks[:first])) / len(case["relevant"]) for first in FIRST]
            parts[name].append(hits)
    return {
        name: dict(zip(FIRST, np.mean(hits, axis=0).tolist(), strict=True))
        for name, hits in parts.items()
    }


def store(texts: Sequence[PaperText]) -> None:
    """Some hundred papers for each of the last days, scored and learnt from."""
    now = timezone.now()
    papers = [
        synthetic_readers.paper(
            number, text, _arxiv_id(number), now.date() - timedelta(number // 300), now
        )
        for number, text in enumerate(texts)
    ]
    with transaction.atomic():
        for start in range(0, len(papers), CHUNK):
            bulk.insert(papers[start : start + CHUNK])
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)


def _arxiv_id(number: int) -> str:
    return f"{2601 + number // 90_000:04d}.{10_000 + number % 90_000:05d}"


def _real(path: Path, count: int) -> Iterator[PaperText]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for line in islice(lines, count):
            told = json.loads(line)
            yield PaperText(
                key=told["arxiv_id"],
                title=readable_text(told["title"]),
                abstract=readable_text(told["abstract"] or ""),
                categories=tuple(name[:100] for name in told["categories"] or ()),
                authors=tuple(told["authors"] or ()),
            )


def _unguarded() -> dict[str, tuple[float, float]]:
    """One visitor is not all: the doors' limits are not what is measured."""
    return dict.fromkeys(settings.RATE_LIMITS, (0, 0))
