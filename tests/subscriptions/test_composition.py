from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from subscriptions.composition import FOR_YOU, OUTSIDE, TRENDING, Shelf, compose


def shelf(personal: list[float], trending: list[float], **given: Any) -> Shelf:
    count = len(personal)
    values: dict[str, Any] = {
        "fresh": np.ones(count, bool),
        "open": np.ones(count, bool),
        "fields": np.ones(count, bool),
        "threshold": 0.0,
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


flags = st.integers(0, 2**31).map(np.random.default_rng)


@given(
    arrays.arrays(np.float32, 30, elements=st.floats(-1, 1, width=32)), flags, st.integers(1, 30)
)
def test_nothing_barred_or_seen_or_double_is_ever_chosen(
    personal: Any, random: np.random.Generator, places: int
) -> None:
    offered = Shelf(
        personal=personal,
        trending=random.random(30, dtype=np.float32),
        fresh=random.random(30) > 0.5,
        open=random.random(30) > 0.5,
        fields=random.random(30) > 0.5,
        threshold=0.2,
    )
    positions = [one.position for one in compose(offered, places)]
    assert len(positions) == len(set(positions)) <= places
    assert all(offered.open[one] and offered.personal[one] >= 0 for one in positions)
