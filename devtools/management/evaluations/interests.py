"""Rank for readers with two interests."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from config.progress import step, track
from devtools.evaluation import interests
from devtools.evaluation.cases import read_corpus
from devtools.evaluation.reading_lists import read_lists

table = interests.table


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument("--lists", type=Path, required=True, help="reading lists, JSON lines")


def run(options: dict[str, Any]) -> interests.Report:
    """Evaluate readers with two interests, made up from reading lists."""
    with step("Reading papers and lists"):
        corpus = read_corpus(options["papers"])
        lists = read_lists(options["lists"], corpus.positions)
    return interests.evaluate(corpus, lists, progress=track, step=step)
