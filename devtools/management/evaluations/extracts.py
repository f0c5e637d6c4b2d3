"""Check extracts of abstracts by rules."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from config.progress import step, track
from devtools.evaluation.cases import read_corpus
from devtools.evaluation.wording import extracts

table = extracts.table


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument("--count", type=int, default=1000, help="extracts")
    parser.add_argument("--seed", type=int, default=extracts.SEED, help="of the papers drawn")


def run(options: dict[str, Any]) -> extracts.Report:
    """Check extracts of papers drawn at random."""
    with step("Reading papers"):
        papers = read_corpus(options["papers"]).papers
    return extracts.evaluate(papers, options["count"], seed=options["seed"], progress=track)
