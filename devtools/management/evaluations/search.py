"""Search for papers as people type queries."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils import timezone

from config.progress import step, track
from devtools.benchmarks import scratch_database
from devtools.benchmarks import search as search_benchmark
from devtools.evaluation.cases import read_corpus
from devtools.evaluation.search import typed_queries
from papers.models import Paper
from papers.searching import corrections, indexing, queries

table = typed_queries.table


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines, plain or .gz")
    parser.add_argument(
        "--queries", type=Path, default=typed_queries.QUERIES, help="CSV: kind, query, papers"
    )
    parser.add_argument(
        "--count", type=int, help="store only so many papers: those to be found and random others"
    )


def run(options: dict[str, Any]) -> typed_queries.Report:
    """Store papers in a scratch database and search for typed queries."""
    with step("Reading papers and queries"):
        typed = typed_queries.read_queries(options["queries"])
        corpus = read_corpus(options["papers"])
        papers = typed_queries.choose_papers(corpus, typed, options["count"])
    papers = [search_benchmark.as_ingested(paper) for paper in papers]
    with scratch_database.database():
        with step(f"Storing and indexing {len(papers):,} papers"):
            search_benchmark.store(papers, are_real=True)
            indexing.index_changed(timezone.now())
        return typed_queries.evaluate(typed, find_papers, len(papers), progress=track)


def find_papers(typed: str) -> list[str]:
    """Return the arXiv IDs of the papers that the search page shows first."""
    search_made = corrections.search_with_corrections(queries.parse_query(typed))
    pks = search_made.result.pks[: typed_queries.PLACES]
    names = dict(Paper.objects.filter(pk__in=pks).values_list("pk", "arxiv_id"))
    return [names[pk] or "" for pk in pks]
