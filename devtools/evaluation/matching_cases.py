"""Matching held against what readers really chose, next to simpler ways of choosing.

Works on files and needs no database. The product's own `match` makes the scores. Ties are broken
by a fixed shuffle, so that no ranking profits from the order of the papers in the file.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from devtools.evaluation import json_lines
from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.sparse_rows import normalize_rows
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.selection import Similarity, best_candidates, diversify

Positions = NDArray[np.int64]
Scores = NDArray[np.float64]
Metrics = dict[str, float]
Ranker = Callable[["Case", Positions], Scores]
Progress = Callable[[Sequence["Case"], str], Iterable["Case"]]
Step = Callable[[str], AbstractContextManager[Any]]

KEYWORDS = 20  # as many as a keen reader may keep in an alert
SVC_PAPERS = 5000  # what the SVM learns to tell the reader's papers from; more changes nothing


class EvaluationError(ValueError):
    """A file is not what it should be; str() is one line that says what and where."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """All papers, the positions of those in each pool by the pool's name, and the day each paper
    was listed ("" if unknown)."""

    papers: list[PaperText]
    pools: Mapping[str, Positions]
    days: Sequence[str] = ()

    @property
    def positions(self) -> dict[str, int]:
        """Each paper's position by its key."""
        return {paper.key: position for position, paper in enumerate(self.papers)}


@dataclass(frozen=True, slots=True)
class Case:
    """One choice of one reader: what is known of them, what they chose from, what they chose."""

    reader: str
    liked: tuple[int, ...]
    text: str
    pool: str
    relevant: frozenset[int]


@dataclass(frozen=True, slots=True)
class Report:
    """Metrics of the product and of each baseline, averaged over cases.

    `with_shared_authors`, where asked for, is the product for readers who chose that option;
    `variety` the first ten as ranked and as thinned out for a digest.
    """

    paperboy: Metrics
    baselines: dict[str, Metrics]
    cases: int
    seconds: float
    with_shared_authors: Metrics | None = None
    variety: dict[str, Metrics] | None = None

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
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
        return values


def read_corpus(path: Path) -> Corpus:
    """Papers from JSON lines, gzipped or not."""
    papers: list[PaperText] = []
    days: list[str] = []
    pools: dict[str, list[int]] = defaultdict(list)
    for row in _rows(path):
        for name in _pools(row):
            pools[name].append(len(papers))
        papers.append(_paper(row))
        days.append(row.get("listed") or row.get("hf_day") or "")
    return Corpus(papers, {name: np.array(positions) for name, positions in pools.items()}, days)


def read_cases(
    path: Path, corpus: Corpus, limit: int | None = None, days: Sequence[str] | None = None
) -> list[Case]:
    """The first `limit` cases of a file, only those of pools of `days` if given; papers that the
    corpus lacks cannot be found."""
    known = corpus.positions
    cases = [_case(row, known) for row in _rows(path)]
    cases = [case for case in cases if not days or case.pool.partition(":")[2] in days][:limit]
    missing = {case.pool for case in cases} - set(corpus.pools)
    if missing:
        raise EvaluationError(f"{path}: no papers for pool {min(missing)}")
    if not cases:
        raise EvaluationError(f"{path}: no cases")
    return cases


def evaluate(
    corpus: Corpus,
    cases: Sequence[Case],
    *,
    shared_authors: bool = False,
    variety: bool = False,
    archive_days: int | None = None,
    progress: Progress = lambda cases, _what: cases,
    step: Step = nullcontext,
) -> Report:
    """Rank every case's pool by the product and by the baselines, which run beside it.

    With `archive_days`, the product learns from the pool, the papers of so many days before it and
    those of the pool's profiles alone. The baselines always know the whole corpus.

    Figures `with_shared_authors` know the names of the candidates' authors: they say how well
    the option works for its readers, and are no measure of matching by text.

    `progress` and `step` show the caller's user what is done (see config/progress.py).
    """
    started = time.monotonic()
    cases = sorted(cases, key=lambda case: case.pool)
    if archive_days is not None and any(":" not in case.pool for case in cases):
        raise EvaluationError("The archive can be limited only for pools of one day.")
    # Not forked: a copy of this process would hold its locks and connections half-way.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
        running = beside.submit(_baselines, corpus, cases)
        with step("Learning from the papers"):
            product = Product(corpus, Archive.of(corpus, cases, archive_days))
        ours = _mean(corpus, progress(cases, "Ranking"), product.rank)
        optional = thinned = None
        if shared_authors:
            shown = progress(cases, "Ranking with shared authors")
            optional = _mean(corpus, shown, product.with_shared_authors)
        if variety:
            thinned = product.variety(progress(cases, "Measuring variety"))
        with step("Waiting for the baselines"):
            baselines = running.result()
    return Report(ours, baselines, len(cases), time.monotonic() - started, optional, thinned)


