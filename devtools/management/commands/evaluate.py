"""`manage.py evaluate …`: measure quality on recorded choices, queries and texts."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from devtools.evaluation.cases import EvaluationError
from devtools.evaluation.early_forecast import EarlyError
from devtools.evaluation.recorded_votes import ReplayError
from devtools.management.evaluations import (
    early,
    extracts,
    fit,
    interests,
    learning,
    matching,
    reasons,
    search,
    trending,
)

SUBJECTS: dict[str, Any] = {
    "matching": matching,
    "interests": interests,
    "learning": learning,
    "fit": fit,
    "trending": trending,
    "early": early,
    "search": search,
    "reasons": reasons,
    "extracts": extracts,
}
"""The modules with `add_arguments`, `run` and `table`; the docstring is the help."""


class Command(BaseCommand):
    """Evaluations on files; only that of search uses a database, a scratch one."""

    help = "Measure the quality of matching, trending, search and texts."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="subject", required=True)
        for name, module in SUBJECTS.items():
            subparser = subparsers.add_parser(name, help=(module.__doc__ or "").partition("\n")[0])
            module.add_arguments(subparser)
            subparser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        module = SUBJECTS[options["subject"]]
        try:
            report = module.run(options)
        except (EvaluationError, ReplayError, EarlyError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else module.table(report))
