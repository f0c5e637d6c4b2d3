"""Which words go with votes: learnt from papers whose votes are in, told of papers still young.

The measure is in doublings: a paper of appeal 1 gets twice the votes of its day's usual paper.
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

ENOUGH = 300  # papers; fewer teach nothing that holds
KNOWN_FROM = 5  # papers with a word, for it to count
COMMON_SHARE = 0.3  # what stands in more papers says nothing about one
CAUTION = 4.0  # the ridge's penalty
USUAL_PAPERS = 3.0  # a day's mean leans on the overall one as if by so many papers


class AppealError(ValueError):
    """Stored bytes are no appeal; str() is one line that says why."""


@dataclass(frozen=True, slots=True)
class VotedPaper:
    """A paper whose votes are in."""

    text: str
    day: date
    votes: int


@dataclass(frozen=True, slots=True)
class Appeal:
    """Words with their rarity (idf) and what each adds, in doublings of votes."""

    words: dict[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def learn(cls, papers: Sequence[VotedPaper]) -> Appeal:
        """From papers against the others of their day; knows no word where there are too few."""
        if len(papers) < ENOUGH:
            return cls()
        from sklearn.linear_model import Ridge

        vectoriser = _vectoriser(min_df=KNOWN_FROM, max_df=COMMON_SHARE)
        rows = vectoriser.fit_transform(paper.text for paper in papers)
        weights = Ridge(CAUTION).fit(rows, _against_their_day(papers)).coef_
        names = vectoriser.get_feature_names_out()
        return cls(
            {
                name: (round(float(idf), 4), round(float(weight), 4))
                for name, idf, weight in zip(names, vectoriser.idf_, weights, strict=True)
            }
        )

    def of(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The appeal of each text; zero where nothing was learnt."""
        if not self.words or not texts:
            return np.zeros(len(texts))
        idf, weights = np.array(list(self.words.values())).T
        vectoriser = _vectoriser(vocabulary=list(self.words))
        vectoriser.idf_ = idf
        return np.asarray(vectoriser.transform(texts) @ weights)

    def dumps(self) -> bytes:
        return json.dumps(self.words).encode()

    @classmethod
    def loads(cls, data: bytes) -> Appeal:
        try:
            stored = json.loads(data).items()
            return cls({word: (float(idf), float(weight)) for word, (idf, weight) in stored})
        except (ValueError, AttributeError, TypeError) as problem:
            raise AppealError(f"not an appeal: {problem}") from problem


def _vectoriser(**how: Any) -> TfidfVectorizer:
    # Imported here, and Ridge above: a sixth of what every process took to start was for it, and
    # only those that learn or score need it.
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, stop_words="english", **how)


def weighted_text(title: str, abstract: str) -> str:
    """A paper's words; the title's count twice."""
    return f"{title}. {title}. {abstract}"


def _against_their_day(papers: Sequence[VotedPaper]) -> NDArray[np.float64]:
    """log2 of the votes, less the mean of the day."""
    votes = np.log2([1.0 + paper.votes for paper in papers])
    places: dict[date, list[int]] = defaultdict(list)
    for place, paper in enumerate(papers):
        places[paper.day].append(place)
    overall, against = votes.mean(), votes.copy()
    for day in places.values():
        usual = (votes[day].sum() + USUAL_PAPERS * overall) / (len(day) + USUAL_PAPERS)
        against[day] -= usual
    return against
