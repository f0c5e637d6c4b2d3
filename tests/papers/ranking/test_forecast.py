from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from papers.ranking.forecast import MIN_FEATURED, SETTLED_AFTER, Forecast, ForecastError
from papers.ranking.track_records import AnnouncedPaper, records_until, team_records

START = date(2026, 3, 1)
UNTIL = START + timedelta(days=60)


def archive(days: int = 50) -> list[AnnouncedPaper]:
    """Return papers of several days; robots and papers by Ada are featured."""
    return [
        AnnouncedPaper(
            f"{'Robots' if number < 2 else 'Glaciers'} of kind {number}",
            "",
            ("ada" if number in (1, 2) else f"{day} {number}", "bo"),
            START + timedelta(days=day),
            START + timedelta(days=day + 1) if number < 3 else None,
        )
        for day in range(days)
        for number in range(20)
    ]


def test_words_and_earlier_features_of_authors_raise_a_forecast() -> None:
    papers = archive()
    model = Forecast.learn(papers, team_records(papers), UNTIL)
    assert model
    records = records_until(papers, UNTIL)
    new = [
        AnnouncedPaper(f"{name} again", "", authors, UNTIL)
        for name, authors in (
            ("Robots", ("cy",)),
            ("Glaciers", ("cy",)),
            ("Glaciers", ("ada",)),
        )
    ]
    teams = np.array([records.team_record(paper.authors) for paper in new])
    robots, glaciers, by_ada = model.log_odds(new, teams)
    assert robots > glaciers + 1
    assert by_ada > glaciers + 1
    assert model.telling_words(new, 3)[:2] == [["robots"], []]
    assert Forecast.loads(model.dumps()) == model


def test_nothing_is_learnt_from_what_was_not_known_yet() -> None:
    papers = archive()
    records = team_records(papers)
    later = START + timedelta(days=20)
    assert Forecast.learn(papers, records, later) is None, "40 featured papers are too few"
    first_day_enough = START + timedelta(days=MIN_FEATURED // 3) + SETTLED_AFTER
    known = [paper for paper in papers if paper.day <= first_day_enough - SETTLED_AFTER]
    model = Forecast.learn(papers, records, first_day_enough)
    assert model
    assert model == Forecast.learn(known, records[: len(known)], first_day_enough)


def test_a_track_record_ends_before_the_day_of_the_paper() -> None:
    day = timedelta(days=1)
    papers = [
        AnnouncedPaper("First", "", ("ada",), START, START),
        AnnouncedPaper("Second", "", ("ada",), START, START + day),
        AnnouncedPaper("Third", "", ("ada", "bo"), START + day),
        AnnouncedPaper("Fourth", "", ("ada",), START + 2 * day),
    ]
    first, second, third, fourth = team_records(papers)
    assert (first, second) == (0, 0)
    assert third == pytest.approx((1 / (2 + 3)) ** 0.5)
    assert fourth == pytest.approx((2 / (3 + 3)) ** 0.5)
    assert records_until(papers, START + day).features == {"ada": 1}


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1]", b"{}", b'{"words": {"a": ["x", "y"]}}'])
def test_invalid_bytes_raise_an_error(data: bytes) -> None:
    with pytest.raises(ForecastError):
        Forecast.loads(data)
