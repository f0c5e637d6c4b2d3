"""`manage.py bench SUBJECT`: measure speed beside a baseline of the same run."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from devtools.benchmarks import (
    edition,
    ingest,
    matching,
    provider,
    queries,
    search,
    signup,
)
from devtools.benchmarks.pages import library, preview

SUBJECTS: dict[str, Any] = {
    "edition": edition,
    "ingest": ingest,
    "library": library,
    "matching": matching,
    "preview": preview,
    "provider": provider,
    "queries": queries,
    "search": search,
    "signup": signup,
}


class Command(BaseCommand):
    """Benchmarks of one subject each, in a temporary database."""

    help = "Measure speed on this machine, beside baselines of the same run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="subject", required=True)
        for name, module in SUBJECTS.items():
            subparser = subparsers.add_parser(name, help=(module.__doc__ or "").partition("\n")[0])
            subparser.add_argument("--json", action="store_true", help="print the result as JSON")
            module.add_arguments(subparser)

    def handle(self, *args: Any, **options: Any) -> None:
        module = SUBJECTS[options["subject"]]
        report = module.run(options)
        self.stdout.write(json.dumps(report) if options["json"] else module.table(report))
