"""Matching: reader-paper pairs a second, next to a bare dense product and an SVM per reader.

Readers and papers are made from words drawn as natural language has them, or, with --papers, from
a file of real ones. Tastes of `DISTINCT` readers are made and then used again and again, so that
100 thousand readers cost no more memory than 10 thousand.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from config.celery import limit_blas_threads
from config.progress import step, track
from devtools.benchmarks import synthetic_text
from devtools.benchmarks.scratch_database import peak_mb
from devtools.evaluation import matching_cases
from devtools.evaluation.matching_cases import Case, Corpus
from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import ProfileVectors
from subscriptions.matching.reasons import explain_choices
from subscriptions.matching.selection import ReaderCandidates, select_papers

CORPUS = 12_000  # papers the lexicon learns from
DISTINCT = 2_000
CHUNK = 200  # readers at once, as the task that builds digests has them
TOP = 10
WIDTH = 256
SVM_READERS = 3
MILLION = 1_000_000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--readers", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--candidates", type=int, default=1_500)
    parser.add_argument("--papers", type=Path, help="real papers, as JSON lines, maybe .gz")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Measure; all times in seconds of one processor, on whatever else this machine is doing."""
    limit_blas_threads()
    with step("Making papers"):
        papers = _real(options["papers"]) if options["papers"] else synthetic_text.papers(CORPUS)
    with step("Learning from them"):
        candidates = Candidates.prepare(Lexicon.learn(papers), papers[-options["candidates"] :])
    with step("Making readers"):
        profiles = list(_profiles(papers[: -options["candidates"]], DISTINCT))
    chunks = track(list(_chunks(profiles)), "Making their vectors")
    tastes = [
        replace(ProfileVectors.of_profiles(chunk, candidates.lexicon), texts=None)
        for chunk in chunks
    ]
    sizes = track(options["readers"], "Matching, one size after the other")
    rows = [_row(readers, profiles, tastes, candidates) for readers in sizes]
    with step("Training SVMs"):
        svm_seconds = _svm(papers, options["candidates"])
    return {
        "candidates": options["candidates"],
        "terms_a_reader": round(sum(taste.sparse_rows.nnz for taste in tastes) / DISTINCT, 1),
        "rows": rows,
        "steps_ms_a_reader": _steps(profiles[:CHUNK], candidates),
        "svm_seconds_a_reader": round(svm_seconds, 3),
    }


def table(report: Mapping[str, Any]) -> str:
    """The report for people."""
    lines = [
        f"{report['candidates']} candidates, {report['terms_a_reader']} terms a reader",
        f"{'readers':>9}{'':6}{'million pairs/s':>16}{'a million readers':>20}{'× dense':>9}"
        f"{'peak':>9}",
    ]
    for row in report["rows"]:
        for name in ("kept", "anew", "dense"):
            pace = row[name]
            lines.append(
                f"{row['readers']:>9} {name:5}{pace['pairs_per_second'] / 1e6:16.1f}"
                f"{pace['million_readers_seconds']:18.0f} s{pace['times_dense']:9.1f}"
                f"{row['peak_mb']:6.0f} MB"
            )
    lines.append(
        "kept: with readers' vectors kept; anew: made each time; dense: a bare 256-wide product"
    )
    steps = ", ".join(f"{name} {ms}" for name, ms in report["steps_ms_a_reader"].items())
    lines.append(f"From what is stored to a digest, ms a reader: {steps}")
    hours = report["svm_seconds_a_reader"] * MILLION / 3600
    each = report["svm_seconds_a_reader"]
    lines.append(f"A linear SVM per reader: {each} s each, {hours:.0f} hours for a million")
    return "\n".join(lines)


def _row(
    readers: int,
    profiles: Sequence[Profile],
    tastes: Sequence[ProfileVectors],
    candidates: Candidates,
) -> dict[str, Any]:
    """`anew` is measured on the distinct readers only: it takes as long for each more."""
    chunks = list(_chunks(profiles))

    def kept(number: int) -> None:
        place = number % len(chunks)
        for found in match_profiles(chunks[place], candidates, tastes[place]):
            found.top(TOP)

    def anew(number: int) -> None:
        for found in match_profiles(chunks[number % len(chunks)], candidates):
            found.top(TOP)

    rng = np.random.default_rng(0)
    offered = rng.standard_normal((len(candidates.papers), WIDTH), dtype=np.float32)
    wanted = rng.standard_normal((CHUNK, WIDTH), dtype=np.float32)

    def dense(_number: int) -> None:
        scores = wanted @ offered.T
        np.argpartition(-scores, TOP, axis=1)[:, :TOP]

    paces = {
        "kept": _pace(kept, readers, candidates),
        "anew": _pace(anew, min(readers, len(profiles)), candidates),
        "dense": _pace(dense, readers, candidates),
    }
    base = paces["dense"]
    million = {name: MILLION * len(candidates.papers) / pace for name, pace in paces.items()}
    return {
        "readers": readers,
        "peak_mb": round(peak_mb()),
        **{
            name: {
                "pairs_per_second": round(pace),
                "million_readers_seconds": round(million[name], 1),
                "times_dense": round(base / pace, 2),
            }
            for name, pace in paces.items()
        },
    }


