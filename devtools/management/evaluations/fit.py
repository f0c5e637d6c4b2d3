"""Compare predicted shares of choices with those found."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from config.progress import step, track
from devtools.evaluation import fit
from devtools.evaluation.cases import read_cases, read_corpus
from devtools.evaluation.learning.simulated_readers import read_interests

table = fit.table


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument(
        "--cases", type=Path, nargs="+", required=True, help="cases with pools of a day, JSON lines"
    )
    parser.add_argument(
        "--lists", type=Path, nargs="*", default=[], help="reading lists, JSON lines"
    )


def run(options: dict[str, Any]) -> fit.Report:
    """Compare how well papers fit with recorded choices."""
    with step("Reading papers and cases"):
        corpus = read_corpus(options["papers"])
        cases = [one for path in options["cases"] for one in read_cases(path, corpus)]
        cases = fit.with_typed(corpus, cases)
        for path in options["lists"]:
            cases += fit.cases_of_lists(corpus, read_interests(path, corpus))
    return fit.evaluate(corpus, cases, progress=track, step=step)
