"""Rank for readers who tap More and Less."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from config.progress import step, track
from devtools.evaluation.cases import HALVES, read_corpus
from devtools.evaluation.learning import simulation
from devtools.evaluation.learning.simulated_readers import (
    read_interests,
    simulate_readers,
    split_interests,
)

table = simulation.table


def add_arguments(parser: ArgumentParser) -> None:
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


def run(options: dict[str, Any]) -> simulation.Report:
    """Simulate readers who react to a digest a day."""
    with step("Reading papers and interests"):
        corpus = read_corpus(options["papers"])
        found = [one for path in options["interests"] for one in read_interests(path, corpus)]
    if half := options["half"]:
        names = dict(zip(HALVES, split_interests(found), strict=True))[half]
    else:
        names = {one.name for one in found}
    readers = simulate_readers(corpus, [one for one in found if one.name in names])
    return simulation.evaluate(corpus, readers, progress=track, step=step)
