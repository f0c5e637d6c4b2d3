"""Rank papers as readers would choose them."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from config.progress import step, track
from devtools.evaluation import matching_cases
from devtools.evaluation.cases import (
    HALVES,
    EvaluationError,
    cases_of_half,
    read_cases,
    read_corpus,
    read_graded,
    read_needs,
)
from papers.vectors.starter import Starter, StarterError

table = matching_cases.table


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    choices = parser.add_mutually_exclusive_group(required=True)
    choices.add_argument("--cases", type=Path, help="JSON lines, plain or .gz")
    choices.add_argument("--needs", type=Path, help="needs in sentences, each with an abstract")
    choices.add_argument("--graded", type=Path, help="papers as examples, with graded candidates")
    parser.add_argument("--sentences", type=int, help="cut each need after so many sentences")
    parser.add_argument("--limit", type=int, help="maximum number of cases")
    parser.add_argument(
        "--archive-days",
        type=int,
        help="learn only from papers of so many days before each pool, from the pool, and from "
        "the papers in its profiles; 0 is the first day of an installation",
    )
    parser.add_argument(
        "--archive-until",
        default="",
        metavar="DAY",
        help="the last of these days for pools of all papers; default: the newest day",
    )
    parser.add_argument(
        "--starter",
        type=Path,
        metavar="FILE",
        help="start from this starter lexicon, learnt from papers listed before all pools; compare "
        "with no starter instead of with the baselines",
    )
    parser.add_argument(
        "--all-papers",
        action="store_true",
        help="compare the starter with an archive of all papers instead",
    )
    parser.add_argument(
        "--days", nargs="+", metavar="DAY", help="only cases with a pool of these days"
    )
    parser.add_argument("--half", choices=HALVES, help="only cases of one half of the readers")
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


def run(options: dict[str, Any]) -> matching_cases.Report:
    """Evaluate matching with these options."""
    with step("Reading papers and cases"):
        corpus = read_corpus(options["papers"])
        if options["needs"]:
            corpus, cases = read_needs(options["needs"], corpus, options["sentences"])
        elif options["graded"]:
            corpus, cases = read_graded(options["graded"], corpus)
        else:
            cases = read_cases(options["cases"], corpus, options["limit"], options["days"])
        cases = cases_of_half(cases, options["half"])
    return matching_cases.evaluate(
        corpus,
        cases,
        shared_authors=options["shared_authors"],
        variety=options["variety"],
        kept=options["kept"],
        archive_days=options["archive_days"],
        archive_until=options["archive_until"],
        starter=_read_starter(options["starter"]),
        all_papers=options["all_papers"],
        progress=track,
        step=step,
    )


def _read_starter(path: Path | None) -> Starter | None:
    try:
        return Starter.loads(path.read_bytes()) if path else None
    except (OSError, StarterError) as error:
        raise EvaluationError(f"{path}: {error}") from error
