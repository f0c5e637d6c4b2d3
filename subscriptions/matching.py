"""What a reader would pick: profiles against the candidates of an edition, and why.

Pure and vectorised over a chunk of readers. The digest, the preview and the evaluation all call
`match`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.lexicon import Lexicon, PaperText, terms

Scores = NDArray[np.float32]

REASON_WORDS = 3
DISLIKED_SHARE = 0.5
AUTHOR_BOOST = 0.5
CATEGORY_BOOST = 0.05
HALF_COSINE = 0.12


@dataclass(frozen=True, slots=True)
class Profile:
    """What one reader asked for, as stored: raw inputs only, so that no lexicon makes it stale."""

    text: str = ""
    words: tuple[str, ...] = ()
    excluded_words: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()
    liked: tuple[PaperText, ...] = ()
    disliked: tuple[PaperText, ...] = ()
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """The papers of an edition, prepared once and shared by all its readers."""

    lexicon: Lexicon
    papers: tuple[PaperText, ...]
    lexical: sparse.csc_matrix

    @classmethod
    def prepare(cls, lexicon: Lexicon, papers: Sequence[PaperText]) -> "Candidates":
        return cls(lexicon, tuple(papers), lexicon.vectors(papers).T.tocsc())


@dataclass(frozen=True, slots=True)
class Match:
    """One reader's `scores` in [0, 1] by candidate; a barred candidate scores below zero."""

    scores: Scores
    threshold: float = 0.0

    def top(self, count: int) -> list[int]:
        """Positions of at most `count` candidates at or above the threshold, best first."""
        best = np.argsort(-self.scores, kind="stable")[:count]
        floor = max(self.threshold, 0.0)
        return [int(position) for position in best if self.scores[position] >= floor]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a paper was chosen: only parts that raised its score."""

    author: str = ""
    words: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    parts: dict[str, float] = field(default_factory=dict)

    def sentence(self) -> str:
        """The reason in plain English; empty when nothing in the profile speaks for the paper."""
        if self.author:
            return f"By {self.author}, whom you follow"
        if self.examples:
            return f"Close to “{self.examples[0]}”, which you liked"
        if self.words:
            return f"Matches your “{', '.join(self.words)}”"
        if self.categories:
            return f"In {', '.join(self.categories)}, which you follow"
        return ""


def match(
    profiles: Sequence[Profile], candidates: Candidates, *, text_only: bool = False
) -> list[Match]:
    """Every profile against every candidate; `text_only` leaves author boosts out."""
    if not profiles:
        return []
    wanted = sparse.vstack([_wish(profile, candidates.lexicon) for profile in profiles]).tocsr()
    cosines = (wanted @ candidates.lexical).toarray()
    scores = _calibrated(cosines)
    for row, profile in zip(scores, profiles, strict=True):
        if not text_only:
            _boost(row, profile, candidates.papers)
        row[_barred(profile, candidates.papers)] = -1.0
    return [Match(row, profile.threshold) for row, profile in zip(scores, profiles, strict=True)]


def reason(profile: Profile, candidates: Candidates, position: int) -> Reason:
    """Why `position` was chosen for `profile`."""
    paper = candidates.papers[position]
    followed = [name for name in profile.authors if _key(name) in map(_key, paper.authors)]
    shared = _shared_words(profile, paper, candidates.lexicon)
    closest = _closest(profile, candidates, position)
    fields = tuple(name for name in profile.categories if name in paper.categories)
    return Reason(followed[0] if followed else "", shared, closest, fields)


def _wish(profile: Profile, lexicon: Lexicon) -> sparse.csr_matrix:
    """A profile as one row of unit length: typed words and the mean example, less the disliked."""
    typed = PaperText("", ". ".join([profile.text, *profile.words]))
    rows = [lexicon.vectors([typed])]
    if profile.liked:
        rows.append(_mean(lexicon.vectors(profile.liked)))
    if profile.disliked:
        rows.append(-DISLIKED_SHARE * _mean(lexicon.vectors(profile.disliked)))
    wish = sparse.csr_matrix(sum(rows[1:], rows[0]))
    norm = sparse.linalg.norm(wish)
    return wish / norm if norm else wish


def _mean(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix(rows.mean(axis=0), dtype=np.float32)


def _calibrated(cosines: Scores) -> Scores:
    """Cosines to [0, 1), half at HALF_COSINE, the same on every day."""
    positive = np.maximum(cosines, 0.0)
    return np.asarray(positive / (positive + HALF_COSINE), dtype=np.float32)


def _boost(row: Scores, profile: Profile, papers: Sequence[PaperText]) -> None:
    names = {_key(name) for name in profile.authors}
    fields = set(profile.categories)
    for position, paper in enumerate(papers):
        if not names.isdisjoint(map(_key, paper.authors)):
            row[position] += (1.0 - row[position]) * AUTHOR_BOOST
        if not fields.isdisjoint(paper.categories):
            row[position] += (1.0 - row[position]) * CATEGORY_BOOST


def _barred(profile: Profile, papers: Sequence[PaperText]) -> NDArray[np.bool_]:
    """Candidates with an excluded word or a muted author, which win over everything."""
    muted = {_key(name) for name in profile.muted_authors}
    excluded = _phrases(profile.excluded_words)
    return np.array(
        [
            not muted.isdisjoint(map(_key, paper.authors))
            or (excluded is not None and bool(excluded.search(f"{paper.title}\n{paper.abstract}")))
            for paper in papers
        ],
        dtype=bool,
    )


def _phrases(phrases: Sequence[str]) -> re.Pattern[str] | None:
    asked = [r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases if phrase.strip()]
    return re.compile(rf"(?<!\w)(?:{'|'.join(asked)})(?!\w)", re.IGNORECASE) if asked else None


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _shared_words(profile: Profile, paper: PaperText, lexicon: Lexicon) -> tuple[str, ...]:
    present = set(terms(paper.title) + terms(paper.abstract))
    asked = dict.fromkeys(terms(". ".join([profile.text, *profile.words])))
    return tuple(term for term in asked if term in present)[:REASON_WORDS]


def _closest(profile: Profile, candidates: Candidates, position: int) -> tuple[str, ...]:
    if not profile.liked:
        return ()
    liked = candidates.lexicon.vectors(profile.liked)
    closeness = (liked @ candidates.lexical[:, [position]]).toarray().ravel()
    best = int(closeness.argmax())
    return (profile.liked[best].title,) if closeness[best] > 0 else ()
