"""Rank papers by the votes they will get."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from config.progress import step, track
from devtools.evaluation import trending_replay
from devtools.evaluation.recorded_votes import read_recordings

table = trending_replay.table


def add_arguments(parser: ArgumentParser) -> None:
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


def run(options: dict[str, Any]) -> trending_replay.Report:
    """Replay recorded votes with these options."""
    observations, papers = options["observations"], options["papers"]
    default_papers = observations.parent.parent / "corpus" / "papers.jsonl.gz"
    if papers is None and default_papers.exists():
        papers = default_papers
    with step("Reading observations"):
        recordings = read_recordings(observations, papers)
    return trending_replay.evaluate(recordings, days=options["days"], progress=track)
