from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from papers.lexicon import Lexicon, PaperText
from subscriptions.composition import (
    FOR_YOU,
    OUTSIDE,
    TRENDING,
    TWINS,
    Alike,
    Scores,
    Shelf,
    compose,
)
from subscriptions.matching import Candidates


def unlike(positions: Sequence[int]) -> Callable[[int], Scores]:
    return lambda one: np.float32([one == other for other in positions])


def like(pairs: dict[tuple[int, int], float]) -> Alike:
    """Candidates of which these pairs say the same to some degree, and no others."""
    whole = np.eye(20, dtype=np.float32)
    for (one, other), degree in pairs.items():
        whole[one, other] = whole[other, one] = degree
    return lambda positions: lambda one: whole[one, positions]


def shelf(personal: list[float], trending: list[float], **given: Any) -> Shelf:
    count = len(personal)
    values: dict[str, Any] = {
        "fresh": np.ones(count, bool),
        "open": np.ones(count, bool),
        "fields": np.ones(count, bool),
        "threshold": 0.0,
        "alike": unlike,
    }
    return Shelf(np.float32(personal), np.float32(trending), **(values | given))


def test_own_papers_first_then_trending_then_one_from_outside() -> None:
    fields = np.array([True] * 9 + [False] * 3)
    chosen = compose(shelf([0.9] * 9 + [0.0] * 3, list(range(1, 13)), fields=fields), 10)
    assert [one.section for one in chosen] == [FOR_YOU] * 6 + [TRENDING] * 3 + [OUTSIDE]
    assert chosen[-1].position == 11


def test_what_falls_below_the_threshold_is_not_padded() -> None:
    chosen = compose(shelf([0.2, 0.6, 0.1], [0, 0, 0], threshold=0.5), 10)
    assert [one.position for one in chosen] == [1]


def test_news_the_reader_was_offered_before_is_not_for_you_again() -> None:
    chosen = compose(shelf([0.9, 0.8], [0, 0], fresh=np.array([False, True])), 10)
    assert [one.position for one in chosen] == [1]


def test_one_place_goes_to_the_reader_not_to_the_crowd() -> None:
    assert [one.section for one in compose(shelf([0.1, 0.2], [9, 9]), 1)] == [FOR_YOU]


def positions_of(offered: Shelf, places: int) -> list[int]:
    return [one.position for one in compose(offered, places)]


def test_of_two_papers_that_say_the_same_the_better_one_stands() -> None:
    twins = shelf([0.9, 0.8, 0.2], [0, 0, 0], alike=like({(0, 1): 0.9}))
    assert positions_of(twins, 10) == [0, 2]


def test_a_twin_of_a_paper_for_you_does_not_trend_beside_it() -> None:
    twins = shelf([0.9, 0.0, 0.0], [0, 9, 5], alike=like({(0, 1): 0.9}))
    assert positions_of(twins, 10) == [0, 2]


def test_a_flood_on_one_subject_leaves_room_for_a_paper_nearly_as_good() -> None:
    flood = {(one, other): 0.6 for one in range(6) for other in range(one)}
    scores = [0.80, 0.79, 0.78, 0.77, 0.76, 0.75, 0.70, 0.30]
    offered = shelf(scores, [0] * 8, alike=like(flood))
    assert positions_of(offered, 4) == [0, 1, 6], "three places for you, one to trend"


def test_variety_brings_nothing_below_the_threshold_and_pads_nothing() -> None:
    flood = {(one, other): 0.6 for one in range(6) for other in range(one)}
    offered = shelf([0.8] * 6 + [0.3], [0] * 7, alike=like(flood), threshold=0.5)
    assert positions_of(offered, 10) == [0, 1, 2, 3, 4, 5]


flags = st.integers(0, 2**31).map(np.random.default_rng)


@given(
    arrays.arrays(np.float32, 30, elements=st.floats(-1, 1, width=32)), flags, st.integers(1, 30)
)
def test_nothing_barred_or_seen_or_double_is_ever_chosen(
    personal: Any, random: np.random.Generator, places: int
) -> None:
    drawn = random.random((30, 30), dtype=np.float32)
    likeness = np.maximum(drawn, drawn.T)
    offered = Shelf(
        personal=personal,
        trending=random.random(30, dtype=np.float32),
        fresh=random.random(30) > 0.5,
        open=random.random(30) > 0.5,
        fields=random.random(30) > 0.5,
        threshold=0.2,
        alike=lambda positions: lambda one: likeness[one, positions],
    )
    chosen = compose(offered, places)
    positions = [one.position for one in chosen]
    for_you = [one.position for one in chosen if one.section == FOR_YOU]
    assert all(personal[one] > 0.2 for one in for_you)
    assert sorted(personal[for_you], reverse=True) == list(personal[for_you]), "best first"
    apart = likeness[np.ix_(positions, positions)] * (1 - np.eye(len(positions)))
    assert (apart <= TWINS).all()
    assert len(positions) == len(set(positions)) <= places
    assert all(offered.open[one] and offered.personal[one] >= 0 for one in positions)


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
        alike = Candidates(known.lexicon, known.papers, known.sparse_rows, meanings).alike
        for one in (3, 0, 3):
            assert np.allclose(alike([6, 3, 2])(one), wanted[one, [6, 3, 2]], atol=2e-3)
            assert alike([])(one).shape == (0,)
