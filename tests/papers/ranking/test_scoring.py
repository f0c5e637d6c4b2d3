from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from papers.models import Observation, Paper, Window
from papers.ranking import scoring

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


def test_scores_are_stored_with_their_parts(make_paper: MakePaper, now: datetime) -> None:
    paper = make_paper(votes=15, comments=1, site_votes=2)
    assert scoring.rescore(now) == 1
    paper.refresh_from_db()
    assert paper.heat > 0
    assert paper.score_parts["votes"] == 17
    assert paper.scored_at == now


def test_old_scores_are_not_updated(make_paper: MakePaper, now: datetime) -> None:
    make_paper(listed_on=now.date() - timedelta(days=60), votes=9, scored_at=now)
    assert scoring.rescore(now) == 0


def test_an_old_paper_without_a_score_is_scored(make_paper: MakePaper, now: datetime) -> None:
    make_paper(listed_on=now.date() - timedelta(days=600), votes=9)
    assert scoring.rescore(now) == 1
    assert scoring.rescore(now) == 0


def test_only_changed_rows_are_written(make_paper: MakePaper, now: datetime) -> None:
    for number in range(30):
        make_paper(f"Paper {number}", votes=5)
    moved = make_paper("Paper that moves", votes=5)
    scoring.rescore(now)
    Paper.objects.filter(pk=moved.pk).update(votes=6)
    later = now + timedelta(hours=30)
    scoring.rescore(later)
    assert list(Paper.objects.filter(scored_at=later)) == [moved]


def test_yesterdays_paper_ranks_lower_and_keeps_its_score(
    make_paper: MakePaper, now: datetime
) -> None:
    old = make_paper("Of yesterday", votes=40, listed_on=now.date() - timedelta(days=1))
    scoring.rescore(now)
    old.refresh_from_db()
    new = make_paper("Of today", votes=30, listed_on=now.date())
    scoring.rescore(now + timedelta(hours=1))
    assert list(Paper.objects.trending()) == [new, old]
    assert list(Paper.objects.hottest()) == [old, new]
    score = old.score
    old.refresh_from_db()
    assert old.score == score


def test_sources_and_reactions_are_part_of_the_score(make_paper: MakePaper, now: datetime) -> None:
    paper = make_paper(votes=30, stars=50, liked=3)
    for hours, kind in ((30, "hf-daily"), (1, "hf-daily"), (0, "readers")):
        at = now - timedelta(hours=hours)
        Observation.objects.create(paper=paper, kind=kind, observed_at=at, votes=10)
    scoring.rescore(now)
    paper.refresh_from_db()
    assert [paper.score_parts[name] for name in ("mentions", "reactions")] == [2, 3]


def test_papers_of_small_fields_stand_out_against_their_field(
    make_paper: MakePaper, now: datetime
) -> None:
    for number in range(30):
        make_paper(f"Vision {number}", votes=60, categories=["cs.CV"])
        make_paper(f"Knots {number}", votes=2, categories=["math.GT", "cs.CV"])
    knot = make_paper("A knot people talk about", votes=25, categories=["math.GT"])
    make_paper("Silent", categories=["math.GT"])
    scoring.rescore(now)
    assert Paper.objects.hottest()[0].field == "cs.CV"
    assert Paper.objects.outstanding()[0] == knot
    assert Paper.objects.fields() == [("math.GT", 32), ("cs.CV", 30)]


def test_a_window_ends_with_its_day(make_paper: MakePaper, now: datetime) -> None:
    day = now.date()
    for ago in (-1, 0, 1, 6, 7, 29, 30):
        make_paper(f"{ago} days ago", listed_on=day - timedelta(days=ago))
    held = {window: Paper.objects.within(window, day).count() for window in Window}
    assert held == {Window.DAY: 1, Window.WEEK: 3, Window.MONTH: 5}


@pytest.mark.parametrize("order", ["hottest", "outstanding"])
def test_a_days_list_needs_no_sequential_scan(order: str, now: datetime) -> None:
    papers = getattr(Paper.objects.filter(field="cs.CV").within(Window.DAY, now.date()), order)()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "paper_" in papers[:50].explain()


def test_scoring_many_papers_needs_as_many_queries_as_one(
    make_paper: MakePaper, now: datetime
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            scoring.rescore(now)
        return len(captured)

    make_paper("One", votes=1)
    first = queries()
    for number in range(20):
        make_paper(f"Paper {number}", votes=number)
    assert queries() == first
