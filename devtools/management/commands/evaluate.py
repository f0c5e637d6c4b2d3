"""`manage.py evaluate …`: measure quality on recorded choices, queries and texts."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.progress import step, track
from devtools.benchmarks import scratch_database
from devtools.benchmarks import search as search_benchmark
from devtools.evaluation import early_forecast, fit, interests, matching_cases, trending_replay
from devtools.evaluation.cases import (
    EvaluationError,
    cases_of_half,
    read_cases,
    read_corpus,
    read_needs,
)
from devtools.evaluation.learning import simulation
from devtools.evaluation.learning.simulated_readers import (
    read_interests,
    simulate_readers,
    split_interests,
)
from devtools.evaluation.reading_lists import read_lists
from devtools.evaluation.recorded_votes import ReplayError, read_recordings
from devtools.evaluation.search import typed_queries
from devtools.evaluation.wording import extracts, reasons
from papers.models import Paper
from papers.searching import corrections, indexing, queries

Table = Callable[[Any], str]
Report = (
    matching_cases.Report
    | interests.Report
    | simulation.Report
    | fit.Report
    | trending_replay.Report
    | early_forecast.Report
    | typed_queries.Report
    | reasons.Report
    | extracts.Report
)
HALVES = ("first", "second")
Subject = Callable[[dict[str, Any]], tuple[Report, Table]]


class Command(BaseCommand):
    """Evaluations on files; only that of search uses a database, a scratch one."""

    help = "Measure the quality of matching, trending, search and texts."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="subject", required=True)
        _add_matching_arguments(
            subparsers.add_parser("matching", help="rank papers as readers would choose them")
        )
        _add_interests_arguments(
            subparsers.add_parser("interests", help="rank for readers with two interests")
        )
        _add_learning_arguments(
            subparsers.add_parser("learning", help="rank for readers who tap More and Less")
        )
        _add_fit_arguments(
            subparsers.add_parser(
                "fit", help="compare predicted shares of choices with those found"
            )
        )
        _add_trending_arguments(
            subparsers.add_parser("trending", help="rank papers by the votes they will get")
        )
        _add_early_arguments(
            subparsers.add_parser("early", help="rank papers of a day before they have votes")
        )

        _add_search_arguments(
            subparsers.add_parser("search", help="search for papers as people type queries")
        )
        _add_reasons_arguments(
            subparsers.add_parser("reasons", help="check the reasons in digests by rules")
        )
        _add_extracts_arguments(
            subparsers.add_parser("extracts", help="check extracts of abstracts by rules")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        subjects: dict[str, Subject] = {
            "matching": self.matching,
            "interests": self.interests,
            "learning": self.learning,
            "fit": self.fit,
            "trending": self.trending,
            "early": self.early,
            "search": self.search,
            "reasons": self.reasons,
            "extracts": self.extracts,
        }
        report, table = subjects[options["subject"]](options)
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else table(report))

    def matching(self, options: dict[str, Any]) -> tuple[matching_cases.Report, Table]:
        """Evaluate matching with these options."""
        try:
            with step("Reading papers and cases"):
                corpus = read_corpus(options["papers"])
                if options["needs"]:
                    corpus, cases = read_needs(options["needs"], corpus, options["sentences"])
                else:
                    cases = read_cases(options["cases"], corpus, options["limit"], options["days"])
                cases = cases_of_half(cases, options["half"])
            report = matching_cases.evaluate(
                corpus,
                cases,
                shared_authors=options["shared_authors"],
                variety=options["variety"],
                kept=options["kept"],
                archive_days=options["archive_days"],
                starter_before=options["starter_before"],
                progress=track,
                step=step,
            )
        except EvaluationError as error:
            raise CommandError(str(error)) from error
        return report, matching_table

    def interests(self, options: dict[str, Any]) -> tuple[interests.Report, Table]:
        """Evaluate readers with two interests, made up from reading lists."""
        try:
            with step("Reading papers and lists"):
                corpus = read_corpus(options["papers"])
                lists = read_lists(options["lists"], corpus.positions)
        except EvaluationError as error:
            raise CommandError(str(error)) from error
        report = interests.evaluate(corpus, lists, progress=track, step=step)
        return report, interests_table

    def learning(self, options: dict[str, Any]) -> tuple[simulation.Report, Table]:
        """Simulate readers who react to a digest a day."""
        try:
            with step("Reading papers and interests"):
                corpus = read_corpus(options["papers"])
                found = [
                    one for path in options["interests"] for one in read_interests(path, corpus)
                ]
        except EvaluationError as error:
            raise CommandError(str(error)) from error
        if half := options["half"]:
            names = dict(zip(HALVES, split_interests(found), strict=True))[half]
        else:
            names = {one.name for one in found}
        readers = simulate_readers(corpus, [one for one in found if one.name in names])
        report = simulation.evaluate(corpus, readers, progress=track, step=step)
        return report, learning_table

    def fit(self, options: dict[str, Any]) -> tuple[fit.Report, Table]:
        """Compare how well papers fit with recorded choices."""
        try:
            with step("Reading papers and cases"):
                corpus = read_corpus(options["papers"])
                cases = [one for path in options["cases"] for one in read_cases(path, corpus)]
                cases = fit.with_typed(corpus, cases)
                for path in options["lists"]:
                    cases += fit.cases_of_lists(corpus, read_interests(path, corpus))
        except EvaluationError as error:
            raise CommandError(str(error)) from error
        report = fit.evaluate(corpus, cases, progress=track, step=step)
        return report, fit_table

    def trending(self, options: dict[str, Any]) -> tuple[trending_replay.Report, Table]:
        """Replay recorded votes with these options."""
        observations, papers = options["observations"], options["papers"]
        default_papers = observations.parent.parent / "corpus" / "papers.jsonl.gz"
        if papers is None and default_papers.exists():
            papers = default_papers
        try:
            with step("Reading observations"):
                recordings = read_recordings(observations, papers)
            report = trending_replay.evaluate(recordings, days=options["days"], progress=track)
        except ReplayError as error:
            raise CommandError(str(error)) from error
        return report, trending_replay.table

    def early(self, options: dict[str, Any]) -> tuple[early_forecast.Report, Table]:
        """Rank the papers of arXiv days before they have votes."""
        try:
            with step("Reading papers and observations"):
                archive = early_forecast.read_archive(options["papers"], options["observations"])
            report = early_forecast.evaluate(
                archive, options["first_day"], options["last_day"], progress=track
            )
        except early_forecast.EarlyError as error:
            raise CommandError(str(error)) from error
        return report, early_forecast.table

    def search(self, options: dict[str, Any]) -> tuple[typed_queries.Report, Table]:
        """Store papers in a scratch database and search for typed queries."""
        try:
            with step("Reading papers and queries"):
                typed = typed_queries.read_queries(options["queries"])
                corpus = read_corpus(options["papers"])
                papers = typed_queries.choose_papers(corpus, typed, options["count"])
        except EvaluationError as error:
            raise CommandError(str(error)) from error
        papers = [search_benchmark.as_ingested(paper) for paper in papers]
        with scratch_database.database():
            with step(f"Storing and indexing {len(papers):,} papers"):
                search_benchmark.store(papers, are_real=True)
                indexing.index_changed(timezone.now())
            report = typed_queries.evaluate(typed, find_papers, len(papers), progress=track)
        return report, typed_queries.table

    def reasons(self, options: dict[str, Any]) -> tuple[reasons.Report, Table]:
        """Check reasons drawn from digests of made-up readers."""
        seed = options["seed"]
        try:
            with step("Reading papers and profiles"):
                corpus = read_corpus(options["papers"])
                readers = reasons.read_profiles(options["profiles"], corpus, seed)
        except EvaluationError as error:
            raise CommandError(str(error)) from error
        report = reasons.evaluate(
            corpus, readers, options["count"], seed=seed, progress=track, step=step
        )
        return report, reasons.table

    def extracts(self, options: dict[str, Any]) -> tuple[extracts.Report, Table]:
        """Check extracts of papers drawn at random."""
        try:
            with step("Reading papers"):
                papers = read_corpus(options["papers"]).papers
        except EvaluationError as error:
            raise CommandError(str(error)) from error
        report = extracts.evaluate(papers, options["count"], seed=options["seed"], progress=track)
        return report, extracts.table


def find_papers(typed: str) -> list[str]:
    """Return the arXiv IDs of the papers that the search page shows first."""
    search_made = corrections.search_with_corrections(queries.parse_query(typed))
    pks = search_made.result.pks[: typed_queries.PLACES]
    names = dict(Paper.objects.filter(pk__in=pks).values_list("pk", "arxiv_id"))
    return [names[pk] or "" for pk in pks]


def _add_matching_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    choices = parser.add_mutually_exclusive_group(required=True)
    choices.add_argument("--cases", type=Path, help="JSON lines, plain or .gz")
    choices.add_argument("--needs", type=Path, help="needs in sentences, each with an abstract")
    parser.add_argument("--sentences", type=int, help="cut each need after so many sentences")
    parser.add_argument("--limit", type=int, help="maximum number of cases")
    parser.add_argument(
        "--archive-days",
        type=int,
        help="learn only from papers of so many days before each pool, from the pool, and from "
        "the papers in its profiles; 0 is the first day of an installation",
    )
    parser.add_argument(
        "--starter-before",
        default="",
        metavar="DAY",
        help="start from a starter lexicon of the papers listed before this day, and compare with "
        "no starter",
    )
    parser.add_argument(
        "--days", nargs="+", metavar="DAY", help="only cases with a pool of these days"
    )
    parser.add_argument("--half", choices=HALVES, help="only cases of one half of the readers")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--shared-authors",
        action="store_true",
        help="also measure readers who want papers by authors of liked papers",
    )
    parser.add_argument(
        "--variety",
        action="store_true",
        help="also measure how similar the first ten papers are, ranked and diversified",
    )
    parser.add_argument(
        "--kept",
        type=int,
        metavar="OTHERS",
        help="also measure readers who keep all but the first of their papers, and so many others "
        "for each",
    )


def _add_interests_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument("--lists", type=Path, required=True, help="reading lists, JSON lines")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_learning_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument(
        "--interests",
        type=Path,
        nargs="+",
        required=True,
        help="reading lists, or people with their papers, JSON lines",
    )
    parser.add_argument(
        "--half", choices=HALVES, help="only one half of the interests, always the same"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_fit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument(
        "--cases", type=Path, nargs="+", required=True, help="cases with pools of a day, JSON lines"
    )
    parser.add_argument(
        "--lists", type=Path, nargs="*", default=[], help="reading lists, JSON lines"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_search_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument(
        "--queries", type=Path, default=typed_queries.QUERIES, help="CSV: kind, query, papers"
    )
    parser.add_argument(
        "--count", type=int, help="store only so many papers: those to be found and random others"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_reasons_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument(
        "--profiles", type=Path, required=True, help="folder with lists, submitters, needs, topics"
    )
    parser.add_argument("--count", type=int, default=300, help="reasons")
    parser.add_argument("--seed", type=int, default=reasons.SEED, help="of what is drawn")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_extracts_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument("--count", type=int, default=200, help="extracts")
    parser.add_argument("--seed", type=int, default=extracts.SEED, help="of the papers drawn")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_trending_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--observations", type=Path, required=True, help="JSON lines")
    parser.add_argument(
        "--papers",
        type=Path,
        help="JSON lines, plain or .gz; default: corpus/papers.jsonl.gz beside the folder of the "
        "observations, if it exists; without it, authors are unknown",
    )
    parser.add_argument(
        "--days", choices=["odd", "even"], help="only odd or even days of the month"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_early_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument("--observations", type=Path, required=True, help="JSON lines")
    parser.add_argument("--first-day", type=date.fromisoformat, required=True, metavar="DAY")
    parser.add_argument(
        "--last-day", type=date.fromisoformat, default=date.max, metavar="DAY", help="included"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def matching_table(report: matching_cases.Report) -> str:
    """Return the report as text, with a row for the product and for each baseline."""
    names = list(report.paperboy)
    rows = {"paperboy": report.paperboy, **report.baselines}
    if report.with_shared_authors:
        rows["+ shared authors"] = report.with_shared_authors
    if report.without_starter:
        rows["no starter"] = report.without_starter
    lines = [f"{'':16}" + "".join(f"{name:>12}" for name in names)]
    lines += [
        f"{row:16}" + "".join(f"{metrics[name]:12.3f}" for name in names)
        for row, metrics in rows.items()
    ]
    for name, metrics in (report.kept or {}).items():
        lines.append(f"{name:22}: nDCG@10 {metrics['ndcg@10']:.4f}, hit@10 {metrics['hit@10']:.4f}")
    for name, metrics in (report.variety or {}).items():
        lines.append(f"{name:16}" + ", ".join(f"{key} {metrics[key]:.4f}" for key in metrics))
    for name, (mean, low, high) in (report.gain or {}).items():
        lines.append(f"starter, {name:9} {mean:+.4f} ({low:+.4f} to {high:+.4f})")
    speed = report.cases / report.seconds
    return "\n".join(
        [*lines, f"{report.cases} cases in {report.seconds:.0f} s ({speed:.1f} per second)"]
    )


def interests_table(report: interests.Report) -> str:
    """Return the report as text: the first ten papers by topics, then the suggested splits."""
    lines = [_row(f"{report.readers} readers", report.topics[interests.ONE])]
    lines += [_row(name, metrics.values()) for name, metrics in report.topics.items()]
    for name, differences in report.differences.items():
        lines.append(f"{name}, less one topic (95 % interval)")
        lines += [
            f"    {metric:12} {mean:+.3f} ({low:+.3f} to {high:+.3f})"
            for metric, (mean, low, high) in differences.items()
        ]
    halves = report.suggestions
    lines += ["", _row("suggested splits", next(iter(halves.values())))]
    lines += [_row(name, metrics.values()) for name, metrics in halves.items()]
    return "\n".join([*lines, f"{report.seconds:.0f} s"])


def learning_table(report: simulation.Report) -> str:
    """Return the report as text, by kind of reader: nDCG@10 / recall@100, then leads."""
    days = simulation.MEASURED_DAYS
    lines = []
    for kind, count in report.readers.items():
        lines.append(f"{kind}: {count} readers, nDCG@10 / recall@100 after each day")
        lines.append(f"{'':20}" + "".join(f"{day:>14}" for day in days))
        for name, curve in report.curves[kind].items():
            cells = (
                f"{curve[day]['ndcg@10']:.3f} / {curve[day]['recall@100']:.3f}" for day in days
            )
            lines.append(f"{name:20}" + "".join(f"{cell:>14}" for cell in cells))
        taps = report.curves[kind][simulation.PAPERBOY]
        cells = (f"{taps[day]['more']:.1f} + {taps[day]['less']:.1f}" for day in days)
        lines.append(f"{'taps: More + Less':20}" + "".join(f"{cell:>14}" for cell in cells))
        for name, lead in report.leads[kind].items():
            lines.append(f"lead over {name} in nDCG@10 (95 % interval)")
            lines.append("  " + ", ".join(f"{day}: {_interval(lead[day])}" for day in days))
        few = (f"{name} {_interval(values)}" for name, values in report.few[kind].items())
        lines += ["; ".join(few), ""]
    return "\n".join([*lines, f"{report.seconds:.0f} s"])


def fit_table(report: fit.Report) -> str:
    """Return the report as text, with a row for each bin; "*" marks a wrong one."""
    lines = []
    for name, bins in report.groups.items():
        lines.append(f"{name:26}{'predicted':>10}{'found':>8}{'choices':>9}")
        for one in bins:
            mark = "" if one.is_right or one.choices < fit.MIN_CHOICES else " *"
            shares = f"{one.predicted:10.3f}{one.found:8.3f}{one.choices:9}"
            lines.append(f"  {one.low:.2f} to {one.high:.2f}{'':12}{shares}{mark}")
    for kind, curve in report.curves.items():
        lines.append(f"learnt from the other half, {kind}: {curve.shares}")
    return "\n".join([*lines, f"{report.seconds:.0f} s"])


def _interval(values: tuple[float, float, float]) -> str:
    mean, low, high = values
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def _row(name: str, cells: Iterable[str | float]) -> str:
    shown = (cell if isinstance(cell, str) else f"{cell:.3f}" for cell in cells)
    return f"{name:16}" + "".join(f"{cell:>15}" for cell in shown)
