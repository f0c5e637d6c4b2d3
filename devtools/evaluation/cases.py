"""Papers and recorded choices of readers, read from files. Pure but for reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devtools.evaluation import json_lines
from papers.text.summary import split_sentences
from papers.vectors.lexicon import PaperText

Positions = NDArray[np.int64]
HALVES = ("first", "second")  # of readers or interests
MIN_GRADE = 2  # of a candidate, for it to count as relevant; 0 to 3


class EvaluationError(ValueError):
    """A file or an option is invalid; str() is one line that names it."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """All papers.

    `pools` has the positions of the papers of each pool by its name; `days` has the day each paper
    was listed, "" if unknown.
    """

    papers: list[PaperText]
    pools: Mapping[str, Positions]
    days: Sequence[str] = ()

    def listed_before(self, day: str | None) -> Corpus:
        """Return the papers listed before a day, without pools; the same corpus without `day`."""
        if not day:
            return self
        kept = [n for n, listed in enumerate(self.days) if listed and listed < day]
        return Corpus([self.papers[n] for n in kept], {}, [self.days[n] for n in kept])

    @property
    def positions(self) -> dict[str, int]:
        """The position of each paper by its key."""
        return {paper.key: position for position, paper in enumerate(self.papers)}


@dataclass(frozen=True, slots=True)
class Case:
    """One choice of one reader: their profile, the pool, and the positions they chose."""

    reader: str
    liked: tuple[int, ...]
    text: str
    pool: str
    relevant: frozenset[int]


def read_corpus(path: Path) -> Corpus:
    """Read papers from JSON lines."""
    papers: list[PaperText] = []
    days: list[str] = []
    pools: dict[str, list[int]] = defaultdict(list)
    for row in _rows(path):
        for name in _pool_names(row):
            pools[name].append(len(papers))
        papers.append(_paper(row))
        days.append(row.get("listed") or row.get("hf_day") or "")
    return Corpus(papers, {name: np.array(positions) for name, positions in pools.items()}, days)


def read_cases(
    path: Path, corpus: Corpus, limit: int | None = None, days: Sequence[str] | None = None
) -> list[Case]:
    """Read the first `limit` cases of a file; with `days`, only those of pools of these days.

    Raise `EvaluationError` if there are none or a pool has no papers.
    """
    positions = corpus.positions
    cases = [_case(row, positions) for row in _rows(path)]
    cases = [case for case in cases if not days or case.pool.partition(":")[2] in days][:limit]
    missing = {case.pool for case in cases} - set(corpus.pools)
    if missing:
        raise EvaluationError(f"{path}: no papers for pool {min(missing)}")
    if not cases:
        raise EvaluationError(f"{path}: no cases")
    return cases


def cases_of_half(cases: Sequence[Case], half: str | None) -> list[Case]:
    """Return the cases of the first or second half of the readers; of all without `half`.

    Readers alternate by name, so that both halves are alike. Raise `EvaluationError` for no case.
    """
    readers = sorted({case.reader for case in cases})
    kept = readers if half is None else readers[half == "second" :: 2]
    chosen = [case for case in cases if case.reader in set(kept)]
    if not chosen:
        raise EvaluationError(f"no cases in the {half} half of the readers")
    return chosen


def read_needs(
    path: Path, corpus: Corpus, sentences: int | None = None
) -> tuple[Corpus, list[Case]]:
    """Read needs in several sentences, each with the abstract of the best paper.

    Return the corpus with these papers in the pool of all, without titles, and a case for each
    need. With `sentences`, a need is cut after so many.
    """
    rows = list(_rows(path))
    found = [
        PaperText(f"need:{n}", "", row["best_candidate_abstract"]) for n, row in enumerate(rows)
    ]
    papers = [*corpus.papers, *found]
    everything = {**corpus.pools, "all": np.arange(len(papers))}
    texts = [" ".join(split_sentences(row["query"])[:sentences]) for row in rows]
    cases = [
        Case(paper.key, (), text, "all", frozenset([len(corpus.papers) + n]))
        for n, (paper, text) in enumerate(zip(found, texts, strict=True))
    ]
    return Corpus(papers, everything, [*corpus.days, *("" for _ in found)]), cases


def read_graded(path: Path, corpus: Corpus) -> tuple[Corpus, list[Case]]:
    """Read papers as examples, each with graded candidates.

    Return the corpus with all of these papers, a pool of candidates for each example, and a case
    for each.
    """
    rows = list(_rows(path))
    given = [paper for row in rows for paper in (row["query"], *row["candidates"])]
    found = {one["paper_id"]: one for one in given}
    papers = [PaperText(f"graded:{n}", one["title"], one["abstract"]) for n, one in found.items()]
    places = {key: len(corpus.papers) + n for n, key in enumerate(found)}
    pools, cases = dict(corpus.pools), []
    for number, row in enumerate(rows, start=1):
        query, name = row["query"]["paper_id"], f"candidates {number}"
        grades = {one["paper_id"]: one["grade"] for one in row["candidates"]}
        relevant = (places[key] for key, grade in grades.items() if grade >= MIN_GRADE)
        pools[name] = np.array([places[key] for key in grades])
        cases.append(Case(query, (places[query],), "", name, frozenset(relevant) - {places[query]}))
    days = [*corpus.days, *("" for _ in papers)]
    return Corpus([*corpus.papers, *papers], pools, days), cases


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from json_lines.read_objects(path)
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: {error}") from error


def _paper(row: Mapping[str, Any]) -> PaperText:
    return PaperText(
        row["arxiv_id"],
        row["title"],
        row["abstract"],
        tuple(row["categories"]),
        tuple(row["authors"]),
    )


def _pool_names(row: Mapping[str, Any]) -> Iterator[str]:
    yield "all"
    if row.get("listed") and row["categories"]:
        yield f"listed:{row['listed']}"
    if row.get("hf_day"):
        yield f"hf_day:{row['hf_day']}"


def _case(row: Mapping[str, Any], positions: Mapping[str, int]) -> Case:
    profile = row["profile"]
    # A relevant paper that the corpus lacks still counts as wanted: a negative position is in no
    # pool.
    relevant = (positions.get(key, -1 - n) for n, key in enumerate(row["relevant"]))
    return Case(
        row["reader"],
        tuple(positions[key] for key in profile.get("papers", ()) if key in positions),
        profile.get("text", ""),
        row["pool"],
        frozenset(relevant),
    )
