from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching import similarity
from subscriptions.matching.match import Candidates
from subscriptions.matching.selection import (
    FOR_YOU,
    NEAR_DUPLICATE,
    OUTSIDE,
    SECTIONS,
    TODAY,
    TRENDING,
    Choice,
    ReaderCandidates,
    Scores,
    Similarities,
    select_papers,
)


def like(pairs: dict[tuple[int, int], float]) -> Similarities:
    """Candidates of which these pairs say the same to some degree, and no others."""
    whole = np.eye(20, dtype=np.float32)
    for (one, other), degree in pairs.items():
        whole[one, other] = whole[other, one] = degree
    return by(whole)


def by(whole: Scores) -> Similarities:
    return lambda ones, others: whole[ones[:, None], others]


UNLIKE = like({})


def shelf(personal: list[float], trending: list[float], **given: Any) -> ReaderCandidates:
    count = len(personal)
    values: dict[str, Any] = {
        "fresh": np.ones(count, bool),
        "open": np.ones(count, bool),
        "fields": np.ones(count, bool),
        "threshold": 0.0,
    }
    values |= given
    values.setdefault("primary", np.where(values["fields"], 0, 1))
    values.setdefault("own_fields", frozenset({0}))
    return ReaderCandidates(np.float32(personal), np.float32(trending), **values)


def composed(offered: ReaderCandidates, places: int, alike: Similarities = UNLIKE) -> list[Choice]:
    [chosen] = select_papers([offered], [places], alike)
    return chosen


def positions_of(offered: ReaderCandidates, places: int, alike: Similarities = UNLIKE) -> list[int]:
    return [one.position for one in composed(offered, places, alike)]


def test_own_papers_first_then_trending_then_one_from_outside() -> None:
    fields = np.array([True] * 9 + [False] * 3)
    chosen = composed(shelf([0.9] * 9 + [0.0] * 3, list(range(1, 13)), fields=fields), 10)
    assert [one.section for one in chosen] == [FOR_YOU] * 6 + [TRENDING] * 3 + [OUTSIDE]
    assert chosen[-1].position == 11


def test_what_falls_below_the_threshold_is_not_padded() -> None:
    chosen = composed(shelf([0.2, 0.6, 0.1], [0, 0, 0], threshold=0.5), 10)
    assert [one.position for one in chosen] == [1]


def test_news_the_reader_was_offered_before_is_not_for_you_again() -> None:
    chosen = composed(shelf([0.9, 0.8], [0, 0], fresh=np.array([False, True])), 10)
    assert [one.position for one in chosen] == [1]


def test_one_place_goes_to_the_reader_not_to_the_crowd() -> None:
    assert [one.section for one in composed(shelf([0.1, 0.2], [9, 9]), 1)] == [FOR_YOU]


def test_of_two_papers_that_say_the_same_the_better_one_stands() -> None:
    twins = shelf([0.9, 0.8, 0.2], [0, 0, 0])
    assert positions_of(twins, 10, like({(0, 1): 0.9})) == [0, 2]


def test_a_twin_of_a_paper_for_you_does_not_trend_beside_it() -> None:
    twins = shelf([0.9, 0.0, 0.0], [0, 9, 5])
    assert positions_of(twins, 10, like({(0, 1): 0.9})) == [0, 2]


def test_a_flood_on_one_subject_leaves_room_for_a_paper_nearly_as_good() -> None:
    flood = {(one, other): 0.6 for one in range(6) for other in range(one)}
    scores = [0.80, 0.79, 0.78, 0.77, 0.76, 0.75, 0.70, 0.30]
    offered = shelf(scores, [0] * 8)
    assert positions_of(offered, 4, like(flood)) == [0, 1, 6], "three places for you, one to trend"


def test_variety_brings_nothing_below_the_threshold_and_pads_nothing() -> None:
    flood = {(one, other): 0.6 for one in range(6) for other in range(one)}
    offered = shelf([0.8] * 6 + [0.3], [0] * 7, threshold=0.5)
    assert positions_of(offered, 10, like(flood)) == [0, 1, 2, 3, 4, 5]


flags = st.integers(0, 2**31).map(np.random.default_rng)


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, 30, elements=st.floats(-1, 1, width=32)), flags, st.integers(1, 30)
)
def test_nothing_barred_or_seen_or_double_is_ever_chosen(
    personal: Any, random: np.random.Generator, places: int
) -> None:
    drawn = random.random((30, 30), dtype=np.float32)
    likeness = np.maximum(drawn, drawn.T)
    offered = ReaderCandidates(
        personal=personal,
        trending=random.random(30, dtype=np.float32),
        fresh=random.random(30) > 0.5,
        open=random.random(30) > 0.5,
        fields=random.random(30) > 0.5,
        threshold=0.2,
        primary=random.integers(0, 3, 30),
        own_fields=frozenset({0}),
    )
    chosen = composed(offered, places, by(likeness))
    positions = [one.position for one in chosen]
    for_you = [one.position for one in chosen if one.section == FOR_YOU]
    assert all(personal[one] > 0.2 and offered.fresh[one] for one in for_you)
    trending = [one.position for one in chosen if one.section == TRENDING]
    assert all(offered.trending[one] > 0 and offered.fields[one] for one in trending)
    outside = [one.position for one in chosen if one.section == OUTSIDE]
    own = {0, *offered.primary[for_you].tolist()}
    assert all(offered.trending[one] > 0 and not offered.fields[one] for one in outside)
    assert not own & set(offered.primary[outside].tolist())
    assert sorted(personal[for_you], reverse=True) == list(personal[for_you]), "best first"
    apart = likeness[np.ix_(positions, positions)] * (1 - np.eye(len(positions)))
    assert (apart <= NEAR_DUPLICATE).all()
    assert len(positions) == len(set(positions)) <= places
    assert all(offered.open[one] and offered.personal[one] >= 0 for one in positions)


