"""Evaluation of matching on recorded choices, beside simpler baselines.

It works on files and needs no database. The product's `match_profiles` computes the scores.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, timedelta
from multiprocessing import get_context
from typing import Any

import numpy as np

from devtools.evaluation.baselines import measure_baselines
from devtools.evaluation.cases import Case, Corpus, EvaluationError, Positions
from devtools.evaluation.kept_papers import measure_kept
from devtools.evaluation.ranking_metrics import (
    Interval,
    Metrics,
    Scores,
    average_metrics,
    mean_metrics,
    measure_cases,
    measure_ranking,
    paired_differences,
)
from papers.vectors.lexicon import Lexicon
from papers.vectors.starter import Starter
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.selection import Similarity, best_candidates, diversify

Progress = Callable[[Sequence[Case], str], Iterable[Case]]
Step = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Report:
    """Metrics of the product and of each baseline, averaged over cases.

    `with_shared_authors` is the product for readers who chose that option. `variety` compares the
    first ten papers as ranked and as diversified for a digest. `kept` is for readers who keep
    papers; see `measure_kept`. `other_archive` has the name of another archive, the product with
    it, and the gain over that, with its intervals. All are optional.
    """

    paperboy: Metrics
    baselines: dict[str, Metrics]
    cases: int
    seconds: float
    with_shared_authors: Metrics | None = None
    variety: dict[str, Metrics] | None = None
    kept: dict[str, Metrics] | None = None
    other_archive: tuple[str, Metrics, dict[str, Interval]] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        values: dict[str, Any] = {
            "paperboy": self.paperboy,
            "baselines": self.baselines,
            "cases": self.cases,
            "seconds": round(self.seconds, 1),
        }
        if self.with_shared_authors:
            values["paperboy with shared authors"] = self.with_shared_authors
        if self.variety:
            values["variety"] = self.variety
        if self.kept:
            values["kept"] = self.kept
        if self.other_archive:
            name, metrics, gain = self.other_archive
            values[name] = {"paperboy": metrics, "gain over it": gain}
        return values


def evaluate(
    corpus: Corpus,
    cases: Sequence[Case],
    *,
    shared_authors: bool = False,
    variety: bool = False,
    kept: int | None = None,
    archive_days: int | None = None,
    archive_until: str = "",
    starter: Starter | None = None,
    all_papers: bool = False,
    progress: Progress = lambda cases, _label: cases,
    step: Step = nullcontext,
) -> Report:
    """Rank the pool of every case by the product, and by the baselines in another process.

    With `archive_days`, the product learns only from the pool, from papers of so many days before
    it and from those of the pool's profiles. For a pool without a day, these are the days until
    `archive_until`; of a pool of all papers, only they count. Baselines always learn from the whole
    corpus.

    With `starter`, the product also starts from this lexicon. It is compared not with the baselines
    but with the product without a starter or, with `all_papers`, with an archive of all papers.

    Figures `with_shared_authors` use the names of the candidates' authors. They show how the option
    works for its readers and do not measure matching by text. With `kept`, measure readers who keep
    papers, with so many others for each.

    `progress` and `step` report progress to the user; see config/progress.py.
    """
    started = time.monotonic()
    cases = sorted(cases, key=lambda case: case.pool)
    _check_pools(cases, starter)
    archive = Archive.for_cases(corpus, cases, archive_days, archive_until)
    # Spawned, not forked: a forked copy would inherit locks and connections in use.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        baselines = None if starter else executor.submit(measure_baselines, corpus, cases)
        with step("Learning from the papers"):
            product = Product(corpus, replace(archive, starter=starter).prepared())
        rows = measure_cases(corpus, progress(cases, "Ranking"), product.rank)
        more: dict[str, Any] = {}
        if starter:
            name, days = ("all papers", None) if all_papers else ("no starter", archive_days)
            other = Product(corpus, replace(archive, days=days).prepared())
            other_rows = measure_cases(corpus, progress(cases, f"Ranking with {name}"), other.rank)
            gain = paired_differences(other_rows, rows)
            more["other_archive"] = (name, average_metrics(other_rows), gain)
        if shared_authors:
            tracked = progress(cases, "Ranking with shared authors")
            ranked = mean_metrics(corpus, tracked, product.rank_with_shared_authors)
            more["with_shared_authors"] = ranked
        if variety:
            more["variety"] = product.measure_variety(progress(cases, "Measuring variety"))
        if kept is not None:
            with step("Ranking with kept papers"):
                more["kept"] = measure_kept(corpus, cases, product.score, kept)
        with step("Waiting for the baselines") if baselines else nullcontext():
            baseline_metrics = baselines.result() if baselines else {}
    seconds = time.monotonic() - started
    return Report(average_metrics(rows), baseline_metrics, len(cases), seconds, **more)


def _check_pools(cases: Sequence[Case], starter: Starter | None) -> None:
    """Raise `EvaluationError` if the starter was learnt from papers of a pool."""
    days = [day for case in cases if (day := case.pool.partition(":")[2])]
    if starter and days and min(days) <= starter.newest:
        raise EvaluationError(f"The starter knows papers until {starter.newest}, also of pools.")


@dataclass(frozen=True, slots=True)
class Archive:
    """The papers an installation has when it ranks a pool.

    These are all papers, or the pool, the papers of `days` days before it, and those in the
    profiles of its readers (`named`). A pool without a day counts as one of the day `until`. Of a
    pool of all papers, an installation has only those listed on that day. It may start from a
    starter lexicon.
    """

    corpus: Corpus
    named: Mapping[str, frozenset[int]]
    days: int | None
    until: str
    starter: Starter | None = None
    whole: Lexicon | None = None

    @classmethod
    def for_cases(
        cls, corpus: Corpus, cases: Iterable[Case], days: int | None, until: str = ""
    ) -> Archive:
        """Return the archive for these cases."""
        named: dict[str, frozenset[int]] = defaultdict(frozenset)
        for case in cases:
            named[case.pool] |= frozenset(case.liked)
        return cls(corpus, named, days, until or max(corpus.days, default=""))

    def prepared(self) -> Archive:
        """Return the archive; without `days`, with one lexicon learnt from all papers.

        It learns from all texts alike and from no author names: otherwise relevant papers would
        differ from the others by how they were learnt.
        """
        if self.days is not None:
            return self
        return replace(self, whole=Lexicon.learn(self.corpus.papers, self.starter))

    def lexicon_for(self, pool: str) -> Lexicon:
        """Return the lexicon of the papers available for a pool."""
        if self.whole or self.days is None:
            return self.whole or Lexicon.learn(self.corpus.papers, self.starter)
        papers = [self.corpus.papers[n] for n in sorted(self._positions_for(pool, self.days))]
        return Lexicon.learn(papers, self.starter)

    def _positions_for(self, pool: str, days: int) -> set[int]:
        day = pool.partition(":")[2]
        last = day or self.until
        first = (date.fromisoformat(last) - timedelta(days=days)).isoformat()
        listed = self.corpus.days
        recent = {n for n, on in enumerate(listed) if first <= on < last or (on == last != day)}
        own = () if pool == "all" else self.corpus.pools[pool].tolist()
        return recent | self.named[pool] | set(own)


class CandidateCache:
    """The candidates of the pool used last; cases come pool by pool."""

    def __init__(self, corpus: Corpus, archive: Archive) -> None:
        self._corpus, self._archive = corpus, archive
        self._pool = ""
        self._candidates: Candidates | None = None

    def get(self, pool: str) -> Candidates:
        """Return the candidates of a pool, prepared as an edition."""
        if self._candidates is None or pool != self._pool:
            papers = [self._corpus.papers[n] for n in self._corpus.pools[pool].tolist()]
            self._candidates = Candidates.prepare(self._archive.lexicon_for(pool), papers)
            self._pool = pool
        return self._candidates


class Product:
    """The product's ranking: a lexicon of the archive, a prepared pool, and `match_profiles`."""

    def __init__(self, corpus: Corpus, archive: Archive) -> None:
        self.corpus = corpus
        self.candidates = CandidateCache(corpus, archive)

    def rank(self, case: Case, pool: Positions) -> Scores:
        """Return scores (pool) for the reader of a case."""
        return self.score(self._profile(case), case.pool, pool)

    def rank_with_shared_authors(self, case: Case, pool: Positions) -> Scores:
        """Return scores (pool) for the same reader with that option."""
        profile = replace(self._profile(case), shared_authors=True)
        return self.score(profile, case.pool, pool)

    def measure_variety(self, cases: Iterable[Case]) -> dict[str, Metrics]:
        """Return nDCG@10 and the similarity of the first ten papers, ranked and diversified.

        The similarity is the mean of all pairs, and that of the closest pair.
        """
        rows: dict[str, list[Metrics]] = {"ranked": [], "thinned": []}
        for case in cases:
            everyone = self.corpus.pools[case.pool]
            places = np.flatnonzero(~np.isin(everyone, case.liked))
            pool = everyone[places]
            scores = self.rank(case, pool).astype(np.float32)
            similarity = self.candidates.get(case.pool).select(places.tolist()).lookups.similarity
            eligible = np.ones((1, len(scores)), dtype=np.bool_)
            candidates = best_candidates(eligible, scores[None], np.array([10]), [[]])
            [ranked], [diverse] = candidates.ranked.tolist(), diversify(candidates, similarity)
            is_relevant = np.isin(pool, list(case.relevant))
            for name, first in (("ranked", ranked[:10]), ("thinned", diverse)):
                order = np.zeros(len(scores))
                order[first] = np.arange(len(first), 0, -1)
                ndcg = measure_ranking(order, is_relevant, len(case.relevant))["ndcg@10"]
                rows[name].append({"ndcg@10": ndcg, **_pair_similarity(similarity, first)})
        return {name: average_metrics(metrics) for name, metrics in rows.items()}

    def _profile(self, case: Case) -> Profile:
        return Profile(text=case.text, liked=tuple(self.corpus.papers[n] for n in case.liked))

    def score(self, profile: Profile, name: str, pool: Positions) -> Scores:
        """Return scores (pool) for a profile; `name` is that of the whole pool."""
        scores = match_profiles([profile], self.candidates.get(name))[0].scores
        return scores[np.isin(self.corpus.pools[name], pool)].astype(np.float64)


