"""Ingest papers from all due sources, or from documents on disk."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from config.progress import LINE_INTERVAL, step, track
from papers.feeds import DocumentError, fields, kinds
from papers.fetching import sources
from papers.ingest import IngestResult, ingest_document
from papers.models import Source
from papers.ranking import scoring
from papers.searching import indexing
from papers.vectors import stored_lexicon

MAX_BYTES = 50_000_000  # of one document; a year of the largest archive is smaller


class Command(BaseCommand):
    help = "Ingest papers from every due source, or from the documents at PATH…"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
        parser.add_argument("--kind", choices=kinds.names(), help="detected if not given")
        parser.add_argument("--all", action="store_true", help="every active source, due or not")

    def handle(self, *_: Any, paths: list[Path], kind: str | None, all: bool, **__: Any) -> None:
        if kind and not paths:
            raise CommandError("--kind requires at least one PATH.")
        results = list(self.ingest_paths(paths, kind) if paths else self.check_sources(all))
        self.report_total([result for result in results if result])
        now = timezone.now()
        with step("Scoring papers", LINE_INTERVAL):
            scoring.rescore(now)
        with step("Updating the lexicon", LINE_INTERVAL):
            stored_lexicon.learn_lexicon(now)
        with step("Indexing papers", LINE_INTERVAL):
            indexing.index_changed(now)
        if any(result is None or 0 < result.entries == result.refused for result in results):
            sys.exit(1)  # a document without a usable entry is a failure too

    def ingest_paths(self, paths: list[Path], kind: str | None) -> Iterator[IngestResult | None]:
        """Yield the result of each document; None, with a line on stderr, if it cannot be read."""
        for path in track(paths, "Reading documents"):
            name = fields.remove_unstorable(str(path))
            try:
                result = ingest_document(read_document(path), name, timezone.now(), kind)
            except (DocumentError, OSError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                self.stderr.write(f"{name}: cannot be read: {reason}; nothing stored")
                yield None
            except DatabaseError as error:
                self.stderr.write(f"{name}: cannot be stored: {str(error).splitlines()[0]}")
                yield None
            else:
                self.report(result)
                yield result

    def check_sources(self, every: bool) -> Iterator[IngestResult | None]:
        """Yield the result of each source that sent a document; None for each that failed."""
        now = timezone.now()
        due = Source.objects.filter(active=True) if every else Source.objects.due(now)
        for source in track(due, "Reading sources", due.count()):
            check = sources.check_source(source, timezone.now())
            if check.result:
                self.report(check.result)
                yield check.result
            elif check.is_failure:
                self.stderr.write(f"{source.url}: {check.outcome}: {check.error}")
                yield None
            else:
                self.stdout.write(f"{source.url}: {check.outcome}")

    def report(self, result: IngestResult) -> None:
        self.stdout.write(result.line())
        for reason in result.reasons:
            self.stdout.write(f"  {reason}")

    def report_total(self, results: list[IngestResult]) -> None:
        names = ("entries", "new", "updated", "unchanged", "refused")
        counts = {name: sum(getattr(result, name) for result in results) for name in names}
        line = " ".join(f"{name}={count}" for name, count in counts.items())
        nothing = "" if counts["new"] or not results else " (nothing new)"
        self.stdout.write(f"total: documents={len(results)} {line}{nothing}")


def read_document(path: Path) -> bytes:
    """Return the bytes of a document; raise `DocumentError` above `MAX_BYTES`."""
    if path.stat().st_size > MAX_BYTES:
        raise DocumentError(f"larger than {MAX_BYTES:,} bytes")
    return path.read_bytes()