@dataclass(frozen=True, slots=True)
class Archive:
    """What an installation has read when it ranks each pool: everything, or the pool, some days
    before it and the papers that its readers named."""

    corpus: Corpus
    named: Mapping[str, frozenset[int]]
    days: int | None
    whole: Lexicon | None

    @classmethod
    def of(cls, corpus: Corpus, cases: Iterable[Case], days: int | None) -> Archive:
        """The lexicon is learnt from all texts alike: from some papers only, or from who wrote
        what, and the answers would differ from what they compete with by how they were learnt."""
        named: dict[str, frozenset[int]] = defaultdict(frozenset)
        for case in cases:
            named[case.pool] |= frozenset(case.liked)
        return cls(corpus, named, days, Lexicon.learn(corpus.papers) if days is None else None)

    def lexicon(self, pool: str) -> Lexicon:
        """What is learnt from the papers that are there for a pool."""
        if self.whole or self.days is None:
            return self.whole or Lexicon.learn(self.corpus.papers)
        day = date.fromisoformat(pool.partition(":")[2])
        first = (day - timedelta(days=self.days)).isoformat()
        before = (
            n for n, listed in enumerate(self.corpus.days) if first <= listed < day.isoformat()
        )
        there = {*before, *self.corpus.pools[pool].tolist(), *self.named[pool]}
        return Lexicon.learn([self.corpus.papers[n] for n in sorted(there)])


@dataclass(frozen=True, slots=True)
class Product:
    """The product: a lexicon learnt from the archive, a pool prepared, and `match`."""

    corpus: Corpus
    archive: Archive
    prepared: dict[str, Candidates] = field(default_factory=dict)

    def rank(self, case: Case, pool: Positions) -> Scores:
        """Scores for a reader as the case has them."""
        return self._scores(self._profile(case), case.pool, pool)

    def with_shared_authors(self, case: Case, pool: Positions) -> Scores:
        """Scores for the same reader with that option on."""
        profile = replace(self._profile(case), shared_authors=True)
        return self._scores(profile, case.pool, pool)

    def variety(self, cases: Iterable[Case]) -> dict[str, Metrics]:
        """nDCG@10, and how much the first ten say the same (the mean of all pairs, and the closest
        pair), as ranked and as thinned out by the code that composes digests."""
        found: dict[str, list[Metrics]] = {"ranked": [], "thinned": []}
        for case in cases:
            everyone = self.corpus.pools[case.pool]
            places = np.flatnonzero(~np.isin(everyone, case.liked))
            members = everyone[places]
            scores = self.rank(case, members).astype(np.float32)
            alike = self._candidates(case.pool).select(places.tolist()).lookups.similarity
            all_of_them = np.ones((1, len(scores)), dtype=np.bool_)
            offers = best_candidates(all_of_them, scores[None], np.array([10]), [[]])
            [ranked], [thinned] = offers.ranked.tolist(), diversify(offers, alike)
            relevant = np.isin(members, list(case.relevant))
            for name, first in (("ranked", ranked[:10]), ("thinned", thinned)):
                kept = np.zeros(len(scores))
                kept[first] = np.arange(len(first), 0, -1)
                gained = measure(kept, relevant, len(case.relevant))["ndcg@10"]
                found[name].append({"ndcg@10": gained, **_sameness(alike, first)})
        return {name: _averaged(measured) for name, measured in found.items()}

    def _profile(self, case: Case) -> Profile:
        return Profile(text=case.text, liked=tuple(self.corpus.papers[n] for n in case.liked))

    def _candidates(self, pool: str) -> Candidates:
        """The pool as an edition; one is kept, since cases come pool by pool."""
        if pool not in self.prepared:
            papers = [self.corpus.papers[n] for n in self.corpus.pools[pool].tolist()]
            self.prepared.clear()
            self.prepared[pool] = Candidates.prepare(self.archive.lexicon(pool), papers)
        return self.prepared[pool]

    def _scores(self, profile: Profile, name: str, pool: Positions) -> Scores:
        scores = match_profiles([profile], self._candidates(name))[0].scores
        return scores[np.isin(self.corpus.pools[name], pool)].astype(np.float64)


