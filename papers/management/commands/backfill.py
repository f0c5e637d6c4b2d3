"""Fetch the papers of missed arXiv lists."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.progress import track
from papers.fetching import backfill


class Command(BaseCommand):
    help = "Find days whose arXiv list was missed, and fetch their papers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        reach = backfill.MAX_DAYS
        parser.add_argument(
            "--days", type=int, default=reach, help=f"days to look back (default: {reach})"
        )
        parser.add_argument(
            "--way",
            choices=("api", "oai"),
            help="interface to use (default: the API, then OAI-PMH)",
        )
        parser.add_argument("--dry-run", action="store_true", help="only list the missed days")

    def handle(
        self, *_: Any, days: int, way: backfill.Way | None, dry_run: bool, **__: Any
    ) -> None:
        now = timezone.now()
        if dry_run:
            for source, day in backfill.missed_days(now, days):
                self.stdout.write(f"{source} {day}")
            return
        missed = track(backfill.missed_days(now, days), "Fetching days")
        results = [backfill.fill_day(source, day, now, way) for source, day in missed]
        for result in results:
            (self.stderr if result.error else self.stdout).write(result.line())
        failed = sum(bool(result.error) for result in results)
        self.stdout.write(f"total: days={len(results)} failed={failed}")
        if failed:
            sys.exit(1)
