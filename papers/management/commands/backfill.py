"""Fill the days of arXiv's lists that were missed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.progress import track
from papers.fetching import backfill


class Command(BaseCommand):
    help = "Notice days of arXiv's lists that were missed, and ask for their papers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        reach = backfill.REACH_DAYS
        parser.add_argument("--days", type=int, default=reach, help=f"how far back ({reach})")
        parser.add_argument("--way", choices=("api", "oai"), help="the API, then OAI-PMH")
        parser.add_argument("--dry-run", action="store_true", help="only say which days")

    def handle(
        self, *_: Any, days: int, way: backfill.Way | None, dry_run: bool, **__: Any
    ) -> None:
        now = timezone.now()
        if dry_run:
            for source, day in backfill.missed_days(now, days):
                self.stdout.write(f"{source} {day}")
            return
        missed = track(backfill.missed_days(now, days), "Filling days")
        filled = [backfill.fill_day(source, day, now, way) for source, day in missed]
        for one in filled:
            (self.stderr if one.error else self.stdout).write(one.line())
        self.stdout.write(f"total: days={len(filled)} failed={sum(bool(f.error) for f in filled)}")
        if any(one.error for one in filled):
            sys.exit(1)
