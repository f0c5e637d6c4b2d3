from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import log2

import numpy as np
import pytest

from papers.ranking.trending import (
    PICK,
    Signals,
    describe_parts,
    describe_popularity,
    popularity_reasons,
    score,
    trending_heat,
)

NOW = datetime(2026, 4, 30, 12, tzinfo=UTC)
PLAIN = Signals(votes=20, comments=3, stars=100, authors=4)


@pytest.mark.parametrize("name", ["votes", "comments", "stars", "mentions", "reactions"])
def test_each_signal_raises_heat_with_decreasing_effect(name: str) -> None:
    few, some, many = (trending_heat(replace(PLAIN, **{name: n})).total for n in (10, 20, 30))
    assert few < some < many
    assert many - some < some - few


def test_a_day_of_age_costs_one_doubling_and_no_old_score_changes() -> None:
    today = NOW.date()
    assert score(5.0, today) == score(6.0, today - timedelta(days=1))
    assert score(0.0, today) == 0, "a paper without heat has no score"


def test_long_author_lists_cost_at_most_half_the_votes() -> None:
    long, longest = (trending_heat(replace(PLAIN, authors=n)) for n in (300, 10**9))
    assert trending_heat(PLAIN).total > long.total > longest.total
    assert trending_heat(replace(PLAIN, authors=6)).total == trending_heat(PLAIN).total
    assert trending_heat(Signals(votes=2, authors=10**9)).parts["own_part"] == -1


def test_a_paper_without_signals_has_no_heat() -> None:
    assert trending_heat(Signals(authors=3303)).total == 0
    assert trending_heat(Signals(mentions=1)).total > 0, "a place lists it"


def test_a_curators_pick_ranks_above_sixty_votes() -> None:
    assert trending_heat(Signals(picked=True)).total == PICK
    assert (
        trending_heat(Signals(votes=1, picked=True)).total > trending_heat(Signals(votes=60)).total
    )


def test_the_parts_add_up_to_the_heat() -> None:
    parts = trending_heat(replace(PLAIN, picked=True, authors=40)).parts
    votes = sum(value for name, value in parts.items() if name.endswith("_part")) - PICK
    assert log2(1 + votes) + PICK == pytest.approx(
        trending_heat(replace(PLAIN, picked=True, authors=40)).total, abs=0.01
    )


def test_described_parts_leave_out_zeros() -> None:
    assert describe_parts(trending_heat(replace(PLAIN, votes=1, comments=0, stars=1204)).parts) == (
        "1 vote · 1,204 stars"
    )
    assert describe_parts(trending_heat(replace(PLAIN, picked=True)).parts).startswith(
        "Curator's pick"
    )
    assert describe_parts({}) == ""


def test_popularity_is_stated_as_a_reason() -> None:
    voted = {"votes": 69, "comments": 1}
    assert describe_popularity(voted, is_today=True) == "Popular today (69 votes, 1 comment)"
    assert describe_popularity(voted, is_today=False) == "Popular this week (69 votes, 1 comment)"
    assert describe_popularity({"picked": True}, is_today=True) == "Curator's pick"
    assert describe_popularity(voted | {"picked": True}, is_today=True) == (
        "Curator's pick; popular today (69 votes, 1 comment)"
    )
    assert describe_popularity({}, is_today=True) == ""
    assert describe_popularity(voted, is_today=False) in popularity_reasons(voted)


def test_scores_of_this_decade_differ_in_single_precision() -> None:
    day = date(2029, 12, 31)
    assert np.float32(score(5.01, day)) > np.float32(score(5.0, day))
