from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching import similarity
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.selection import (
    FOR_YOU,
    NEAR_DUPLICATE,
    OUTSIDE,
    SECTIONS,
    SPARE,
    TODAY,
    TRENDING,
    VARIETY,
    Choice,
    DigestCandidates,
    Flags,
    Scores,
    Similarity,
    TopicCandidates,
    best_candidates,
    diversify,
    select_papers,
)
from subscriptions.matching.similarity import SimilarityCache
from tests.examples import examples


def similar_pairs(pairs: dict[tuple[int, int], float]) -> Similarity:
    """Return a similarity with these values for pairs of candidates, and 0 for others."""
    matrix = np.eye(20, dtype=np.float32)
    for (first, second), value in pairs.items():
        matrix[first, second] = matrix[second, first] = value
    return from_matrix(matrix)


def from_matrix(matrix: Scores) -> Similarity:
    return lambda positions, others: matrix[positions[:, None], others]


UNRELATED = similar_pairs({})


def reader_candidates(
    personal: list[float], trending: list[float], **values: Any
) -> DigestCandidates:
    count = len(personal)
    fields = np.asarray(values.get("fields", np.ones(count, bool)))
    defaults: dict[str, Any] = {
        **dict.fromkeys(("fresh", "open", "fields"), np.ones(count, bool)),
        "primary": np.where(fields, 0, 1),
        "own_fields": frozenset({0}),
    }
    own = {name: values.pop(name) for name in ("threshold", "has_interests") if name in values}
    topic = TopicCandidates(np.float32(personal), **own)
    return DigestCandidates([topic], np.float32(trending), **defaults | values)


def select(
    candidates: DigestCandidates, places: int, similarity: Similarity = UNRELATED
) -> list[Choice]:
    [choices] = select_papers([candidates], [places], similarity)
    return choices


def positions_of(
    candidates: DigestCandidates, places: int, similarity: Similarity = UNRELATED
) -> list[int]:
    return [choice.position for choice in select(candidates, places, similarity)]


def diversify_plainly(
    scores: Scores, eligible: Flags, places: int, before: list[int], matrix: Scores
) -> list[int]:
    """Choose papers one after the other: the definition of `best_candidates` and `diversify`."""
    ranked = sorted(np.flatnonzero(eligible).tolist(), key=lambda n: (-scores[n], n))
    left, chosen = ranked[: SPARE * places], []
    while len(chosen) < places:
        nearest = {n: max((matrix[m, n] for m in [*before, *chosen]), default=0.0) for n in left}
        left = [n for n in left if n not in chosen and nearest[n] <= NEAR_DUPLICATE]
        if not left:
            break
        chosen.append(max(left, key=lambda n: scores[n] * (1.0 - VARIETY * nearest[n])))
    return [n for n in ranked if n in chosen]


def similarity_plainly(term_rows: Scores, embeddings: Scores) -> Scores:
    """Return the similarity of all pairs: the definition of `SimilarityCache`."""
    norms = np.linalg.norm(term_rows, axis=1, keepdims=True)
    rows = term_rows / np.where(norms > 0, norms, 1.0)
    terms = np.minimum(rows @ rows.T, 1.0)
    if not embeddings.shape[1]:
        return terms
    return (terms + np.maximum(embeddings @ embeddings.T, 0.0)) / 2.0


generators = st.integers(0, 2**31).map(np.random.default_rng)


@settings(deadline=None, max_examples=examples(60))
@given(generators, st.lists(st.integers(0, 12), min_size=1, max_size=6))
def test_readers_together_get_what_the_plain_algorithm_chooses(
    rng: np.random.Generator, places: list[int]
) -> None:
    count = 40
    drawn = rng.random((count, count), dtype=np.float32)
    matrix = np.maximum(drawn, drawn.T)
    scores = rng.integers(1, 9, (len(places), count)).astype(np.float32) / 8  # many ties
    eligible = rng.random((len(places), count)) > 0.3
    before = [rng.permutation(count)[: rng.integers(0, 4)].tolist() for _ in places]
    candidates = best_candidates(eligible, scores, np.array(places), before)
    assert diversify(candidates, from_matrix(matrix)) == [
        diversify_plainly(*row, matrix)
        for row in zip(scores, eligible, places, before, strict=True)
    ]


