"""Prediction of votes from the words of a paper, learnt from papers whose votes are final. Pure.

Appeal is measured in doublings: a paper with appeal 1 gets twice the votes of a usual paper of its
day.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

MIN_PAPERS = 300  # fewer are too few to learn from
MIN_PAPERS_PER_WORD = 5
MAX_WORD_SHARE = 0.3  # words in more papers are ignored
RIDGE_PENALTY = 4.0
PRIOR_PAPERS = 3.0  # the overall mean counts as so many papers in the mean of a day


class AppealError(ValueError):
    """Stored bytes are not an appeal model; str() is one line with the reason."""


@dataclass(frozen=True, slots=True)
class VotedPaper:
    """A paper whose votes are final."""

    text: str
    day: date
    votes: int


@dataclass(frozen=True, slots=True)
class Appeal:
    """A linear model: for each word its IDF, and the doublings of votes that it adds."""

    words: dict[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def learn(cls, papers: Sequence[VotedPaper]) -> Appeal:
        """Learn from papers, relative to others of their day; from too few, learn nothing."""
        if len(papers) < MIN_PAPERS:
            return cls()
        from sklearn.linear_model import Ridge

        vectorizer = _make_vectorizer(min_df=MIN_PAPERS_PER_WORD, max_df=MAX_WORD_SHARE)
        rows = vectorizer.fit_transform(paper.text for paper in papers)
        weights = Ridge(RIDGE_PENALTY).fit(rows, _relative_votes(papers)).coef_
        names = vectorizer.get_feature_names_out()
        return cls(
            {
                name: (round(float(idf), 4), round(float(weight), 4))
                for name, idf, weight in zip(names, vectorizer.idf_, weights, strict=True)
            }
        )

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the appeal of each text (texts); 0 if nothing was learnt."""
        if not self.words or not texts:
            return np.zeros(len(texts))
        idf, weights = np.array(list(self.words.values())).T
        vectorizer = _make_vectorizer(vocabulary=list(self.words))
        vectorizer.idf_ = idf
        return np.asarray(vectorizer.transform(texts) @ weights)

    def dumps(self) -> bytes:
        """Return the model as bytes for `loads`."""
        return json.dumps(self.words).encode()

    @classmethod
    def loads(cls, data: bytes) -> Appeal:
        """Return the model that `dumps` wrote; raise `AppealError` for other bytes."""
        try:
            stored = json.loads(data).items()
            return cls({word: (float(idf), float(weight)) for word, (idf, weight) in stored})
        except (ValueError, AttributeError, TypeError) as error:
            raise AppealError(f"not an appeal: {error}") from error


def _make_vectorizer(**options: Any) -> TfidfVectorizer:
    # Imported here, and Ridge above, since scikit-learn takes a sixth of each process's start-up
    # time and only processes that learn or score need it.
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, stop_words="english", **options)


def weighted_text(title: str, abstract: str) -> str:
    """Return the text of a paper, with its title twice."""
    return f"{title}. {title}. {abstract}"


def _relative_votes(papers: Sequence[VotedPaper]) -> NDArray[np.float64]:
    """Return log2 of the votes less the mean of the paper's day (papers)."""
    votes = np.log2([1.0 + paper.votes for paper in papers])
    places_by_day: dict[date, list[int]] = defaultdict(list)
    for place, paper in enumerate(papers):
        places_by_day[paper.day].append(place)
    overall, relative = votes.mean(), votes.copy()
    for places in places_by_day.values():
        mean = (votes[places].sum() + PRIOR_PAPERS * overall) / (len(places) + PRIOR_PAPERS)
        relative[places] -= mean
    return relative
