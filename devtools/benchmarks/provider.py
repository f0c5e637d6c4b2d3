"""An edition through the HTTP API of one mail provider, which takes 150 ms for each call.

The provider is simulated on the loopback interface. Workers use django-anymail, with a thread for
each connection.
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.utils import timezone

from config.progress import step
from devtools.benchmarks import scratch_database, smtp_sink, synthetic_readers, worker_process
from devtools.benchmarks.edition import WORKERS, Sink, Workers, new_pool, send_edition

MILLION = 1_000_000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--readers", type=int, default=4_000)
    parser.add_argument("--papers", type=int, default=500, help="papers of the day")
    parser.add_argument("--connections", type=int, default=16, help="connections per worker")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the digests per second of WORKERS processes together."""
    with scratch_database.database() as name:
        return measure(name, options["readers"], options["papers"], options["connections"])


def measure(database: str, readers: int, papers: int, threads: int) -> dict[str, Any]:
    """Measure in an empty database of this name, which other processes can read."""
    now = timezone.now()
    synthetic_readers.store(papers, readers, now)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pb-")))
        server = stack.enter_context(Sink.open(folder, "--http"))
        workers = Workers([stack.enter_context(new_pool()) for _ in range(WORKERS)])
        with step("Starting workers"):
            workers.run_on_each(worker_process.use_provider, database, server.port, threads)
        product = send_edition(workers, readers)
        server.close(product["digests"])
    rate = product["digests_per_s"]
    return {
        "readers": readers,
        "pause_ms": smtp_sink.PAUSE * 1000,
        "connections": WORKERS * threads,
        "digests_per_s": rate,
        "max_per_s": round(WORKERS * threads / smtp_sink.PAUSE, 1),
        "digests_per_day": round(rate * 86_400),
        "million_hours": round(MILLION / rate / 3600, 2),
        "peak_rss_mb": product["peak_rss_mb"],
        "workers": WORKERS,
    }


def table(report: Mapping[str, Any]) -> str:
    """Return the report as text."""
    return (
        f"{report['readers']} readers, {report['workers']} workers, {report['connections']} "
        f"connections to a provider that takes {report['pause_ms']:.0f} ms: "
        f"{report['digests_per_s']} digests/s (at most {report['max_per_s']} with that pause), "
        f"{report['digests_per_day'] / 1e6:.1f} million per day, one million in "
        f"{report['million_hours']} hours"
    )