@settings(deadline=None, max_examples=examples(40))
@given(generators, st.sampled_from([0, 4]))
def test_cached_similarities_are_those_of_the_plain_formula(
    rng: np.random.Generator, width: int
) -> None:
    term_rows = rng.random((9, 12), dtype=np.float32) * (rng.random((9, 12)) > 0.6)
    embeddings = rng.standard_normal((9, width), dtype=np.float32)
    embeddings /= np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-6)
    expected = similarity_plainly(term_rows, embeddings)
    cache = SimilarityCache(sparse.csr_matrix(term_rows), embeddings)
    assert cache(np.arange(4), np.empty((4, 0), np.int64)).shape == (4, 0)
    for _ in range(6):
        positions, others = rng.integers(9, size=5), rng.integers(9, size=(5, 4))
        assert np.allclose(
            cache(positions, others), expected[positions[:, None], others], atol=1e-5
        )


def test_own_papers_first_then_trending_then_one_from_outside() -> None:
    fields = np.array([True] * 9 + [False] * 3)
    chosen = select(reader_candidates([0.9] * 9 + [0.0] * 3, list(range(1, 13)), fields=fields), 10)
    assert [choice.section for choice in chosen] == [FOR_YOU] * 6 + [TRENDING] * 3 + [OUTSIDE]
    assert chosen[-1].position == 11


def test_papers_below_the_threshold_do_not_fill_places() -> None:
    chosen = select(reader_candidates([0.2, 0.6, 0.1], [0, 0, 0], threshold=0.5), 10)
    assert [choice.position for choice in chosen] == [1]


def test_papers_of_an_earlier_digest_are_not_for_you_again() -> None:
    chosen = select(reader_candidates([0.9, 0.8], [0, 0], fresh=np.array([False, True])), 10)
    assert [choice.position for choice in chosen] == [1]


def test_a_single_place_goes_to_the_readers_own_interests() -> None:
    assert [choice.section for choice in select(reader_candidates([0.1, 0.2], [9, 9]), 1)] == [
        FOR_YOU
    ]


def test_the_better_of_two_near_duplicates_is_chosen() -> None:
    duplicates = reader_candidates([0.9, 0.8, 0.2], [0, 0, 0])
    assert positions_of(duplicates, 10, similar_pairs({(0, 1): 0.9})) == [0, 2]


def test_a_near_duplicate_of_a_paper_for_you_is_not_shown_as_trending() -> None:
    duplicates = reader_candidates([0.9, 0.0, 0.0], [0, 9, 5])
    assert positions_of(duplicates, 10, similar_pairs({(0, 1): 0.9})) == [0, 2]


def test_a_flood_on_one_subject_leaves_room_for_a_paper_nearly_as_good() -> None:
    flood = {(n, m): 0.6 for n in range(6) for m in range(n)}
    scores = [0.80, 0.79, 0.78, 0.77, 0.76, 0.75, 0.70, 0.30]
    candidates = reader_candidates(scores, [0] * 8)
    assert positions_of(candidates, 4, similar_pairs(flood)) == [0, 1, 6], (
        "three places for you, one to trend"
    )


def test_diversification_adds_nothing_below_the_threshold() -> None:
    flood = {(n, m): 0.6 for n in range(6) for m in range(n)}
    candidates = reader_candidates([0.8] * 6 + [0.3], [0] * 7, threshold=0.5)
    assert positions_of(candidates, 10, similar_pairs(flood)) == [0, 1, 2, 3, 4, 5]


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, 30, elements=st.floats(-1, 1, width=32)),
    generators,
    st.integers(1, 30),
)
def test_barred_seen_and_duplicate_papers_are_never_chosen(
    personal: Any, random: np.random.Generator, places: int
) -> None:
    drawn = random.random((30, 30), dtype=np.float32)
    matrix = np.maximum(drawn, drawn.T)
    candidates = DigestCandidates(
        topics=[TopicCandidates(personal, threshold=0.2)],
        trending=random.random(30, dtype=np.float32),
        fresh=random.random(30) > 0.5,
        open=random.random(30) > 0.5,
        fields=random.random(30) > 0.5,
        primary=random.integers(0, 3, 30),
        own_fields=frozenset({0}),
    )
    chosen = select(candidates, places, from_matrix(matrix))
    positions = [choice.position for choice in chosen]
    for_you = [choice.position for choice in chosen if choice.section == FOR_YOU]
    assert all(personal[n] > 0.2 and candidates.fresh[n] for n in for_you)
    trending = [choice.position for choice in chosen if choice.section == TRENDING]
    assert all(candidates.trending[n] > 0 and candidates.fields[n] for n in trending)
    outside = [choice.position for choice in chosen if choice.section == OUTSIDE]
    reader_fields = {0, *candidates.primary[for_you].tolist()}
    assert all(candidates.trending[n] > 0 and not candidates.fields[n] for n in outside)
    assert not reader_fields & set(candidates.primary[outside].tolist())
    assert sorted(personal[for_you], reverse=True) == list(personal[for_you]), "best first"
    other_similarities = matrix[np.ix_(positions, positions)] * (1 - np.eye(len(positions)))
    assert (other_similarities <= NEAR_DUPLICATE).all()
    assert len(positions) == len(set(positions)) <= places
    assert all(candidates.open[n] and candidates.topics[0].scores[n] >= 0 for n in positions)


