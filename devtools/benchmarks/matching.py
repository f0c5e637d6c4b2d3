"""Matching: reader-paper pairs per second, beside a dense product and an SVM per reader.

Papers are synthetic, or from a file with --papers. The vectors of `DISTINCT` readers are reused, so
that 100,000 readers need no more memory than 10,000.
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
from devtools.evaluation.baselines import TfidfFeatures
from devtools.evaluation.cases import Case, Corpus, read_corpus
from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import ProfileVectors
from subscriptions.matching.reasons import explain_choices
from subscriptions.matching.selection import (
    Choice,
    DigestCandidates,
    TopicCandidates,
    select_papers,
)

CORPUS = 12_000  # papers the lexicon learns from
DISTINCT = 2_000  # readers
CHUNK = 200  # readers at once, as in the task that builds digests
TOP = 10
WIDTH = 256
SVM_READERS = 3
TWO_TOPICS = 0.3  # share of readers with a second topic
MILLION = 1_000_000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--readers", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--candidates", type=int, default=1_500)
    parser.add_argument("--papers", type=Path, help="real papers as JSON lines, plain or .gz")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rates of one processor; other load on the machine affects them."""
    limit_blas_threads()
    with step("Making papers"):
        papers = (
            read_corpus(options["papers"]).papers[-CORPUS:]
            if options["papers"]
            else synthetic_text.papers(CORPUS)
        )
    with step("Learning the lexicon"):
        candidates = Candidates.prepare(Lexicon.learn(papers), papers[-options["candidates"] :])
    with step("Making readers"):
        profiles = list(_profiles(papers[: -options["candidates"]], DISTINCT))
    chunks = track(list(_chunks(profiles)), "Making vectors of readers")
    vectors = [
        replace(ProfileVectors.of_profiles(chunk, candidates.lexicon), texts=None)
        for chunk in chunks
    ]
    sizes = track(options["readers"], "Matching by number of readers")
    rows = [_row(readers, profiles, vectors, candidates) for readers in sizes]
    with step("Training SVMs"):
        svm_seconds = _svm(papers, options["candidates"])
    _steps(profiles[:CHUNK], candidates)  # fills the cache of similarities
    return {
        "candidates": options["candidates"],
        "terms_per_reader": round(sum(part.sparse_rows.nnz for part in vectors) / DISTINCT, 1),
        "rows": rows,
        "steps_ms_per_topic": {
            "1 topic per reader": _steps(profiles[:CHUNK], candidates, two_topics=0.0),
            f"{1 + TWO_TOPICS} topics per reader": _steps(profiles[:CHUNK], candidates),
        },
        "svm_seconds_per_reader": round(svm_seconds, 3),
    }


def table(report: Mapping[str, Any]) -> str:
    """Return the report as text."""
    lines = [
        f"{report['candidates']} candidates, {report['terms_per_reader']} terms per reader",
        f"{'readers':>9}{'':10}{'million pairs/s':>16}{'a million readers':>20}{'× dense':>9}"
        f"{'peak':>9}",
    ]
    for row in report["rows"]:
        for name in ("cached", "computed", "dense"):
            pace = row[name]
            lines.append(
                f"{row['readers']:>9} {name:9}{pace['pairs_per_second'] / 1e6:16.1f}"
                f"{pace['million_readers_seconds']:18.0f} s{pace['times_dense']:9.1f}"
                f"{row['peak_mb']:6.0f} MB"
            )
    lines.append(
        "cached: with cached vectors of readers; computed: vectors computed each time; "
        "dense: a bare 256-wide product"
    )
    for readers, steps in report["steps_ms_per_topic"].items():
        shown = ", ".join(f"{name} {ms}" for name, ms in steps.items())
        lines.append(f"From stored profiles to a digest, ms per topic, {readers}: {shown}")
    hours = report["svm_seconds_per_reader"] * MILLION / 3600
    each = report["svm_seconds_per_reader"]
    lines.append(f"A linear SVM per reader: {each} s each, {hours:.0f} hours for a million")
    return "\n".join(lines)


