"""Rank papers of a day before they have votes."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from config.progress import step, track
from devtools.evaluation import early_forecast

table = early_forecast.table


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument("--observations", type=Path, required=True, help="JSON lines")
    parser.add_argument("--first-day", type=date.fromisoformat, required=True, metavar="DAY")
    parser.add_argument(
        "--last-day", type=date.fromisoformat, default=date.max, metavar="DAY", help="included"
    )


def run(options: dict[str, Any]) -> early_forecast.Report:
    """Rank the papers of arXiv days before they have votes."""
    with step("Reading papers and observations"):
        archive = early_forecast.read_archive(options["papers"], options["observations"])
    return early_forecast.evaluate(
        archive, options["first_day"], options["last_day"], progress=track
    )
