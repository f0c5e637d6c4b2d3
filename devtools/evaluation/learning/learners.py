"""Ways to rank papers from a start and taps: the product and baselines. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from devtools.evaluation.baselines import TfidfFeatures, train_svm
from devtools.evaluation.cases import Corpus, Positions
from devtools.evaluation.interests import only_for_you
from devtools.evaluation.learning.simulated_readers import SimulatedReader
from papers.vectors.lexicon import Lexicon
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.selection import select_papers

Scores = NDArray[np.float64]
PLACES = 10  # papers in a digest
ROCCHIO_START, ROCCHIO_MORE, ROCCHIO_LESS = 1.0, 0.75, 0.15  # as in textbooks
SVM_NEGATIVES = 1000  # papers the SVM tells the reader's from


@dataclass(frozen=True, slots=True)
class Taps:
    """A reader and their taps in so many days, as positions, oldest first."""

    reader: SimulatedReader
    more: tuple[int, ...] = ()
    less: tuple[int, ...] = ()
    days: int = 0

    @property
    def count(self) -> int:
        """The number of taps."""
        return len(self.more) + len(self.less)


@dataclass(frozen=True, eq=False)
class Pool:
    """Positions of papers, and these as candidates of the product when needed."""

    corpus: Corpus
    lexicon: Lexicon
    positions: Positions

    @cached_property
    def candidates(self) -> Candidates:
        papers = [self.corpus.papers[n] for n in self.positions.tolist()]
        return Candidates.prepare(self.lexicon, papers)


class Learner(Protocol):
    """A way to rank."""

    def choose(self, readers: Sequence[Taps], pool: Pool) -> list[list[int]]:
        """Return the positions of the papers of each reader's digest, best first."""

    def score(self, readers: Sequence[Taps], pool: Pool) -> Scores:
        """Return the scores of the pool's papers (readers x pool)."""


@dataclass(frozen=True, slots=True)
class Product:
    """The product's own functions, with taps as the reactions of a topic."""

    corpus: Corpus

    def choose(self, readers: Sequence[Taps], pool: Pool) -> list[list[int]]:
        """Return the digests that the product sends, without trending papers."""
        matches = match_profiles([self._profile(taps) for taps in readers], pool.candidates)
        digests = [only_for_you([match]) for match in matches]
        similarity = pool.candidates.lookups.similarity
        chosen = select_papers(digests, [PLACES] * len(digests), similarity)
        return [[int(pool.positions[one.position]) for one in choices] for choices in chosen]

    def score(self, readers: Sequence[Taps], pool: Pool) -> Scores:
        """Return the scores of `match_profiles`."""
        matches = match_profiles([self._profile(taps) for taps in readers], pool.candidates)
        return np.array([match.scores for match in matches], dtype=np.float64)

    def _profile(self, taps: Taps) -> Profile:
        return Profile(
            text=taps.reader.text,
            liked=self._papers(taps.reader.examples) + self._papers(reversed(taps.more)),
            disliked=self._papers(reversed(taps.less)),
        )

    def _papers(self, positions: Iterable[int]) -> tuple:
        return tuple(self.corpus.papers[n] for n in positions)


class LinearLearner(ABC):
    """A baseline with a weight for each feature."""

    def __init__(self, features: TfidfFeatures) -> None:
        self.features = features
        self._latest: dict[SimulatedReader, tuple[Taps, Scores]] = {}

    def choose(self, readers: Sequence[Taps], pool: Pool) -> list[list[int]]:
        """Return the papers with the highest scores."""
        best = np.argsort(-self.score(readers, pool), axis=1, kind="stable")[:, :PLACES]
        return [pool.positions[places].tolist() for places in best]

    def score(self, readers: Sequence[Taps], pool: Pool) -> Scores:
        """Return the products of features and weights."""
        weights = np.array([self._weights_for(taps) for taps in readers], dtype=np.float64)
        return np.asarray((self.features.papers[pool.positions] @ weights.T).T, dtype=np.float64)

    def _weights_for(self, taps: Taps) -> Scores:
        """Return the weights (features); learn again if there is a new tap."""
        before, weights = self._latest.get(taps.reader, (None, np.empty(0)))
        if before is None or (before.more, before.less) != (taps.more, taps.less):
            weights = self.learn(taps)
        self._latest[taps.reader] = taps, weights
        return weights

    @abstractmethod
    def learn(self, taps: Taps) -> Scores:
        """Return the weights (features)."""

    def _mean(self, positions: Sequence[int]) -> Scores:
        if not positions:
            return np.zeros(self.features.papers.shape[1])
        return np.asarray(
            self.features.papers[list(positions)].mean(axis=0), dtype=np.float64
        ).ravel()

    def _start(self, reader: SimulatedReader) -> Scores:
        if reader.text:
            return np.asarray(self.features.typed[reader.text].todense(), np.float64).ravel()
        return self._mean(list(reader.examples))


class Rocchio(LinearLearner):
    """The typed text or example, moved to the mean of More and away from the mean of Less."""

    def learn(self, taps: Taps) -> Scores:
        """Return the weights (features)."""
        weights = ROCCHIO_START * self._start(taps.reader)
        weights += ROCCHIO_MORE * self._mean(taps.more) - ROCCHIO_LESS * self._mean(taps.less)
        return np.maximum(weights, 0.0)


class Svm(LinearLearner):
    """A linear SVM as in arxiv-sanity-lite, trained after each tap.

    It tells the start and More from Less and from random papers.
    """

    @cached_property
    def _negatives(self) -> Positions:
        count = self.features.papers.shape[0]
        return np.sort(np.random.default_rng(0).permutation(count)[:SVM_NEGATIVES])

    def learn(self, taps: Taps) -> Scores:
        """Return the weights (features)."""
        examples = self.features.examples([*taps.reader.examples, *taps.more], taps.reader.text)
        negatives = self.features.papers[np.union1d(self._negatives, taps.less).astype(int)]
        return train_svm(examples, negatives)
