"""`manage.py evaluate matching`: the product's own code against what readers really chose."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from subscriptions import evaluation


class Command(BaseCommand):
    """Quality, measured on files; no database is needed."""

    help = "Measure the product's own code on recorded choices."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        subjects = parser.add_subparsers(dest="subject", required=True)
        matching = subjects.add_parser("matching", help="what readers would pick")
        matching.add_argument("--papers", type=Path, required=True, help="JSON lines, maybe .gz")
        matching.add_argument("--cases", type=Path, required=True, help="JSON lines, maybe .gz")
        matching.add_argument("--limit", type=int, help="only the first so many cases")
        matching.add_argument("--json", action="store_true", help="the last line is one object")
        matching.add_argument(
            "--no-authorship",
            action="store_true",
            help="learn the lexicon without knowing which papers share an author",
        )
        matching.add_argument(
            "--shared-authors",
            action="store_true",
            help="a row more: readers who want papers by the authors of theirs",
        )
        matching.add_argument(
            "--variety",
            action="store_true",
            help="two rows more: how much the first ten say the same, ranked and thinned out",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = {"matching": self.matching}[options["subject"]](options)
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json()))
        else:
            self.stdout.write(table(report))

    def matching(self, options: dict[str, Any]) -> evaluation.Report:
        """Run the evaluation of matching as asked for."""
        try:
            corpus = evaluation.read_corpus(options["papers"])
            cases = evaluation.read_cases(options["cases"], corpus, options["limit"])
        except evaluation.EvaluationError as problem:
            raise CommandError(str(problem)) from problem
        return evaluation.evaluate(
            corpus,
            cases,
            authorship=not options["no_authorship"],
            shared_authors=options["shared_authors"],
            variety=options["variety"],
        )


def table(report: evaluation.Report) -> str:
    """The report for people: a row for the product and for each baseline."""
    names = list(report.paperboy)
    rows = {"paperboy": report.paperboy, **report.baselines}
    if report.with_shared_authors:
        rows["+ shared authors"] = report.with_shared_authors
    lines = [f"{'':16}" + "".join(f"{name:>12}" for name in names)]
    lines += [
        f"{row:16}" + "".join(f"{metrics[name]:12.3f}" for name in names)
        for row, metrics in rows.items()
    ]
    for name, metrics in (report.variety or {}).items():
        lines.append(f"{name:16}" + ", ".join(f"{key} {metrics[key]:.4f}" for key in metrics))
    speed = report.cases / report.seconds
    return "\n".join(
        [*lines, f"{report.cases} cases in {report.seconds:.0f} s ({speed:.1f} a second)"]
    )
