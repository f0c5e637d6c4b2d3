"""In a whole archive the nearest papers say what the reader meant in more words than they did."""

from __future__ import annotations

import numpy as np
import pytest

from devtools.benchmarks import synthetic_text
from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching import profile_vectors
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import HALF_SCORE_SIMILARITY as HALF
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import ProfileVectors, vectors_with_feedback
from subscriptions.matching.reasons import explain_choices


@pytest.fixture(scope="module")
def papers() -> list[PaperText]:
    return synthetic_text.papers(1_200)


@pytest.fixture(scope="module")
def candidates(papers: list[PaperText]) -> Candidates:
    return Candidates.prepare(Lexicon.learn(papers), papers)


@pytest.fixture
def readers(papers: list[PaperText]) -> list[Profile]:
    return [Profile(text=papers[0].title), Profile(liked=tuple(papers[1:4]))]


def test_an_edition_is_matched_by_what_the_reader_said_alone(
    candidates: Candidates, readers: list[Profile]
) -> None:
    taste = ProfileVectors.of_profiles(readers, candidates.lexicon)
    assert vectors_with_feedback(readers, candidates, taste) is taste


def test_in_an_archive_the_direction_turns_to_the_nearest_papers(
    candidates: Candidates, readers: list[Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ProfileVectors.of_profiles(readers, candidates.lexicon)
    likeness = [
        np.argsort(-found.scores)[: profile_vectors.FEEDBACK_PAPERS]
        for found in match_profiles(readers, candidates)
    ]
    monkeypatch.setattr(profile_vectors, "ARCHIVE_SIZE", len(candidates.papers))
    focused = vectors_with_feedback(readers, candidates, plain)
    for row, nearest in enumerate(likeness):
        middle = candidates.embeddings[nearest].mean(axis=0)
        assert focused.embeddings[row] @ middle > plain.embeddings[row] @ middle


def test_reasons_stand_on_the_score_in_an_archive_too(
    candidates: Candidates, readers: list[Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_vectors, "ARCHIVE_SIZE", len(candidates.papers))
    taste = ProfileVectors.of_profiles(readers, candidates.lexicon)
    matches = match_profiles(readers, candidates, taste)
    tops = [found.top(5) for found in matches]
    for found, top, said in zip(
        matches, tops, explain_choices(readers, candidates, tops, taste), strict=True
    ):
        assert top
        for position, reason in zip(top, said, strict=True):
            likeness = sum(reason.parts[name] for name in ("words", "meaning", "fields"))
            assert likeness / (likeness + HALF) == pytest.approx(found.scores[position], abs=1e-4)
