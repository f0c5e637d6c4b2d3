"""`manage.py evaluate matching|trending`: the product's own code against what people really did."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.progress import step, track
from devtools.evaluation import matching_cases, trending_replay

InWords = Callable[[Any], str]
Subject = Callable[[dict[str, Any]], tuple[matching_cases.Report | trending_replay.Report, InWords]]


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
        matching.add_argument(
            "--archive-days",
            type=int,
            help="learn only from the papers of so many days before each pool, from the pool and "
            "from the papers of its profiles; 0 is the first day of an installation",
        )
        matching.add_argument(
            "--days", nargs="+", metavar="DAY", help="only cases whose pool is of these days"
        )
        matching.add_argument("--json", action="store_true", help="the last line is one object")
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
        trending = subjects.add_parser("trending", help="what the votes will be")
        trending.add_argument("--observations", type=Path, required=True, help="JSON lines")
        trending.add_argument(
            "--papers",
            type=Path,
            help="JSON lines, maybe .gz; by default corpus/papers.jsonl.gz beside the folder of "
            "the observations, if it is there; without it no text and no author is known",
        )
        trending.add_argument(
            "--days", choices=["odd", "even"], help="only days of the month that are"
        )
        trending.add_argument("--json", action="store_true", help="the last line is one object")

    def handle(self, *args: Any, **options: Any) -> None:
        subjects: dict[str, Subject] = {"matching": self.matching, "trending": self.trending}
        report, in_words = subjects[options["subject"]](options)
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else in_words(report))

    def matching(self, options: dict[str, Any]) -> tuple[matching_cases.Report, InWords]:
        """Run the evaluation of matching as asked for."""
        try:
            with step("Reading papers and cases"):
                corpus = matching_cases.read_corpus(options["papers"])
                cases = matching_cases.read_cases(
                    options["cases"], corpus, options["limit"], options["days"]
                )
            report = matching_cases.evaluate(
                corpus,
                cases,
                shared_authors=options["shared_authors"],
                variety=options["variety"],
                archive_days=options["archive_days"],
                progress=track,
                step=step,
            )
        except matching_cases.EvaluationError as problem:
            raise CommandError(str(problem)) from problem
        return report, table

    def trending(self, options: dict[str, Any]) -> tuple[trending_replay.Report, InWords]:
        """Replay recorded votes as asked for."""
        observations, papers = options["observations"], options["papers"]
        beside = observations.parent.parent / "corpus" / "papers.jsonl.gz"
        try:
            with step("Reading observations"):
                recorded = trending_replay.read(
                    observations, papers or (beside if beside.exists() else None)
                )
            report = trending_replay.evaluate(recorded, days=options["days"], progress=track)
        except trending_replay.ReplayError as problem:
            raise CommandError(str(problem)) from problem
        return report, trending_replay.table


def table(report: matching_cases.Report) -> str:
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
