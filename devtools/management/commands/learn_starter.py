"""`manage.py learn_starter`: make the starter lexicon that new installations begin with."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.progress import step
from devtools.evaluation.cases import EvaluationError, read_corpus
from papers.vectors.starter_learning import learn_starter


class Command(BaseCommand):
    help = "Learn a starter lexicon from a file of papers. It holds numbers and no text."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("papers", type=Path, help="JSON lines, plain or .gz")
        parser.add_argument("output", type=Path, help="the file to write, such as starter.npz")
        parser.add_argument("--before", metavar="DAY", help="only papers listed before this day")
        parser.add_argument("--name", help="what the papers are; default: the name of the file")

    def handle(
        self, *_: Any, papers: Path, output: Path, before: str | None, name: str | None, **__: Any
    ) -> None:
        try:
            with step("Reading papers"):
                corpus = read_corpus(papers).listed_before(before)
        except EvaluationError as error:
            raise CommandError(str(error)) from error
        if not corpus.papers:
            raise CommandError(f"{papers}: no papers")
        with step("Learning"):
            starter = learn_starter(corpus.papers, max(corpus.days), name or papers.name)
        data = starter.dumps()
        try:
            output.write_bytes(data)
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error
        self.stdout.write(
            f"{output}: {len(data) / 1e6:.1f} MB, {len(starter.ids)} terms, "
            f"{len(starter.embeddings)} with an embedding, from {starter.paper_count} papers until "
            f"{starter.newest}"
        )
