"""Grounds for calling a paper "for you", and the reader's threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.quantized_rows import QuantizedRows
from papers.vectors.terms import term_ids
from subscriptions.matching import profile_vectors
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


def match_for(**inputs: Any) -> Match:
    [match] = match_profiles([Profile(**inputs)], CANDIDATES)
    return match


def keys_with_grounds(**inputs: Any) -> set[str]:
    match = match_for(**inputs)
    assert (match.personal[~match.grounds] == 0).all()
    assert (match.personal[match.grounds] == match.scores[match.grounds]).all()
    return {paper.key for paper, is_good in zip(PAPERS, match.grounds, strict=True) if is_good}


def match_embeddings(profile: Profile, embedding: list[float], papers: Scores) -> Match:
    """Match a reader with this embedding, who shares no term with any paper."""
    candidates = replace(CANDIDATES, embeddings=np.asarray(papers, np.float32))
    vectors = ProfileVectors.of_profiles([profile], candidates.lexicon)
    no_terms = sparse.csr_matrix(vectors.sparse_rows.shape, dtype=np.float32)
    vectors = replace(
        vectors,
        sparse_rows=no_terms,
        embeddings=np.asarray([embedding], np.float32),
        embedded_shares=np.ones(1, np.float32),
    )
    [match] = match_profiles([profile], candidates, vectors)
    return match


def test_two_common_words_or_a_rare_one_are_grounds_but_not_one_common_word() -> None:
    assert match_for(text=LONG).scores[0] > 0
    assert keys_with_grounds(text=LONG) == {"both", "rare"}


def match_with_embeddings(text: str) -> set[str]:
    """Return the papers for a reader, all of which have embeddings far from the text's."""
    candidates = replace(CANDIDATES, embeddings=np.zeros((len(PAPERS), 2), np.float32))
    vectors = ProfileVectors.of_profiles([Profile(text=text)], candidates.lexicon)
    vectors = replace(vectors, embeddings=np.zeros((1, 2), np.float32))
    [match] = match_profiles([Profile(text=text)], candidates, vectors)
    return {paper.key for paper, is_good in zip(PAPERS, match.grounds, strict=True) if is_good}


def test_the_common_word_of_a_typed_phrase_is_no_grounds_and_the_rare_one_is() -> None:
    assert match_with_embeddings("tidal foraminifera, anemones") == {"rare"}


def test_two_words_are_no_grounds_in_a_paper_that_fits_badly() -> None:
    assert match_with_embeddings(LONG) == {"rare"}


def test_a_paper_with_all_of_the_only_phrase_needs_no_score() -> None:
    assert match_with_embeddings("tidal") == {"one", "both"}
    assert match_with_embeddings("tidal, lunar sediment") == set()


def test_typed_text_is_close_from_a_cosine_of_one_half() -> None:
    cosines = [MIN_TYPED_COSINE - 0.01, MIN_TYPED_COSINE + 0.01, 0.0]
    papers = np.array([[cosine, np.sqrt(1 - cosine**2)] for cosine in cosines])
    match = match_embeddings(Profile(text="anemones"), [TYPED_EMBEDDING_WEIGHT, 0.0], papers)
    assert match.scores[0] > 0
    assert match.grounds.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("text", "is_enough"),
    [
        ("currents anemones urchins", False),
        ("currents anemones", True),
        ("the anemones of currents", True),  # stop words don't count
        ("currents, anemones, urchins", False),
        ("anemones", False),
        ("tidal anemones", False),
        ("anemones, urchins, tidal sediment", True),  # a pair with an embedding
        ("currents models, anemones, urchins", False),  # other fillers don't count
        ("large models", False),
    ],
)
def test_meaning_is_grounds_if_half_of_the_typed_words_have_one(
    text: str, *, is_enough: bool
) -> None:
    lexicon = CANDIDATES.lexicon
    _tidal, _sediment, pair = term_ids("tidal sediment")
    ids = np.append(term_ids("currents, lunar"), pair)
    known = lexicon.unique_columns_of(ids).astype(np.int32)
    same = QuantizedRows.quantize(np.ones((len(known), 4), np.float32))
    lexicon = replace(lexicon, embedded_columns=known, embeddings=same)
    candidates = Candidates.prepare(lexicon, [PaperText("near", "Lunar")])
    [match] = match_profiles([Profile(text=text)], candidates)
    assert match.grounds[0] == is_enough


def test_an_example_is_close_from_a_fixed_score() -> None:
    scores = np.array([MIN_EXAMPLE_SCORE - 0.01, MIN_EXAMPLE_SCORE + 0.01, 0.0])
    similarity = HALF * scores / (1 - scores)
    papers = np.stack([similarity, np.zeros(3)], axis=1)
    match = match_embeddings(Profile(liked=(PaperText("l", "Anemones"),)), [1.0, 0.0], papers)
    assert np.allclose(match.scores, scores, atol=1e-5)
    assert match.grounds.tolist() == [False, True, False]


def test_followed_and_shared_authors_are_grounds_but_not_categories() -> None:
    liked = PaperText("l", "Anemones", "", (), ("Bo Example",))
    assert keys_with_grounds(authors=("Ada Example",)) == {"one"}
    assert keys_with_grounds(liked=(liked,), shared_authors=True) == {"both"}
    assert keys_with_grounds(liked=(liked,)) == set()
    assert match_for(categories=("cs.CV",)).scores[2] > 0
    assert keys_with_grounds(categories=("cs.CV",)) == set()


@pytest.mark.parametrize(
    "barred", [{"excluded_words": ("stones",)}, {"muted_authors": ("Ada Example",)}]
)
def test_barred_papers_score_below_zero_with_and_without_grounds(
    barred: dict[str, Any],
) -> None:
    for inputs in ({"text": "nothing of this"}, {"text": "tidal"}, {"authors": ("Ada Example",)}):
        match = match_for(**inputs, **barred)
        assert match.scores[0] < 0
        assert match.personal[0] < 0
        assert 0 not in match.top(3)


def test_the_top_papers_reach_the_readers_threshold() -> None:
    scores = match_for(text=LONG).scores
    order = np.argsort(-scores, kind="stable")
    match = match_for(text=LONG)
    least = match.curve.share(float(scores[order[1]]) - 1e-4)
    assert match.top(3) == order.tolist()
    assert match_for(text=LONG, min_share=least).top(3) == order[:2].tolist()
    assert match_for(text="anemones").top(3) == [], "no padding"
    assert match_for(text=LONG).top(1) == order[:1].tolist()
    assert match_for(text=LONG).top(0) == []


def test_in_an_archive_short_texts_and_examples_are_turned_and_long_texts_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    subjects = [[f"word{n}" for n in range(start, start + 40)] for start in range(0, 200, 40)]
    texts = [" ".join(rng.choice(subjects[n % 5], 12)) for n in range(1200)]
    papers = [PaperText(str(n), text[:30], f"{text}. {text}.") for n, text in enumerate(texts)]
    candidates = Candidates.prepare(Lexicon.learn(papers), papers)
    monkeypatch.setattr(profile_vectors, "ARCHIVE_SIZE", len(papers))
    profiles = [
        Profile(text="word1 word2"),
        Profile(text="word1 word2 " * 40),
        Profile(liked=(papers[0], papers[1])),
    ]
    before = profile_vectors.ProfileVectors.of_profiles(profiles, candidates.lexicon)
    after = profile_vectors.vectors_with_feedback(profiles, candidates, None)
    is_same = [
        np.array_equal(a, b) for a, b in zip(before.embeddings, after.embeddings, strict=True)
    ]
    assert is_same == [False, True, False]
