"""Check the reasons in digests by rules."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from config.progress import step, track
from devtools.evaluation.cases import read_corpus
from devtools.evaluation.wording import reasons

table = reasons.table


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument(
        "--profiles", type=Path, required=True, help="folder with lists, submitters, needs, topics"
    )
    parser.add_argument("--count", type=int, default=300, help="reasons")
    parser.add_argument("--seed", type=int, default=reasons.SEED, help="of what is drawn")


def run(options: dict[str, Any]) -> reasons.Report:
    """Check reasons drawn from digests of made-up readers."""
    seed = options["seed"]
    with step("Reading papers and profiles"):
        corpus = read_corpus(options["papers"])
        readers = reasons.read_profiles(options["profiles"], corpus, seed)
    return reasons.evaluate(corpus, readers, options["count"], seed=seed, progress=track, step=step)
