"""Forecast of which papers will be featured, from their announcement. Pure.

A logistic regression of "featured by the community or not" on the words of title and abstract, the
track record of the team, and the number of authors. docs/ranking.md has the measurements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from papers.ranking.track_records import AnnouncedPaper
from papers.text.filler_words import FILLER_WORDS
from papers.text.shortening import join_names

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

SETTLED_AFTER = timedelta(days=7)  # nine in ten are featured by then or never
MIN_FEATURED = 100  # fewer are too few to learn from
MIN_PAPERS_PER_WORD = 5
MAX_WORD_SHARE = 0.3  # words in more papers are ignored
INVERSE_PENALTY = 1.0

SAME_START = 4  # letters by which words count as forms of one: agent, agents, agentic
LIKELY = 0.5  # probability from which a paper is "likely to trend"

_ADDRESS = re.compile(r"\S*(?:://|www\.|\.(?:com|io|org)\b)\S*")

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The model: for each word its IDF and weight, and the other weights, in log-odds."""

    words: dict[str, tuple[float, float]] = field(default_factory=dict)
    intercept: float = 0.0
    record: float = 0.0
    team: float = 0.0

    @classmethod
    def learn(
        cls, papers: Sequence[AnnouncedPaper], records: Values, until: date
    ) -> Forecast | None:
        """Learn from the papers before a day; return None if too few papers were featured.

        `records` (papers) are the track records from before each paper's day.
        """
        places = [place for place, paper in enumerate(papers) if _is_settled(paper, until)]
        settled = [papers[place] for place in places]
        is_featured = np.array([_was_featured(paper, until) for paper in settled], dtype=bool)
        if is_featured.sum() < MIN_FEATURED or is_featured.all():
            return None
        return cls._fit(settled, records[places], is_featured)

    @classmethod
    def _fit(
        cls, papers: Sequence[AnnouncedPaper], records: Values, is_featured: NDArray[np.bool_]
    ) -> Forecast:
        from scipy import sparse
        from sklearn.linear_model import LogisticRegression

        vectorizer = _make_vectorizer(min_df=MIN_PAPERS_PER_WORD, max_df=MAX_WORD_SHARE)
        words = vectorizer.fit_transform(_text(paper) for paper in papers)
        others = sparse.csr_matrix(np.column_stack([records, _team_sizes(papers)]))
        model = LogisticRegression(C=INVERSE_PENALTY, solver="liblinear")
        model.fit(sparse.hstack([words, others]).tocsr(), is_featured)
        *weights, record, team = (round(float(weight), 4) for weight in model.coef_[0])
        names = vectorizer.get_feature_names_out()
        idf = (round(float(value), 4) for value in vectorizer.idf_)
        pairs = zip(names, idf, weights, strict=True)
        return cls(
            {name: (value, weight) for name, value, weight in pairs},
            round(float(model.intercept_[0]), 4),
            record,
            team,
        )

    def probabilities(self, papers: Sequence[AnnouncedPaper], records: Values) -> Values:
        """Return the probability that each paper will be featured (papers)."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds(papers, records))))

    def log_odds(self, papers: Sequence[AnnouncedPaper], records: Values) -> Values:
        """Return the log-odds that each paper will be featured (papers)."""
        others = self.record * records + self.team * _team_sizes(papers)
        return np.asarray(self._word_parts(papers).sum(axis=1)).ravel() + others + self.intercept

    def telling_words(self, paper: AnnouncedPaper, count: int) -> list[str]:
        """Return the words of a paper that raise its forecast most, spelled as in its text.

        Words without a meaning of their own, parts of web addresses and other forms of a word
        already named are left out.
        """
        row, names = self._word_parts([paper]), list(self.words)
        order = np.argsort(-row.data, kind="stable")
        strongest = [names[row.indices[at]] for at in order if row.data[at] > 0]
        text = _ADDRESS.sub(" ", f"{paper.title}. {paper.abstract}")
        told: dict[str, str] = {}
        for word in strongest:
            spelled = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
            if spelled and word not in FILLER_WORDS and not word.isdigit():
                told.setdefault(word[:SAME_START], spelled[0])
        return list(told.values())[:count]

    def _word_parts(self, papers: Sequence[AnnouncedPaper]) -> Any:
        """Return the part of each word in the log-odds (papers x words, sparse)."""
        idf, weights = np.array(list(self.words.values())).T
        vectorizer = _make_vectorizer(vocabulary=list(self.words))
        vectorizer.idf_ = idf
        return vectorizer.transform([_text(paper) for paper in papers]).multiply(weights).tocsr()

    def as_json(self) -> dict[str, Any]:
        """Return the model as plain values for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Forecast:
        """Return the model that `as_json` gave."""
        words = {word: (idf, weight) for word, (idf, weight) in values["words"].items()}
        return cls(words, values["intercept"], values["record"], values["team"])


def describe_forecast(reason: Mapping[str, Sequence[str]]) -> str:
    """Return "Likely to trend (forecast): earlier papers by Ada were featured"."""
    described = describe_reason(reason)
    return _("Likely to trend (forecast): %(reason)s") % {"reason": described} if described else ""


def describe_reason(reason: Mapping[str, Sequence[str]]) -> str:
    """Return the authors and words behind a forecast; "" without any."""
    parts = []
    if authors := reason.get("authors"):
        names = join_names(authors)
        parts.append(_("earlier papers by %(names)s were featured") % {"names": names})
    if words := reason.get("words"):
        named = {"words": ", ".join(words)}
        parts.append(_("words typical of featured papers: %(words)s") % named)
    return "; ".join(parts)


def _is_settled(paper: AnnouncedPaper, until: date) -> bool:
    """Return whether it was known before `until` if the paper would be featured.

    A paper that was featured before its own announcement is not settled but known already.
    """
    is_early = paper.featured_on is not None and paper.featured_on < paper.day
    return paper.is_listed and paper.day <= until - SETTLED_AFTER and not is_early


def _was_featured(paper: AnnouncedPaper, until: date) -> bool:
    return paper.featured_on is not None and paper.featured_on < until


def _team_sizes(papers: Sequence[AnnouncedPaper]) -> Values:
    """Return the logarithm of the number of authors (papers)."""
    return np.log([max(len(paper.authors), 1) for paper in papers])


def _text(paper: AnnouncedPaper) -> str:
    """Return the text of a paper, with its title twice."""
    return f"{paper.title}. {paper.title}. {paper.abstract}"


def _make_vectorizer(**options: Any) -> TfidfVectorizer:
    # Imported here since scikit-learn takes a sixth of each process's start-up time and only
    # processes that learn or score need it.
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, stop_words="english", **options)
