"""An edition, from due readers to accepted mails, beside Django's mail loop and bare smtplib.

Two worker processes run the product's tasks, and a minimal SMTP server runs in another process.
PostgreSQL and Redis are real. All share the machine.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from statistics import mean
from typing import Any

import django
from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from config.progress import step, track
from devtools.benchmarks import scratch_database, synthetic_readers, worker_process
from devtools.benchmarks.synthetic_readers import Shape
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.matching.sections import group_items
from subscriptions.matching.selection import FOR_YOU
from subscriptions.models import Digest, Subscriber
from subscriptions.tokens import Purpose

WORKERS = 2
BASELINE_MESSAGES = 400  # per worker
TYPICAL = Shape(topics=1.3, subscriptions=1.2)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--readers", type=int, default=10_000)
    parser.add_argument("--due", type=int, help="approximate number of readers due; default: all")
    parser.add_argument("--papers", type=int, default=1_500, help="papers of the day")
    parser.add_argument(
        "--topics", type=float, default=TYPICAL.topics, help="per reader on average"
    )
    parser.add_argument(
        "--subscriptions",
        type=float,
        default=TYPICAL.subscriptions,
        help="per reader on average",
    )


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rates of WORKERS processes together, for the product and the baselines."""
    with scratch_database.database() as name:
        shape = Shape(options["topics"], options["subscriptions"])
        return measure(name, options["readers"], options["papers"], options["due"], shape)


def measure(
    database: str,
    readers: int,
    papers: int,
    due: int | None = None,
    shape: Shape = TYPICAL,
) -> dict[str, Any]:
    """Measure in an empty database of this name, which other processes can read."""
    now = timezone.now()
    due = synthetic_readers.store(papers, readers, now, due, shape)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pb-")))
        sink = stack.enter_context(Sink.open(folder))
        workers = Workers([stack.enter_context(new_pool()) for _ in range(WORKERS)])
        with step("Starting workers"):
            workers.run_on_each(worker_process.use_smtp, database, sink.port)
        product = send_edition(workers, due)
        sent_pks = list(
            Digest.objects.order_by("?").values_list("pk", flat=True)[: 2 * BASELINE_MESSAGES]
        )
        samples = check_samples(folder)
        with step("Sending by Django's mail loop"):
            loop = run_baseline(workers, worker_process.send_by_django, sent_pks)
        with step("Sending by smtplib"):
            bare = run_baseline(workers, worker_process.send_by_smtplib, sent_pks)
        sink.close(product["digests"] + 2 * len(sent_pks))
    return {
        "readers": readers,
        "topics": shape.topics,
        "subscriptions": shape.subscriptions,
        "paperboy": product | {"checked": samples, "sink_cpu_s": round(sink.cpu_s, 1)},
        "baselines": {"django_loop": loop, "smtplib": bare},
        "workers": WORKERS,
    }


def table(report: Mapping[str, Any]) -> str:
    """Return the report as text."""
    product, baselines = report["paperboy"], report["baselines"]
    rates = {
        "Paperboy": product,
        "Django's loop": baselines["django_loop"],
        "smtplib": baselines["smtplib"],
    }
    lines = [
        f"{report['readers']} readers with {report['topics']} topics and "
        f"{report['subscriptions']} subscriptions each, {product['digests']} digests due, "
        f"{report['workers']} workers"
    ]
    for name, row in rates.items():
        ratio = product["digests_per_s"] / row["digests_per_s"]
        lines.append(f"{name:14}{row['digests_per_s']:8.0f} digests/s{ratio:8.2f} ×")
    for name, stage in product["stages"].items():
        lines.append(f"  {name:26}{stage['share']:6.1%}{stage['ms']:8.3f} ms")
    lines.append(
        f"{product['sections_per_digest']} sections of topics per digest, "
        f"{product['cpu_ms_per_digest']} ms CPU per digest, "
        f"{product['queries_per_chunk']} queries per chunk and one per digest, "
        f"{product['peak_rss_mb']} MB, {product['checked']} mails checked"
    )
    return "\n".join(lines)


@dataclass
class Sink:
    """The process of the SMTP server."""

    process: subprocess.Popen[str]
    port: int
    cpu_s: float = 0.0

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *options: str) -> Iterator[Sink]:
        """Start the server; `folder` and `options` are its arguments."""
        command = (sys.executable, "-m", "devtools.benchmarks.smtp_sink", str(folder), *options)
        pipe = subprocess.PIPE
        with subprocess.Popen(  # noqa: S603
            command, cwd=settings.BASE_DIR, stdin=pipe, stdout=pipe, text=True
        ) as process:
            assert process.stdout  # noqa: S101 - it is a pipe
            try:
                yield cls(process, int(process.stdout.readline()))
            finally:
                process.kill()

    def close(self, expected: int) -> None:
        """Stop the server; raise CommandError if it did not accept `expected` mails."""
        output, _ = self.process.communicate()
        counted = json.loads(output)
        self.cpu_s = counted["cpu_s"]
        if counted["accepted"] != expected:
            raise CommandError(f"The server accepted {counted['accepted']} mails, not {expected}.")