def measure(scores: Scores, relevant: NDArray[np.bool_], wanted: int) -> Metrics:
    """How well `scores` put the `relevant` of a pool first; `wanted` counts all that are right."""
    order = np.argsort(-scores, kind="stable")
    places = np.flatnonzero(relevant[order])
    gains = (1.0 / np.log2(places[places < 10] + 2.0)).sum()
    ideal = (1.0 / np.log2(np.arange(min(wanted, 10)) + 2.0)).sum()
    first = int(places[0]) if len(places) else None
    return {
        "auc": _auc(scores, relevant),
        "mrr": 0.0 if first is None else 1.0 / (first + 1),
        **{f"hit@{n}": float(first is not None and first < n) for n in (5, 10, 20)},
        "ndcg@10": float(gains / ideal) if wanted else 0.0,
        "recall@100": float((places < 100).sum() / wanted) if wanted else 0.0,
    }


def _sameness(alike: Similarity, positions: Sequence[int]) -> Metrics:
    whole = alike(np.array(positions), np.array([positions] * len(positions)))
    pairs = whole[np.triu_indices(len(whole), 1)]
    return {"pairs": float(pairs.mean()), "closest pair": float(pairs.max())}


def _averaged(measured: Sequence[Metrics]) -> Metrics:
    return {
        name: round(float(np.mean([metrics[name] for metrics in measured])), 4)
        for name in measured[0]
    }


def _auc(scores: Scores, relevant: NDArray[np.bool_]) -> float:
    right, wrong = int(relevant.sum()), int((~relevant).sum())
    if not right or not wrong:
        return 0.5
    ranks = rankdata(scores)[relevant].sum()
    return float((ranks - right * (right + 1) / 2) / (right * wrong))


def _mean(corpus: Corpus, cases: Iterable[Case], rank: Ranker) -> Metrics:
    shuffle = np.random.default_rng(0).permutation(len(corpus.papers))
    measured = []
    for case in cases:
        pool = np.setdiff1d(corpus.pools[case.pool], case.liked)
        scores = rank(case, pool)
        order = np.argsort(shuffle[pool])
        relevant = np.isin(pool, list(case.relevant))
        measured.append(measure(scores[order], relevant[order], len(case.relevant)))
    return _averaged(measured)


# --- Baselines ----------------------------------------------------------------------------------


def _baselines(corpus: Corpus, cases: Sequence[Case]) -> dict[str, Metrics]:
    features = Features.of(corpus, cases)
    rankers = {
        "categories": categories(corpus),
        "keyword alert": features.keyword_alert,
        "tf-idf centroid": features.centroid,
        "linear svm": features.svm(),
    }
    return {name: _mean(corpus, cases, ranker) for name, ranker in rankers.items()}


def categories(corpus: Corpus) -> Ranker:
    """Papers by how much their categories are those of the reader's papers."""
    names = sorted({name for paper in corpus.papers for name in paper.categories})
    numbers = {name: number for number, name in enumerate(names)}
    columns = [[numbers[name] for name in set(paper.categories)] for paper in corpus.papers]
    ends = np.cumsum([0, *map(len, columns)])
    flat = np.array([number for row in columns for number in row], dtype=np.int32)
    rows = normalize_rows(
        sparse.csr_matrix((np.ones(len(flat)), flat, ends), shape=(len(columns), len(names)))
    )

    def rank(case: Case, pool: Positions) -> Scores:
        wanted = np.asarray(rows[list(case.liked)].sum(axis=0)).ravel()
        return np.asarray(rows[pool] @ wanted, dtype=np.float64)

    return rank


