"""What is grounds for sending a paper to a reader, and what reaches their threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.candidates import Candidates, Scores
from subscriptions.matching.match import (
    HALF_SCORE_SIMILARITY as HALF,
)
from subscriptions.matching.match import (
    MIN_EXAMPLE_SCORE,
    MIN_TYPED_COSINE,
    Match,
    match_profiles,
)
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import TYPED_EMBEDDING_WEIGHT, ProfileVectors

USUAL = [
    PaperText(str(n), f"{'Tidal' if n % 2 else 'Lunar'} sediment", "Currents.") for n in range(400)
]
PAPERS = [
    PaperText("one", "Tidal stones", "", ("cs.AI",), ("Ada Example",)),
    PaperText("both", "Tidal stones, lunar ones", "", ("cs.CL",), ("Bo Example",)),
    PaperText("rare", "Foraminifera", "", ("cs.CV",), ("Cy Example",)),
]
CANDIDATES = Candidates.prepare(Lexicon.learn(USUAL), PAPERS)
LONG = "we look at tidal or else lunar things and foraminifera"


def matched(**said: Any) -> Match:
    [found] = match_profiles([Profile(**said)], CANDIDATES)
    return found


def grounded(**said: Any) -> set[str]:
    found = matched(**said)
    assert (found.personal[~found.grounds] == 0).all()
    assert (found.personal[found.grounds] == found.scores[found.grounds]).all()
    return {paper.key for paper, has in zip(PAPERS, found.grounds, strict=True) if has}


def in_space(profile: Profile, meant: list[float], papers: Scores) -> Match:
    """One reader of this direction of meaning, who shares no term with any paper."""
    candidates = replace(CANDIDATES, embeddings=np.asarray(papers, np.float32))
    taste = ProfileVectors.of_profiles([profile], candidates.lexicon)
    nothing = sparse.csr_matrix(taste.sparse_rows.shape, dtype=np.float32)
    taste = replace(taste, sparse_rows=nothing, embeddings=np.asarray([meant], np.float32))
    [found] = match_profiles([profile], candidates, taste)
    return found


def test_one_usual_word_is_too_little_two_or_a_rare_one_are_enough() -> None:
    assert matched(text=LONG).scores[0] > 0
    assert grounded(text=LONG) == {"both", "rare"}


def test_typed_text_is_close_from_half_a_cosine_on() -> None:
    cosines = [MIN_TYPED_COSINE - 0.01, MIN_TYPED_COSINE + 0.01, 0.0]
    papers = np.array([[one, np.sqrt(1 - one**2)] for one in cosines])
    found = in_space(Profile(text="anemones"), [TYPED_EMBEDDING_WEIGHT, 0.0], papers)
    assert found.scores[0] > 0
    assert found.grounds.tolist() == [False, True, False]


def test_an_example_is_close_from_a_fixed_score_on() -> None:
    scores = np.array([MIN_EXAMPLE_SCORE - 0.01, MIN_EXAMPLE_SCORE + 0.01, 0.0])
    likeness = HALF * scores / (1 - scores)
    papers = np.stack([likeness, np.zeros(3)], axis=1)
    found = in_space(Profile(liked=(PaperText("l", "Anemones"),)), [1.0, 0.0], papers)
    assert np.allclose(found.scores, scores, atol=1e-5)
    assert found.grounds.tolist() == [False, True, False]


def test_a_followed_author_and_one_of_a_liked_paper_are_grounds_a_category_is_none() -> None:
    liked = PaperText("l", "Anemones", "", (), ("Bo Example",))
    assert grounded(authors=("Ada Example",)) == {"one"}
    assert grounded(liked=(liked,), shared_authors=True) == {"both"}
    assert grounded(liked=(liked,)) == set()
    assert matched(categories=("cs.CV",)).scores[2] > 0
    assert grounded(categories=("cs.CV",)) == set()


@pytest.mark.parametrize(
    "barred", [{"excluded_words": ("stones",)}, {"muted_authors": ("Ada Example",)}]
)
def test_what_is_barred_stays_below_zero_without_grounds_and_with_them(
    barred: dict[str, Any],
) -> None:
    for said in ({"text": "nothing of this"}, {"text": "tidal"}, {"authors": ("Ada Example",)}):
        found = matched(**said, **barred)
        assert found.scores[0] < 0
        assert found.personal[0] < 0
        assert 0 not in found.top(3)


def test_the_first_are_those_that_reach_the_readers_threshold() -> None:
    scores = matched(text=LONG).scores
    order = np.argsort(-scores, kind="stable")
    least = float(scores[order[1]])
    assert matched(text=LONG).top(3) == order.tolist()
    assert matched(text=LONG, threshold=least).top(3) == order[:2].tolist()
    assert matched(text=LONG, threshold=least).threshold == least
    assert matched(text="anemones").top(3) == [], "nothing is padded"
    assert matched(text=LONG).top(1) == order[:1].tolist()
    assert matched(text=LONG).top(0) == []
