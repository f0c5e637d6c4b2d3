from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pytest

from papers.ranking.forecast import MIN_FEATURED, SETTLED_AFTER, Forecast, describe_forecast
from papers.ranking.hit_rate import HitRate, count_hits
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
    assert [model.telling_words(paper, 3) for paper in new[:2]] == [["Robots"], []]
    assert Forecast.from_json(json.loads(json.dumps(model.as_json()))) == model


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


def test_a_reason_names_words_of_the_text_but_no_address_and_no_filler() -> None:
    words = dict.fromkeys(("agents", "agentic", "rl", "new", "github", "lean"), (1.0, 1.0))
    paper = AnnouncedPaper("New Agents for agentic RL", "See https://github.com/lean/x.", (), START)
    assert set(Forecast(words | {"dull": (1.0, -1.0)}).telling_words(paper, 5)) == {"Agents", "RL"}
    assert describe_forecast({"authors": ["Ada One"], "words": ["Agents", "RL"]}) == (
        "Likely to trend (forecast): earlier papers by Ada One were featured; "
        "words typical of featured papers: Agents, RL"
    )
    assert describe_forecast({}) == ""


def test_hits_are_papers_featured_within_a_week() -> None:
    week, listed = timedelta(days=7), START
    outcomes = [(0.6, listed + week), (0.6, listed + week + timedelta(days=1)), (0.4, listed)]
    hits = count_hits([(chance, listed, featured) for chance, featured in outcomes], UNTIL)
    assert (hits.papers, hits.featured, hits.likely, hits.hits) == (3, 2, 2, 1)
    assert hits.last == UNTIL - week
    assert HitRate.from_json(json.loads(json.dumps(hits.as_json()))) == hits


@pytest.mark.parametrize(
    ("hits", "likely", "better"), [(8, 30, True), (3, 30, False), (15, 15, False)]
)
def test_few_or_lucky_hits_are_not_better_than_chance(hits: int, likely: int, better: bool) -> None:
    rate = HitRate(START, UNTIL, papers=1000, featured=60, likely=likely, hits=hits)
    assert rate.beats_chance == better
