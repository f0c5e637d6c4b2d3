"""`manage.py bench SUBJECT`: how fast the product does its work, next to a baseline."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from devtools.benchmarks import edition, ingest, matching, preview, provider, search, signup

SUBJECTS: dict[str, Any] = {
    "edition": edition,
    "ingest": ingest,
    "matching": matching,
    "preview": preview,
    "provider": provider,
    "search": search,
    "signup": signup,
}


class Command(BaseCommand):
    """Speed, measured on this machine in a database of its own."""

    help = "Measure the product's speed next to baselines of the same run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subjects = parser.add_subparsers(dest="subject", required=True)
        for name, module in SUBJECTS.items():
            subject = subjects.add_parser(name, help=(module.__doc__ or "").partition("\n")[0])
            subject.add_argument("--json", action="store_true", help="the last line is one object")
            module.add_arguments(subject)

    def handle(self, *args: Any, **options: Any) -> None:
        module = SUBJECTS[options["subject"]]
        report = module.run(options)
        self.stdout.write(json.dumps(report) if options["json"] else module.table(report))
