"""Strict topics against a day's papers: all at once, beside one statement per topic."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from config.progress import step, track
from devtools.benchmarks import scratch_database, synthetic_readers, synthetic_text
from devtools.evaluation.cases import read_corpus
from papers import bulk
from papers.models import Paper
from papers.searching import indexing
from papers.searching.conditions import matching_papers
from papers.searching.queries import parse_query
from papers.searching.strict_matching import match_queries
from papers.vectors.lexicon import PaperText

DISTINCT_SHARE = 0.6  # of the topics; the others repeat a query
MIN_LETTERS = 4  # of the words in queries
WARM_UP = 50  # queries


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--topics", type=int, default=100_000)
    parser.add_argument("--candidates", type=int, default=1_500)
    parser.add_argument("--sample", type=int, default=200, help="topics matched one by one")
    parser.add_argument("--papers", type=Path, help="real papers as JSON lines, plain or .gz")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    with scratch_database.database():
        return measure(
            options["topics"], options["candidates"], options["sample"], options["papers"]
        )


def measure(topics: int, candidates: int, sample: int, path: Path | None = None) -> dict[str, Any]:
    """Measure in the current database, which must be empty.

    Half of the queries' words come from papers of the day, half from earlier ones.
    """
    with step("Making papers"):
        count = 2 * candidates
        texts = read_corpus(path).papers[-count:] if path else synthetic_text.papers(count)
    with step(f"Storing {len(texts):,} papers"):
        today = store(texts, candidates)
    papers = list(Paper.objects.on(today).values_list("pk", flat=True))
    queries = make_queries(texts, topics)
    del texts
    match_queries(queries[:WARM_UP], papers)
    scratch_database.reset_peak()
    before = scratch_database.peak_mb()
    started = time.perf_counter()
    with step(f"Matching {len(queries):,} topics"):
        matches = match_queries(queries, papers)
    seconds = time.perf_counter() - started
    peak = scratch_database.peak_mb()
    each = time_each(queries[:sample], today, matches)
    return {
        "topics": len(queries),
        "distinct": len(matches),
        "papers": len(papers),
        "matches": sum(len(matches[query]) for query in queries),
        "seconds": round(seconds, 2),
        "peak_mb": round(peak),
        "added_mb": round(peak - before),
        "ms_each": round(each * 1000, 2),
        "seconds_each": round(each * len(queries), 1),
        "ratio": round(each * len(queries) / seconds, 1),
    }


def table(report: Mapping[str, Any]) -> str:
    """Return the report as text."""
    return "\n".join(
        [
            f"{report['topics']:,} strict topics ({report['distinct']:,} distinct queries), "
            f"{report['papers']:,} papers, {report['matches']:,} matches",
            f"all at once:             {report['seconds']:10,.1f} s   "
            f"peak {report['peak_mb']} MB, {report['added_mb']} MB more than before",
            f"one statement per topic: {report['seconds_each']:10,.1f} s   "
            f"{report['ms_each']} ms each, {report['ratio']} times as long",
        ]
    )


@transaction.atomic
def store(texts: Sequence[PaperText], candidates: int) -> date:
    """Store and index papers; the last `candidates` are of today. Return that day."""
    now = timezone.now()
    older = len(texts) - candidates
    rows = [
        synthetic_readers.unsaved_paper(
            number,
            text,
            f"{2604 if number >= older else 2603}.{10_000 + number}",
            now.date() if number >= older else date(2020, 1, 1),
            now,
        )
        for number, text in enumerate(texts)
    ]
    bulk.insert(rows)
    indexing.index_papers(list(Paper.objects.all()))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return now.date()


def time_each(queries: Sequence[str], today: date, matches: Mapping[str, Sequence[int]]) -> float:
    """Return the mean seconds of a query by itself; the matches must be the same."""
    rows = Paper.objects.on(today)
    started = time.perf_counter()
    for query in track(queries, "Matching one by one"):
        found = matching_papers(parse_query(query).tree, rows).values_list("pk", flat=True)
        if set(found) != set(matches[query]):
            raise AssertionError(f"{query} has other matches by itself")
    return (time.perf_counter() - started) / max(len(queries), 1)


def make_queries(texts: Sequence[PaperText], count: int) -> list[str]:
    """Return queries of several kinds, such as people write, from the words of papers."""
    rng = np.random.default_rng(2)
    titles = [text.title.replace('"', "").split() for text in texts]
    words = [word for title in titles for word in title if is_word(word)]
    authors = [name.replace('"', "") for text in texts for name in text.authors[:3]]
    subjects = [name for text in texts for name in text.categories]

    def one_of(values: Sequence[Any]) -> Any:
        return values[int(rng.integers(len(values)))]

    def word() -> str:
        return str(one_of(words))

    def phrase() -> str:
        title = one_of(titles)
        start = int(rng.integers(max(len(title) - 1, 1)))
        return f'"{" ".join(title[start : start + 2])}"'

    kinds: list[Callable[[], str]] = [
        lambda: f"{word()} {word()}",
        phrase,
        lambda: f"title:{word()} -{word()}",
        lambda: f'author:"{one_of(authors)}"',
        lambda: f"cat:{one_of(subjects)} ({word()} OR {phrase()})",
        lambda: f"({word()} OR {word()} OR {phrase()}) AND ({word()} OR {word()}) NOT {word()}",
        lambda: f"abstract:{phrase()} has:code",
        lambda: f"{word()[:6]}* cat:{one_of(subjects)}",
    ]
    distinct = max(round(count * DISTINCT_SHARE), 1)
    queries = [kinds[number % len(kinds)]() for number in range(distinct)]
    return [*queries, *(one_of(queries) for _ in range(count - distinct))]


def is_word(text: str) -> bool:
    return text.isalpha() and len(text) >= MIN_LETTERS
