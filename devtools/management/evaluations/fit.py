"""Compare predicted shares of choices with those found."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings

from config.progress import step, track
from devtools.evaluation import fit
from devtools.evaluation.cases import read_cases, read_corpus
from devtools.evaluation.kept_lexicon import add_lexicon_argument, learn_lexicon
from devtools.evaluation.learning.simulated_readers import read_interests
from papers.vectors.lexicon import Lexicon
from papers.vectors.stored_lexicon import load_starter

table = fit.table


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument(
        "--cases", type=Path, nargs="+", required=True, help="cases with pools of a day, JSON lines"
    )
    add_lexicon_argument(parser)
    parser.add_argument(
        "--first-day",
        default="",
        metavar="DAY",
        help="begin on this day with the starter lexicon; only cases from this day on",
    )
    parser.add_argument(
        "--archive-days",
        type=int,
        default=0,
        help="with --first-day: learn from the papers of so many days, too; only cases after them",
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
    first_day = options["first_day"]
    with step("Learning from the papers"):
        if first_day:
            own, next_day = fit.first_papers(corpus, first_day, options["archive_days"])
            cases = fit.since(cases, next_day)
            lexicon = Lexicon.learn(own, load_starter(settings.STARTER_LEXICON))
        else:
            lexicon = learn_lexicon(corpus, options["lexicon"])
    return fit.evaluate(corpus, lexicon, cases, progress=track)