def _pace(work: Callable[[int], None], readers: int, candidates: Candidates) -> float:
    """Pairs a second, after one chunk that warms up."""
    work(0)
    chunks = max(readers // CHUNK, 1)
    started = time.perf_counter()
    for number in range(chunks):
        work(number)
    return chunks * CHUNK * len(candidates.papers) / (time.perf_counter() - started)


def _steps(profiles: Sequence[Profile], candidates: Candidates) -> dict[str, float]:
    """Milliseconds a reader of each step from stored inputs to a digest of ten with its reasons;
    what is looked up in the database comes on top."""
    everything = np.ones(len(candidates.papers), dtype=bool)
    nothing = np.zeros(len(candidates.papers), dtype=np.float32)
    marks = [time.perf_counter()]
    taste = ProfileVectors.of_profiles(profiles, candidates.lexicon)
    marks.append(time.perf_counter())
    matches = match_profiles(profiles, candidates, taste)
    marks.append(time.perf_counter())
    flags = (everything, everything, everything)
    field = np.zeros(len(candidates.papers), dtype=np.int64)
    shelves = [ReaderCandidates(found.personal, nothing, *flags, 0.0, field) for found in matches]
    composed = select_papers(shelves, [TOP] * len(shelves), candidates.lookups.similarity)
    own = [[one.position for one in row] for row in composed]
    marks.append(time.perf_counter())
    explain_choices(profiles, candidates, own, taste)
    marks.append(time.perf_counter())
    took = np.diff(marks) * 1000 / len(profiles)
    names = ("vectors", "match", "compose", "reasons")
    return {name: round(float(ms), 2) for name, ms in zip(names, took, strict=True)}


def _svm(papers: Sequence[PaperText], count: int) -> float:
    """Seconds for one reader of the evaluation's SVM, its features made beforehand."""
    corpus = Corpus(list(papers), {})
    cases = [
        Case(str(n), tuple(range(5 * n, 5 * n + 5)), "", "all", frozenset())
        for n in range(SVM_READERS)
    ]
    rank = matching_cases.Features.of(corpus, cases).svm()
    pool = np.arange(len(papers) - count, len(papers))
    started = time.perf_counter()
    for case in cases:
        rank(case, pool)
    return (time.perf_counter() - started) / SVM_READERS


def _chunks(profiles: Sequence[Profile]) -> Iterator[Sequence[Profile]]:
    for start in range(0, len(profiles), CHUNK):
        yield profiles[start : start + CHUNK]


def _profiles(papers: Sequence[PaperText], count: int) -> Iterator[Profile]:
    """Readers as they come: a sentence, or some papers near each other, or both; some follow or
    mute people, exclude words, and dislike a paper."""
    by_field: dict[str, list[PaperText]] = {}
    for paper in papers:
        by_field.setdefault(paper.categories[0] if paper.categories else "", []).append(paper)
    fields = [name for name in sorted(by_field) if len(by_field[name]) > 12]
    rng = np.random.default_rng(1)
    for number in range(count):
        name = fields[int(rng.integers(len(fields)))]
        mine = by_field[name]
        drawn = [mine[int(place)] for place in rng.choice(len(mine), 12, replace=False)]
        says, likes = number % 3 != 1, number % 3 != 0
        yield Profile(
            text=drawn[0].title if says else "",
            excluded_words=tuple(drawn[1].title.split()[:1]) if number % 10 == 0 else (),
            categories=(name,) if name and number % 2 else (),
            authors=drawn[2].authors[:1] if number % 5 == 0 else (),
            muted_authors=drawn[3].authors[:1] if number % 20 == 0 else (),
            liked=tuple(drawn[4 : 5 + int(rng.integers(1, 8))]) if likes else (),
            disliked=(drawn[1],) if number % 4 == 0 else (),
        )


def _real(path: Path) -> list[PaperText]:
    return matching_cases.read_corpus(path).papers[-CORPUS:]