@dataclass(frozen=True, slots=True)
class Features:
    """TF-IDF of 20,000 words and pairs for all papers, and for what the readers typed."""

    papers: sparse.csr_matrix
    typed: Mapping[str, sparse.csr_matrix]
    single_words: NDArray[np.bool_]

    @classmethod
    def of(cls, corpus: Corpus, cases: Iterable[Case]) -> Features:
        """The settings are those of arxiv-sanity-lite."""
        vectoriser = TfidfVectorizer(
            strip_accents="unicode",
            stop_words="english",
            token_pattern=r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b",  # noqa: S106 - no password
            ngram_range=(1, 2),
            max_features=20000,
            min_df=min(5, max(1, len(corpus.papers) // 10)),
            max_df=0.1 if len(corpus.papers) > 100 else 1.0,
            sublinear_tf=True,
            dtype=np.float32,
        )
        papers = vectoriser.fit_transform(
            f"{paper.title} {paper.abstract}" for paper in corpus.papers
        )
        texts = sorted({case.text for case in cases})
        typed = {text: vectoriser.transform([text]) for text in texts}
        single = np.array([" " not in name for name in vectoriser.get_feature_names_out()])
        return cls(papers.tocsr(), typed, single)

    def examples(self, case: Case) -> sparse.csr_matrix:
        """The reader's papers, and what they typed, a row each."""
        typed = [self.typed[case.text]] if case.text else []
        return sparse.vstack([self.papers[list(case.liked)], *typed], format="csr")

    def _sum(self, case: Case) -> NDArray[np.float32]:
        return np.asarray(self.examples(case).sum(axis=0), dtype=np.float32).ravel()

    def centroid(self, case: Case, pool: Positions) -> Scores:
        """Papers by their closeness to the mean of the reader's papers."""
        return np.asarray(self.papers[pool] @ self._sum(case), dtype=np.float64)

    def keyword_alert(self, case: Case, pool: Positions) -> Scores:
        """Papers by how many of the reader's most telling words they hold."""
        weight = self._sum(case) * self.single_words
        telling = np.argsort(-weight, kind="stable")[:KEYWORDS]
        telling = telling[weight[telling] > 0]
        return np.asarray((self.papers[pool][:, telling] > 0).sum(axis=1), dtype=np.float64).ravel()

    def svm(self) -> Ranker:
        """Papers by their side of a linear SVM between the reader's papers and others."""
        rng = np.random.default_rng(0)
        count = self.papers.shape[0]
        others = self.papers[np.sort(rng.permutation(count)[: min(SVC_PAPERS, count)])]
        learnt: dict[tuple[tuple[int, ...], str], NDArray[np.float64]] = {}

        def rank(case: Case, pool: Positions) -> Scores:
            key = (case.liked, case.text)
            if key not in learnt:
                learnt[key] = _svm(self.examples(case), others)
            return np.asarray(self.papers[pool] @ learnt[key], dtype=np.float64)

        return rank


def _svm(right: sparse.csr_matrix, others: sparse.csr_matrix) -> NDArray[np.float64]:
    model = LinearSVC(class_weight="balanced", C=0.01, tol=1e-6, max_iter=10000, random_state=0)
    labels = np.repeat([1, 0], [right.shape[0], others.shape[0]])
    model.fit(sparse.vstack([right, others], format="csr"), labels)
    return np.asarray(model.coef_).ravel()


# --- Files --------------------------------------------------------------------------------------


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from json_lines.read_objects(path)
    except (OSError, ValueError) as problem:
        raise EvaluationError(f"{path}: {problem}") from problem


def _paper(row: Mapping[str, Any]) -> PaperText:
    return PaperText(
        row["arxiv_id"],
        row["title"],
        row["abstract"],
        tuple(row["categories"]),
        tuple(row["authors"]),
    )


def _pools(row: Mapping[str, Any]) -> Iterator[str]:
    yield "all"
    if row.get("listed") and row["categories"]:
        yield f"listed:{row['listed']}"
    if row.get("hf_day"):
        yield f"hf_day:{row['hf_day']}"


def _case(row: Mapping[str, Any], known: Mapping[str, int]) -> Case:
    profile = row["profile"]
    # A right paper that the corpus lacks stays wanted: below zero, it is in no pool.
    relevant = (known.get(key, -1 - n) for n, key in enumerate(row["relevant"]))
    return Case(
        row["reader"],
        tuple(known[key] for key in profile.get("papers", ()) if key in known),
        profile.get("text", ""),
        row["pool"],
        frozenset(relevant),
    )
