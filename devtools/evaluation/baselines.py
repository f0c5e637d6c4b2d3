"""Simpler ways to rank papers for a reader, as baselines for matching. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from devtools.evaluation.cases import Case, Corpus, Positions
from devtools.evaluation.ranking_metrics import Metrics, Ranker, Scores, mean_metrics
from papers.vectors.sparse_rows import normalize_rows

KEYWORDS = 20  # as many as an eager reader may keep in a keyword alert
SVM_NEGATIVES = 5000  # papers the SVM tells the reader's papers from; more change nothing


def measure_baselines(corpus: Corpus, cases: Sequence[Case]) -> dict[str, Metrics]:
    """Return the metrics of each baseline."""
    features = TfidfFeatures.of_corpus(corpus, (case.text for case in cases))
    rankers = {
        "categories": category_ranker(corpus),
        "keyword alert": features.rank_by_keywords,
        "tf-idf centroid": features.rank_by_centroid,
        "linear svm": features.svm_ranker(),
    }
    return {name: mean_metrics(corpus, cases, ranker) for name, ranker in rankers.items()}


def category_ranker(corpus: Corpus) -> Ranker:
    """Return a ranker by the cosine of categories with the reader's papers."""
    names = sorted({name for paper in corpus.papers for name in paper.categories})
    numbers = {name: number for number, name in enumerate(names)}
    columns = [[numbers[name] for name in set(paper.categories)] for paper in corpus.papers]
    ends = np.cumsum([0, *map(len, columns)])
    flat = np.array([number for row in columns for number in row], dtype=np.int32)
    rows = normalize_rows(
        sparse.csr_matrix((np.ones(len(flat)), flat, ends), shape=(len(columns), len(names)))
    )

    def rank(case: Case, pool: Positions) -> Scores:
        profile = np.asarray(rows[list(case.liked)].sum(axis=0)).ravel()
        return np.asarray(rows[pool] @ profile, dtype=np.float64)

    return rank


@dataclass(frozen=True, slots=True)
class TfidfFeatures:
    """TF-IDF of 20,000 words and pairs of words.

    `papers` is papers x features; `typed` has a row (1 x features) for each typed text;
    `is_single_word` (features) tells words from pairs.
    """

    papers: sparse.csr_matrix
    typed: Mapping[str, sparse.csr_matrix]
    is_single_word: NDArray[np.bool_]

    @classmethod
    def of_corpus(cls, corpus: Corpus, texts: Iterable[str]) -> TfidfFeatures:
        """Compute the features with the settings of arxiv-sanity-lite."""
        vectorizer = TfidfVectorizer(
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
        papers = vectorizer.fit_transform(
            f"{paper.title} {paper.abstract}" for paper in corpus.papers
        )
        typed = {text: vectorizer.transform([text]) for text in sorted(set(texts))}
        single = np.array([" " not in name for name in vectorizer.get_feature_names_out()])
        return cls(papers.tocsr(), typed, single)

    def rank_by_centroid(self, case: Case, pool: Positions) -> Scores:
        """Score papers (pool) by similarity to the mean of the reader's papers."""
        return np.asarray(self.papers[pool] @ self._sum(case), dtype=np.float64)

    def rank_by_keywords(self, case: Case, pool: Positions) -> Scores:
        """Score papers (pool) by how many of the reader's strongest words they have."""
        weights = self._sum(case) * self.is_single_word
        keywords = np.argsort(-weights, kind="stable")[:KEYWORDS]
        keywords = keywords[weights[keywords] > 0]
        counts = (self.papers[pool][:, keywords] > 0).sum(axis=1)
        return np.asarray(counts, dtype=np.float64).ravel()

    def svm_ranker(self) -> Ranker:
        """Return a ranker by a linear SVM that tells the reader's papers from others."""
        rng = np.random.default_rng(0)
        count = self.papers.shape[0]
        negatives = self.papers[np.sort(rng.permutation(count)[: min(SVM_NEGATIVES, count)])]
        weights_by_profile: dict[tuple[tuple[int, ...], str], NDArray[np.float64]] = {}

        def rank(case: Case, pool: Positions) -> Scores:
            key = (case.liked, case.text)
            if key not in weights_by_profile:
                weights_by_profile[key] = train_svm(self._examples(case), negatives)
            return np.asarray(self.papers[pool] @ weights_by_profile[key], dtype=np.float64)

        return rank

    def _examples(self, case: Case) -> sparse.csr_matrix:
        """Return the reader's papers and typed text (examples x features)."""
        return self.examples(case.liked, case.text)

    def examples(self, positions: Sequence[int], text: str) -> sparse.csr_matrix:
        """Return papers, then a typed text unless it is empty (examples x features)."""
        typed = [self.typed[text]] if text else []
        return sparse.vstack([self.papers[list(positions)], *typed], format="csr")

    def _sum(self, case: Case) -> NDArray[np.float32]:
        return np.asarray(self._examples(case).sum(axis=0), dtype=np.float32).ravel()


def train_svm(positives: sparse.csr_matrix, negatives: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return the weights of an SVM (features)."""
    model = LinearSVC(class_weight="balanced", C=0.01, tol=1e-6, max_iter=10000, random_state=0)
    labels = np.repeat([1, 0], [positives.shape[0], negatives.shape[0]])
    model.fit(sparse.vstack([positives, negatives], format="csr"), labels)
    return np.asarray(model.coef_).ravel()
