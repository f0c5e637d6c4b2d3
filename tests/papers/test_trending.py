from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from papers.trending import Signals, in_words, score

NOW = datetime(2026, 4, 30, 12, tzinfo=UTC)
PLAIN = Signals(votes=20, comments=3, stars=100, authors=4, picked=False, day=NOW.date())


@pytest.mark.parametrize("name", ["votes", "comments", "stars"])
def test_more_talk_scores_higher_but_ever_less_so(name: str) -> None:
    few, some, many = (score(replace(PLAIN, **{name: n}), NOW).total for n in (10, 20, 30))
    assert few < some < many
    assert many - some < some - few


def test_the_score_halves_in_two_days() -> None:
    fresh, later = score(PLAIN, NOW).total, score(PLAIN, NOW + timedelta(days=2)).total
    assert later == pytest.approx(fresh / 2)


def test_a_long_author_list_is_no_advantage() -> None:
    assert score(replace(PLAIN, authors=300), NOW).total < score(PLAIN, NOW).total
    assert score(replace(PLAIN, authors=6), NOW).total == score(PLAIN, NOW).total


def test_nothing_known_scores_zero_and_no_score_is_negative() -> None:
    silent = Signals(0, 0, 0, authors=3303, picked=False, day=NOW.date())
    assert score(silent, NOW).total == 0


def test_a_curators_pick_stands_above_sixty_votes() -> None:
    picked = score(replace(PLAIN, votes=0, picked=True), NOW).total
    assert picked > score(replace(PLAIN, votes=60), NOW).total - 0.1


def test_a_paper_of_tomorrow_is_not_younger_than_now() -> None:
    assert score(replace(PLAIN, day=date(2026, 5, 1)), NOW).parts["decay"] == 1


def test_the_parts_add_up_to_the_score() -> None:
    result = score(PLAIN, NOW)
    parts = sum(value for name, value in result.parts.items() if name.endswith("_part"))
    assert parts * result.parts["decay"] == pytest.approx(result.total, rel=1e-3)


def test_figures_in_words_leave_out_what_is_not_there() -> None:
    assert in_words(score(replace(PLAIN, votes=1, comments=0, stars=1204), NOW).parts) == (
        "1 vote · 1,204 stars"
    )
    assert in_words(score(replace(PLAIN, picked=True), NOW).parts).startswith("Curator's pick")
    assert in_words({}) == ""