def test_readers_are_composed_for_together_as_they_are_alone() -> None:
    random = np.random.default_rng(7)
    drawn = random.random((60, 60), dtype=np.float32)
    alike, places = by(np.maximum(drawn, drawn.T)), [0, 1, 4, 5, 10, 20, 60]
    shelves = [
        ReaderCandidates(
            personal=random.random(60, dtype=np.float32) - np.float32(0.3),
            trending=random.random(60, dtype=np.float32) * (random.random(60) > 0.5),
            fresh=random.random(60) > 0.2,
            open=random.random(60) > 0.1 * number,
            fields=random.random(60) > 0.5,
            threshold=0.1 * number,
            primary=random.integers(0, 4, 60),
            own_fields=frozenset({number % 4}),
            pinned=[3, 50][: number % 3],
        )
        for number, _ in enumerate(places)
    ]
    alone = [composed(*one, alike) for one in zip(shelves, places, strict=True)]
    assert select_papers(shelves, places, alike) == alone
    assert select_papers([], [], alike) == []
    assert not alone[0]
    assert alone[-1]


def test_papers_say_the_same_as_far_as_they_share_terms_and_meaning() -> None:
    papers = [PaperText(str(n), f"one two three word{n % 3} word{n}") for n in range(7)]
    known = Candidates.prepare(Lexicon.learn(papers), papers)
    meant = np.random.default_rng(5).standard_normal((7, 4), dtype=np.float32)
    meant /= np.linalg.norm(meant, axis=1, keepdims=True)
    words = (known.lexical @ known.lexical.T).toarray()
    for meanings, wanted in (
        (known.meanings, words),
        (meant, (words + np.maximum(meant @ meant.T, 0.0)) / 2.0),
    ):
        alike = replace(known, meanings=meanings).alike
        ones, others = (
            np.array([3, 0, 5, 0]),
            np.array([[6, 3, 2], [0, 6, 6], [1, 2, 5], [3, 4, 5]]),
        )
        assert alike(ones, np.empty((4, 0), np.int64)).shape == (4, 0)
        for _asked_again in range(3):
            assert np.allclose(alike(ones, others), wanted[ones[:, None], others], atol=2e-3)


def test_likenesses_are_kept_of_what_is_asked_for_often_as_far_as_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    papers = [PaperText(str(n), f"one two three word{n % 3} word{n}") for n in range(9)]
    known = Candidates.prepare(Lexicon.learn(papers), papers)
    wanted = (known.lexical @ known.lexical.T).toarray()
    monkeypatch.setattr(similarity, "KEPT", 4 * 9)
    alike = similarity.SimilarityCache(known.lexical, known.meanings)
    random = np.random.default_rng(3)
    for _ in range(20):
        ones, others = random.integers(9, size=5), random.integers(9, size=(5, 4))
        assert np.allclose(alike(ones, others), wanted[ones[:, None], others], atol=1e-6)
    assert (alike._place >= 0).sum() == alike._made == 4


def test_without_named_fields_the_section_is_called_trending_today() -> None:
    offered = shelf([0.9, 0, 0], [1, 2, 3], named_fields=False)
    assert [one.section for one in composed(offered, 4)] == [FOR_YOU, TODAY]
    assert SECTIONS[TODAY] == "Trending today"


def test_something_different_is_of_another_primary_field_than_what_is_for_you() -> None:
    everywhere = {"named_fields": False, "own_fields": frozenset(), "primary": np.arange(6) // 2}
    offered = shelf([0.9, 0, 0, 0, 0, 0], [0, 3, 4, 2, 1, 1], **everywhere)
    sections = {one.position: one.section for one in composed(offered, 5)}
    [different] = [position for position, section in sections.items() if section == OUTSIDE]
    assert different // 2 != 0
    nothing = shelf([0.0] * 6, [0, 3, 4, 2, 1, 1], **everywhere)
    assert OUTSIDE not in {one.section for one in composed(nothing, 5)}


def test_a_reader_who_named_fields_alone_gets_what_trends_there_in_all_places() -> None:
    fields = np.array([True] * 9 + [False])
    offered = shelf([0.0] * 10, list(range(1, 11)), fields=fields, wishes=False)
    sections = [one.section for one in composed(offered, 6)]
    assert sections == [TRENDING] * 5 + [OUTSIDE]


def test_a_paper_that_scores_nothing_is_not_for_you_whatever_the_threshold() -> None:
    assert composed(shelf([0.0, 0.4], [0, 0], threshold=-1.0), 10) == [
        Choice(1, FOR_YOU, pytest.approx(0.4))
    ]


def test_a_pinned_paper_that_is_barred_or_was_sent_before_is_left_out() -> None:
    seen = np.array([True, True, False, True])
    offered = shelf([-1.0, 0.4, 0.3, 0.2], [0] * 4, pinned=[0, 2, 3], open=seen)
    assert [one.position for one in composed(offered, 10)] == [3, 1]
