"""Evaluation of search on queries as people type them. Pure but for reading.

`queries.csv` has the queries, each with the arXiv IDs of the papers it is meant to find. They were
written down before any result was seen.
"""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from devtools.evaluation.cases import Corpus, EvaluationError
from devtools.evaluation.ranking_metrics import Metrics, average_metrics, measure_ranking
from papers.vectors.lexicon import PaperText

QUERIES = Path(__file__).with_name("queries.csv")
PLACES = 10  # results that count

Find = Callable[[str], Sequence[str]]  # a query; returns arXiv IDs, best first
Progress = Callable[[Sequence[Any], str], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class TypedQuery:
    """A query, its kind, and the IDs of the papers that it is meant to find."""

    kind: str
    text: str
    papers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Report:
    """Mean metrics by kind of query and of all, and the queries that found nothing in ten."""

    papers: int
    by_kind: dict[str, Metrics]
    missed: list[TypedQuery]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "papers": self.papers,
            "kinds": self.by_kind,
            "missed": [query.text for query in self.missed],
            "seconds": round(self.seconds, 1),
        }


def read_queries(path: Path = QUERIES) -> list[TypedQuery]:
    """Read the queries of a file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            TypedQuery(row["kind"], row["query"], frozenset(row["papers"].split()))
            for row in csv.DictReader(file)
        ]


def choose_papers(
    corpus: Corpus, queries: Sequence[TypedQuery], count: int | None
) -> list[PaperText]:
    """Return the papers to be found and random others, `count` together; by default all.

    Raise `EvaluationError` if the corpus lacks a paper to be found.
    """
    positions = corpus.positions
    wanted = {key for query in queries for key in query.papers}
    if missing := sorted(wanted - positions.keys()):
        raise EvaluationError(f"no paper {missing[0]}, which a query should find")
    found = {positions[key] for key in wanted}
    shuffled = np.random.default_rng(0).permutation(len(corpus.papers)).tolist()
    others = [position for position in shuffled if position not in found]
    kept = sorted([*found, *others][: max(count or len(corpus.papers), len(found))])
    return [corpus.papers[position] for position in kept]


def evaluate(
    queries: Sequence[TypedQuery],
    find: Find,
    papers: int,
    *,
    progress: Progress = lambda items, _label: items,
) -> Report:
    """Search for each query with `find`, among so many papers."""
    started = time.monotonic()
    rows: dict[str, list[Metrics]] = defaultdict(list)
    missed = []
    for query in progress(queries, "Searching"):
        metrics = measure_results(find(query.text)[:PLACES], query.papers)
        rows[query.kind].append(metrics)
        rows["all"].append(metrics)
        if not metrics["found"]:
            missed.append(query)
    by_kind = {kind: average_metrics(rows[kind]) | {"queries": len(rows[kind])} for kind in rows}
    by_kind["all"] = by_kind.pop("all")
    return Report(papers, by_kind, missed, time.monotonic() - started)


def measure_results(results: Sequence[str], wanted: frozenset[str]) -> Metrics:
    """Return whether one of the wanted papers is among the results, nDCG@10 and MRR."""
    scores = -np.arange(len(results), dtype=np.float64)
    is_wanted = np.array([key in wanted for key in results], dtype=np.bool_)
    metrics = measure_ranking(scores, is_wanted, len(wanted))
    return {name: metrics[key] for name, key in _NAMES.items()}


_NAMES = {"found": "hit@10", "ndcg@10": "ndcg@10", "mrr": "mrr"}


def table(report: Report) -> str:
    """Return the report as text, with the queries that were missed."""
    lines = [f"{report.papers:,} papers".ljust(16) + f"{'found':>10}{'nDCG@10':>10}{'MRR':>10}"]
    for kind, metrics in report.by_kind.items():
        count = int(metrics["queries"])
        found = f"{round(metrics['found'] * count)} of {count}"
        lines.append(f"{kind:16}{found:>10}{metrics['ndcg@10']:10.3f}{metrics['mrr']:10.3f}")
    lines += [f"missed: {query.text} ({query.kind})" for query in report.missed]
    return "\n".join([*lines, f"{report.seconds:.1f} s for all queries"])
