"""An edition, from due readers to mails accepted, next to Django's own loop and bare smtplib.

Two worker processes with the product's own tasks, and an SMTP server that does next to nothing in
a process of its own; PostgreSQL and Redis are real. All share the machine.
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
from typing import Any

import django
from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from config.progress import step, track
from devtools.benchmarks import scratch_database, synthetic_readers, worker_process
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.models import Digest, Subscriber
from subscriptions.tokens import Purpose

WORKERS = 2
BASELINE = 400  # messages of each worker


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--readers", type=int, default=10_000)
    parser.add_argument("--due", type=int, help="about so many of them are; if left out, all")
    parser.add_argument("--papers", type=int, default=1_500, help="of the day")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """All rates are those of WORKERS processes together."""
    with scratch_database.database() as name:
        return measured(name, options["readers"], options["papers"], options["due"])


def measured(database: str, readers: int, papers: int, due: int | None = None) -> dict[str, Any]:
    """In an empty database of this name, which other processes can read."""
    now = timezone.now()
    due = synthetic_readers.store(papers, readers, now, due)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pb-")))
        sink = stack.enter_context(Sink.open(folder))
        team = Team([stack.enter_context(new_pool()) for _ in range(WORKERS)])
        with step("Starting workers"):
            team.all(worker_process.arrive, database, sink.port)
        ours = paperboy(team, due)
        sent = list(Digest.objects.order_by("?").values_list("pk", flat=True)[: 2 * BASELINE])
        samples = check(folder)
        with step("Sending by Django's loop"):
            loop = together(team, worker_process.django_loop, sent)
        with step("Sending by smtplib"):
            bare = together(team, worker_process.bare_smtplib, sent)
        sink.close(ours["digests"] + 2 * len(sent))
    return {
        "readers": readers,
        "paperboy": ours | {"checked": samples, "sink_cpu_s": round(sink.cpu_s, 1)},
        "baselines": {"django_loop": loop, "smtplib": bare},
        "workers": WORKERS,
    }


def table(report: Mapping[str, Any]) -> str:
    """The report for people."""
    ours, baselines = report["paperboy"], report["baselines"]
    rates = {
        "Paperboy": ours,
        "Django's loop": baselines["django_loop"],
        "smtplib": baselines["smtplib"],
    }
    lines = [
        f"{report['readers']} readers, {ours['digests']} of them due, {report['workers']} workers"
    ]
    for name, row in rates.items():
        times = ours["digests_per_s"] / row["digests_per_s"]
        lines.append(f"{name:14}{row['digests_per_s']:8.0f} digests/s{times:8.2f} ×")
    for name, stage in ours["stages"].items():
        lines.append(f"  {name:26}{stage['share']:6.1%}{stage['ms']:8.3f} ms")
    lines.append(
        f"{ours['cpu_ms_per_digest']} ms CPU a digest, {ours['queries_per_chunk']} queries a chunk "
        f"and one statement a digest, {ours['peak_rss_mb']} MB, {ours['checked']} mails checked"
    )
    return "\n".join(lines)


@dataclass
class Sink:
    """The SMTP server's process."""

    process: subprocess.Popen[str]
    port: int
    cpu_s: float = 0.0

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *kind: str) -> Iterator[Sink]:
        command = (sys.executable, "-m", "devtools.benchmarks.smtp_sink", str(folder), *kind)
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
        """Ends it; what it accepted must be what we think was sent."""
        said, _ = self.process.communicate()
        counted = json.loads(said)
        self.cpu_s = counted["cpu_s"]
        if counted["accepted"] != expected:
            raise CommandError(f"{counted['accepted']} mails were accepted, not {expected}.")


def new_pool() -> ProcessPoolExecutor:
    """One process that shares nothing with this one, so that its memory is its own."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=django.setup)


@dataclass
class Team:
    pools: Sequence[ProcessPoolExecutor]

    def all(self, work: Callable[..., Any], *args: Any) -> list[Any]:
        """The same in each process, at once."""
        return [done.result() for done in [pool.submit(work, *args) for pool in self.pools]]

    def share(self, work: Callable[..., Any], parts: Iterator[Any]) -> Iterator[Any]:
        """Each part is done by the first process that is free."""
        waiting = {
            pool: pool.submit(work, part) for pool, part in zip(self.pools, parts, strict=False)
        }
        while waiting:
            done = next((pool for pool, one in waiting.items() if one.done()), None)
            if done is None:
                time.sleep(0.002)
                continue
            yield waiting.pop(done).result()
            if (part := next(parts, None)) is not None:
                waiting[done] = done.submit(work, part)


def paperboy(team: Team, due: int) -> dict[str, Any]:
    """The product: chunks of due readers, made and handed over."""
    stages: Counter[str] = Counter()
    started = time.perf_counter()
    parts = team.share(worker_process.edition, digests.due_readers(timezone.now()))
    total = -(-due // settings.SUBSCRIBERS_PER_TASK)
    chunks = list(track(parts, "Sending, chunk by chunk", total))
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
        "cpu_ms_per_digest": round(sum(chunk["cpu_s"] for chunk in chunks) * 1000 / sent, 3),
        "stages": {
            name: {"share": round(seconds / spent, 4), "ms": round(seconds * 1000 / sent, 4)}
            for name, seconds in stages.most_common()
        },
        "peak_rss_mb": round(max(chunk["peak_rss_mb"] for chunk in chunks)),
        "queries_per_chunk": max(chunk["queries"] for chunk in chunks[WORKERS:] or chunks),
    }


def together(
    team: Team, work: Callable[[Sequence[int]], Mapping[str, float]], pks: Sequence[int]
) -> dict[str, float]:
    """A baseline in all processes at once; each goes through its own share of the digests."""
    shares = [pks[start::WORKERS] for start in range(WORKERS)]
    asked = [pool.submit(work, share) for pool, share in zip(team.pools, shares, strict=True)]
    done = [one.result() for one in asked]
    rate = sum(one["digests"] / one["seconds"] for one in done)
    return {"digests_per_s": round(rate, 1)}


def check(folder: Path) -> int:
    """The mails that the server kept are whole, and each holds its own reader's links."""
    samples = sorted(folder.glob("*.eml"))
    for path in samples:
        message = BytesParser(policy=default).parsebytes(path.read_bytes())
        if problem := trouble(message):
            raise CommandError(f"A mail is not as it should be: {problem}.")
    if not samples:
        raise CommandError("No mail was kept.")
    return len(samples)


def trouble(message: EmailMessage) -> str:
    """What is wrong with a digest's mail; empty: nothing."""
    reader = Subscriber.objects.get(email=message["To"])
    digest = reader.digests.get()
    parts = list(message.iter_parts())
    kinds = [part.get_content_type() for part in parts]
    if kinds != ["text/plain", "text/html"] or message.defects or parts[0].defects:
        return f"its parts are {kinds}, its defects {message.defects}"
    for part in parts:
        text = part.get_content()
        for name, purpose, value in (
            ("unsubscribe", Purpose.UNSUBSCRIBE, reader.pk),
            ("preferences", Purpose.PREFERENCES, reader.pk),
            ("digest", Purpose.DIGEST, digest.public_id),
            *((f"react/more/{pk}", Purpose.REACT, reader.pk) for pk in digest.paper_ids),
            *((f"react/less/{pk}", Purpose.REACT, reader.pk) for pk in digest.paper_ids),
        ):
            token = text.partition(f"/{name}/")[2].partition("/")[0]
            if tokens.read_token(purpose, token) != str(value):
                return f"the link {name} in {part.get_content_type()} is not the reader's own"
    return ""
