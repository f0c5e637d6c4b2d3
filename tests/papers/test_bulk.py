from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from papers import bulk
from papers.models import Observation, Paper

pytestmark = pytest.mark.django_db
ODD = 'Tab\there, "quotes", back\\slash, \\N, new\nline, {braces}, عربي and 🙂'


def new(number: int, **given: object) -> Paper:
    now = timezone.now()
    values = {"title": f"Paper {number}", "title_key": f"paper{number}|", "text_source": "feed"}
    days = {"listed_on": now.date(), "first_seen_at": now, "text_seen_at": now}
    return Paper(**values | days | given)


def test_rows_are_stored_unchanged_with_new_keys() -> None:
    rows = [
        new(1, title=ODD, authors=[ODD, ""], categories=["a,b", "{c}", 'd"'], arxiv_id="2604.1"),
        new(2, score_parts={"votes": 1.5, "said": ODD}),
    ]
    bulk.insert(rows)
    first, second = (Paper.objects.get(pk=row.pk) for row in rows)
    assert (first.title, first.authors, first.categories) == (
        ODD,
        [ODD, ""],
        ["a,b", "{c}", 'd"'],
    )
    assert (second.arxiv_id, second.doi, second.abstract) == (None, None, "")
    assert second.score_parts == {"votes": 1.5, "said": ODD}
    assert second.day == second.listed_on, "what the database generates is generated"
    later = Paper.objects.create(
        title="x", title_key="x|", listed_on=first.listed_on, text_source="feed",
        first_seen_at=first.first_seen_at, text_seen_at=first.text_seen_at,
    )  # fmt: skip
    assert later.pk > second.pk, "the sequence goes on behind them"


def test_only_the_named_columns_are_written(make_paper: Callable[..., Paper]) -> None:
    paper, other = make_paper(note="Mine"), make_paper("Another")
    paper.title, paper.note, paper.authors = ODD, "Lost", ["Cy Example"]
    bulk.update([paper], ["title", "authors"])
    paper.refresh_from_db()
    assert (paper.title, paper.authors, paper.note) == (ODD, ["Cy Example"], "Mine")
    other.refresh_from_db()
    assert other.title == "Another"
    bulk.update([paper], ["note"])  # twice in one transaction


def test_empty_lists_are_accepted() -> None:
    bulk.insert([])
    bulk.update([], ["title"])


def test_constraints_are_enforced(make_paper: Callable[..., Paper]) -> None:
    paper = make_paper()
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert([new(1, arxiv_id=paper.arxiv_id)])
    at = timezone.now()
    bulk.insert([Observation(paper=paper, kind="hf-daily", observed_at=at, votes=3)])
    assert paper.observations.get().votes == 3


def test_very_many_keys_are_one_parameter() -> None:
    rows = [new(number) for number in range(4)]
    bulk.insert(rows)
    some = [rows[0].pk, rows[2].pk, rows[2].pk, 10**12]
    found = Paper.objects.filter(bulk.any_of("pk", some), title__startswith="Paper")
    assert {row.pk for row in found} == {rows[0].pk, rows[2].pk}
    assert Paper.objects.exclude(bulk.any_of("pk", some)).count() == 2
    assert not Paper.objects.filter(bulk.any_of("pk", [])).exists()
    assert len(found.query.sql_with_params()[1]) == 2
