"""Rank for readers who tap More and Less."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from config.progress import step, track
from devtools.evaluation.cases import HALVES, read_corpus
from devtools.evaluation.kept_lexicon import add_lexicon_argument, learn_lexicon
from devtools.evaluation.learning import simulation
from devtools.evaluation.learning.simulated_readers import (
    find_authors,
    read_interests,
    simulate_readers,
    with_halves,
)

table = simulation.table


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    add_lexicon_argument(parser)
    parser.add_argument(
        "--interests",
        type=Path,
        nargs="+",
        required=True,
        help="reading lists, or people with their papers, JSON lines",
    )
    parser.add_argument(
        "--authors",
        type=int,
        default=0,
        metavar="COUNT",
        help="also so many authors with ten papers or more in the corpus, by chance",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, help="random divisions of each interest's papers"
    )
    parser.add_argument(
        "--half", choices=HALVES, help="only one half of the interests, always the same"
    )


def run(options: dict[str, Any]) -> simulation.Report:
    """Simulate readers who react to a digest a day."""
    with step("Reading papers and interests"):
        corpus = read_corpus(options["papers"])
        files = [read_interests(path, corpus) for path in options["interests"]]
        found = with_halves([one for part in files for one in part])
        found += with_halves(find_authors(corpus, options["authors"]))
    half = options["half"]
    chosen = [one for one in found if not half or one.half == half]
    readers = simulate_readers(corpus, chosen, options["seeds"])
    with step("Learning from the papers"):
        lexicon = learn_lexicon(corpus, options["lexicon"])
    return simulation.evaluate(corpus, readers, lexicon, progress=track, step=step)