def test_readers_get_the_same_papers_together_and_alone() -> None:
    random = np.random.default_rng(7)
    drawn = random.random((60, 60), dtype=np.float32)
    matrix_similarity, places = from_matrix(np.maximum(drawn, drawn.T)), [0, 1, 4, 5, 10, 20, 60]
    readers = [
        DigestCandidates(
            topics=[
                TopicCandidates(
                    random.random(60, dtype=np.float32) - np.float32(0.3),
                    threshold=0.1 * number,
                    max_papers=None if extra else 3,
                )
                for extra in range(1 + number % 3)
            ],
            trending=random.random(60, dtype=np.float32) * (random.random(60) > 0.5),
            fresh=random.random(60) > 0.2,
            open=random.random(60) > 0.1 * number,
            fields=random.random(60) > 0.5,
            primary=random.integers(0, 4, 60),
            own_fields=frozenset({number % 4}),
            pinned=[3, 50][: number % 3],
        )
        for number, _ in enumerate(places)
    ]
    alone = [select(*reader, matrix_similarity) for reader in zip(readers, places, strict=True)]
    assert select_papers(readers, places, matrix_similarity) == alone
    assert select_papers([], [], matrix_similarity) == []
    assert not alone[0]
    assert alone[-1]


def test_rows_are_cached_for_frequent_candidates_up_to_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    papers = [PaperText(str(n), f"one two three word{n % 3} word{n}") for n in range(9)]
    candidates = Candidates.prepare(Lexicon.learn(papers), papers)
    expected = (candidates.lookups.term_rows @ candidates.lookups.term_rows.T).toarray()
    monkeypatch.setattr(similarity, "MAX_CACHED", 4 * 9)
    cache = SimilarityCache(candidates.lookups.term_rows, candidates.embeddings)
    random = np.random.default_rng(3)
    for _ in range(20):
        positions, others = random.integers(9, size=5), random.integers(9, size=(5, 4))
        assert np.allclose(
            cache(positions, others), expected[positions[:, None], others], atol=1e-6
        )
    assert (cache._row_numbers >= 0).sum() == cache._row_count == 4


def test_without_named_fields_the_section_is_called_trending_today() -> None:
    candidates = reader_candidates([0.9, 0, 0], [1, 2, 3], named_fields=False)
    assert [choice.section for choice in select(candidates, 4)] == [FOR_YOU, TODAY]
    assert SECTIONS[TODAY] == "Trending today"


def test_something_different_has_another_primary_field_than_papers_for_you() -> None:
    everywhere = {"named_fields": False, "own_fields": frozenset(), "primary": np.arange(6) // 2}
    candidates = reader_candidates([0.9, 0, 0, 0, 0, 0], [0, 3, 4, 2, 1, 1], **everywhere)
    sections = {choice.position: choice.section for choice in select(candidates, 5)}
    [different] = [position for position, section in sections.items() if section == OUTSIDE]
    assert different // 2 != 0
    nothing = reader_candidates([0.0] * 6, [0, 3, 4, 2, 1, 1], **everywhere)
    assert OUTSIDE not in {choice.section for choice in select(nothing, 5)}


def test_a_reader_with_fields_only_gets_trending_papers_in_all_places() -> None:
    fields = np.array([True] * 9 + [False])
    candidates = reader_candidates(
        [0.0] * 10, list(range(1, 11)), fields=fields, has_interests=False
    )
    sections = [choice.section for choice in select(candidates, 6)]
    assert sections == [TRENDING] * 5 + [OUTSIDE]


def test_a_paper_without_a_score_is_not_for_you_at_any_threshold() -> None:
    assert select(reader_candidates([0.0, 0.4], [0, 0], threshold=-1.0), 10) == [
        Choice(1, FOR_YOU, pytest.approx(0.4), 0)
    ]


def test_pinned_papers_that_are_barred_or_were_sent_are_left_out() -> None:
    seen = np.array([True, True, False, True])
    candidates = reader_candidates([-1.0, 0.4, 0.3, 0.2], [0] * 4, pinned=[0, 2, 3], open=seen)
    assert [choice.position for choice in select(candidates, 10)] == [3, 1]