def _row(
    readers: int,
    profiles: Sequence[Profile],
    vectors: Sequence[ProfileVectors],
    candidates: Candidates,
) -> dict[str, Any]:
    """Return the rates for so many readers.

    "computed" is measured on the distinct readers only, since its rate is the same for more.
    """
    chunks = list(_chunks(profiles))

    def cached(number: int) -> None:
        place = number % len(chunks)
        for match in match_profiles(chunks[place], candidates, vectors[place]):
            match.top(TOP)

    def computed(number: int) -> None:
        for match in match_profiles(chunks[number % len(chunks)], candidates):
            match.top(TOP)

    rng = np.random.default_rng(0)
    paper_rows = rng.standard_normal((len(candidates.papers), WIDTH), dtype=np.float32)
    reader_rows = rng.standard_normal((CHUNK, WIDTH), dtype=np.float32)

    def dense(_number: int) -> None:
        scores = reader_rows @ paper_rows.T
        np.argpartition(-scores, TOP, axis=1)[:, :TOP]

    paces = {
        "cached": _pace(cached, readers, candidates),
        "computed": _pace(computed, min(readers, len(profiles)), candidates),
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
    """Return pairs per second, after a chunk to warm up."""
    work(0)
    chunks = max(readers // CHUNK, 1)
    started = time.perf_counter()
    for number in range(chunks):
        work(number)
    return chunks * CHUNK * len(candidates.papers) / (time.perf_counter() - started)


def _steps(
    profiles: Sequence[Profile], candidates: Candidates, two_topics: float = TWO_TOPICS
) -> dict[str, float]:
    """Return milliseconds per topic for each step from profiles to digests with reasons.

    `two_topics` is the share of readers with two topics. Database queries are not included.
    """
    all_flags = np.ones(len(candidates.papers), dtype=bool)
    no_trend = np.zeros(len(candidates.papers), dtype=np.float32)
    marks = [time.perf_counter()]
    vectors = ProfileVectors.of_profiles(profiles, candidates.lexicon)
    marks.append(time.perf_counter())
    matches = match_profiles(profiles, candidates, vectors)
    marks.append(time.perf_counter())
    flags = (all_flags, all_flags, all_flags)
    fields = np.zeros(len(candidates.papers), dtype=np.int64)
    topics = [TopicCandidates(match.personal) for match in matches]
    pairs = round(len(topics) * two_topics / (1.0 + two_topics))
    groups = [[*pair] for pair in zip(topics[:pairs], topics[pairs : 2 * pairs], strict=True)]
    groups += [[topic] for topic in topics[2 * pairs :]]
    digests = [DigestCandidates(group, no_trend, *flags, fields) for group in groups]
    selected = select_papers(digests, [TOP] * len(digests), candidates.lookups.similarity)
    chosen = _positions_by_topic(groups, selected)
    marks.append(time.perf_counter())
    explain_choices(profiles, candidates, chosen, vectors)
    marks.append(time.perf_counter())
    took = np.diff(marks) * 1000 / len(profiles)
    names = ("vectors", "match", "select", "reasons")
    return {name: round(float(ms), 2) for name, ms in zip(names, took, strict=True)}


def _positions_by_topic(
    groups: Sequence[Sequence[TopicCandidates]], selected: Sequence[Sequence[Choice]]
) -> list[list[int]]:
    """Return the chosen positions of each topic: first those with a second topic beside them."""
    rows = [
        (turn, [choice.position for choice in choices if choice.topic == turn])
        for group, choices in zip(groups, selected, strict=True)
        for turn in range(len(group))
    ]
    pairs = sum(len(group) > 1 for group in groups)
    first = [positions for turn, positions in rows[: 2 * pairs] if turn == 0]
    second = [positions for turn, positions in rows[: 2 * pairs] if turn == 1]
    return [*first, *second, *(positions for _turn, positions in rows[2 * pairs :])]


def _svm(papers: Sequence[PaperText], count: int) -> float:
    """Return the seconds of the evaluation's SVM for one reader, without computing features."""
    corpus = Corpus(list(papers), {})
    cases = [
        Case(str(n), tuple(range(5 * n, 5 * n + 5)), "", "all", frozenset())
        for n in range(SVM_READERS)
    ]
    rank = TfidfFeatures.of_corpus(corpus, ()).svm_ranker()
    pool = np.arange(len(papers) - count, len(papers))
    started = time.perf_counter()
    for case in cases:
        rank(case, pool)
    return (time.perf_counter() - started) / SVM_READERS


def _chunks(profiles: Sequence[Profile]) -> Iterator[Sequence[Profile]]:
    for start in range(0, len(profiles), CHUNK):
        yield profiles[start : start + CHUNK]


def _profiles(papers: Sequence[PaperText], count: int) -> Iterator[Profile]:
    """Yield profiles with a sentence, papers of one field, or both.

    Some follow or mute authors, exclude words, or dislike a paper.
    """
    by_field: dict[str, list[PaperText]] = {}
    for paper in papers:
        by_field.setdefault(paper.categories[0] if paper.categories else "", []).append(paper)
    fields = [name for name in sorted(by_field) if len(by_field[name]) > 12]
    rng = np.random.default_rng(1)
    for number in range(count):
        name = fields[int(rng.integers(len(fields)))]
        members = by_field[name]
        drawn = [members[int(n)] for n in rng.choice(len(members), 12, replace=False)]
        has_text, has_likes = number % 3 != 1, number % 3 != 0
        yield Profile(
            text=drawn[0].title if has_text else "",
            excluded_words=tuple(drawn[1].title.split()[:1]) if number % 10 == 0 else (),
            categories=(name,) if name and number % 2 else (),
            authors=drawn[2].authors[:1] if number % 5 == 0 else (),
            muted_authors=drawn[3].authors[:1] if number % 20 == 0 else (),
            liked=tuple(drawn[4 : 5 + int(rng.integers(1, 8))]) if has_likes else (),
            disliked=(drawn[1],) if number % 4 == 0 else (),
        )