def _pair_similarity(similarity: Similarity, positions: Sequence[int]) -> Metrics:
    matrix = similarity(np.array(positions), np.array([positions] * len(positions)))
    pairs = matrix[np.triu_indices(len(matrix), 1)]
    return {"pairs": float(pairs.mean()), "closest pair": float(pairs.max())}


def table(report: Report) -> str:
    """Return the report as text, with a row for the product and for each baseline."""
    names = list(report.paperboy)
    rows = {"paperboy": report.paperboy, **report.baselines}
    if report.with_shared_authors:
        rows["+ shared authors"] = report.with_shared_authors
    if report.other_archive:
        rows[report.other_archive[0]] = report.other_archive[1]
    lines = [f"{'':16}" + "".join(f"{name:>12}" for name in names)]
    lines += [
        f"{row:16}" + "".join(f"{metrics[name]:12.3f}" for name in names)
        for row, metrics in rows.items()
    ]
    for name, metrics in (report.kept or {}).items():
        lines.append(f"{name:22}: nDCG@10 {metrics['ndcg@10']:.4f}, hit@10 {metrics['hit@10']:.4f}")
    for name, metrics in (report.variety or {}).items():
        lines.append(f"{name:16}" + ", ".join(f"{key} {metrics[key]:.4f}" for key in metrics))
    if report.other_archive:
        other, _metrics, gain = report.other_archive
        for name, (mean, low, high) in gain.items():
            lines.append(f"over {other}, {name:10} {mean:+.4f} ({low:+.4f} to {high:+.4f})")
    speed = report.cases / report.seconds
    return "\n".join(
        [*lines, f"{report.cases} cases in {report.seconds:.0f} s ({speed:.1f} per second)"]
    )