def new_pool() -> ProcessPoolExecutor:
    """Return a pool of one process, spawned so that its memory use is not shared."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=django.setup)


@dataclass
class Workers:
    """The worker processes."""

    pools: Sequence[ProcessPoolExecutor]

    def run_on_each(self, work: Callable[..., Any], *args: Any) -> list[Any]:
        """Call `work` in all processes at once; return the results."""
        futures = [pool.submit(work, *args) for pool in self.pools]
        return [future.result() for future in futures]

    def share(self, work: Callable[..., Any], parts: Iterator[Any]) -> Iterator[Any]:
        """Call `work` for each part in the first free process; yield the results."""
        waiting = {
            pool: pool.submit(work, part) for pool, part in zip(self.pools, parts, strict=False)
        }
        while waiting:
            free = next((pool for pool, future in waiting.items() if future.done()), None)
            if free is None:
                time.sleep(0.002)
                continue
            yield waiting.pop(free).result()
            if (part := next(parts, None)) is not None:
                waiting[free] = free.submit(work, part)


def send_edition(workers: Workers, due: int) -> dict[str, Any]:
    """Build and send the digests of all due readers, by chunks; return rates and stages."""
    stages: Counter[str] = Counter()
    started = time.perf_counter()
    parts = workers.share(worker_process.send_chunk, digests.due_readers(timezone.now()))
    total = -(-due // settings.SUBSCRIBERS_PER_TASK)
    chunks = list(track(parts, "Sending by chunks", total))
    took = time.perf_counter() - started
    for chunk in chunks:
        stages.update(chunk["stages"])
    sent = sum(chunk["sent"] for chunk in chunks)
    if sent != due:
        raise CommandError(f"{sent} of {due} digests were sent: {Digest.objects.totals()}")
    spent = stages.total()
    return {
        "digests": sent,
        "digests_per_s": round(sent / took, 1),
        "sections_per_digest": round(mean(map(count_topic_sections, _some_items())), 2),
        "cpu_ms_per_digest": round(sum(chunk["cpu_s"] for chunk in chunks) * 1000 / sent, 3),
        "stages": {
            name: {"share": round(seconds / spent, 4), "ms": round(seconds * 1000 / sent, 4)}
            for name, seconds in stages.most_common()
        },
        "peak_rss_mb": round(max(chunk["peak_rss_mb"] for chunk in chunks)),
        "queries_per_chunk": max(chunk["queries"] for chunk in chunks[WORKERS:] or chunks),
    }


def _some_items() -> list[list[dict[str, Any]]]:
    """Return the items of some of the digests."""
    return list(Digest.objects.order_by("?").values_list("items", flat=True)[:BASELINE_MESSAGES])


def count_topic_sections(items: list[dict[str, Any]]) -> int:
    """Return the number of sections of topics in a digest."""
    return sum(section.key == FOR_YOU for section in group_items(items))


def run_baseline(
    workers: Workers, work: Callable[[Sequence[int]], Mapping[str, float]], pks: Sequence[int]
) -> dict[str, float]:
    """Return the rate of a baseline, with a share of the digests in each process."""
    shares = [pks[start::WORKERS] for start in range(WORKERS)]
    futures = [pool.submit(work, share) for pool, share in zip(workers.pools, shares, strict=True)]
    results = [future.result() for future in futures]
    rate = sum(result["digests"] / result["seconds"] for result in results)
    return {"digests_per_s": round(rate, 1)}


def check_samples(folder: Path) -> int:
    """Check the mails that the server kept; return their number.

    Each must be complete and have the links of its own reader.
    """
    samples = sorted(folder.glob("*.eml"))
    for path in samples:
        message = BytesParser(policy=default).parsebytes(path.read_bytes())
        if problem := find_problem(message):
            raise CommandError(f"A sent mail is wrong: {problem}.")
    if not samples:
        raise CommandError("The server kept no mail to check.")
    return len(samples)


def find_problem(message: EmailMessage) -> str:
    """Return the problem of a digest's mail, or ""."""
    reader = Subscriber.objects.get(email=message["To"])
    public_id = message["Message-ID"].strip("<>").partition("@")[0]
    if (digest := reader.digests.filter(public_id=public_id).first()) is None:
        return "its Message-ID belongs to another reader"
    parts = list(message.iter_parts())
    kinds = [part.get_content_type() for part in parts]
    if kinds != ["text/plain", "text/html"] or message.defects or parts[0].defects:
        return f"its parts are {kinds}, its defects {message.defects}"
    subscription = tokens.unsubscribe_key(reader.pk, digest.subscription_id)
    for part in parts:
        text = part.get_content()
        for name, purpose, value in (
            ("unsubscribe", Purpose.UNSUBSCRIBE, subscription),
            ("preferences", Purpose.PREFERENCES, reader.pk),
            ("digest", Purpose.DIGEST, digest.public_id),
            *((f"react/more/{pk}", Purpose.REACT, reader.pk) for pk in digest.paper_ids),
            *((f"react/less/{pk}", Purpose.REACT, reader.pk) for pk in digest.paper_ids),
        ):
            token = text.partition(f"/{name}/")[2].partition("/")[0]
            if tokens.read_token(purpose, token) != str(value):
                return f"the {name} link in {part.get_content_type()} belongs to another reader"
    return ""
