"""Previews of topics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from papers.models import Paper
from papers.ranking import scoring
from papers.vectors import stored_lexicon
from subscriptions.editions.topic_previews import (
    MANY_PER_DAY,
    PREVIEW_DAYS,
    TopicPreview,
    preview_topic,
    preview_topics,
)
from subscriptions.models import Subscriber, Topic

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]
MakePaper = Callable[..., Paper]


@pytest.fixture
def papers(make_paper: MakePaper, now: datetime) -> list[Paper]:
    """Store three papers on folding on each of three days, one too old, and one on bread."""
    made = [
        make_paper(
            f"Protein folding {age} {number}",
            listed_on=now.date() - timedelta(days=age),
            first_seen_at=now - timedelta(days=age),
        )
        for age in (0, 3, 13, PREVIEW_DAYS)
        for number in range(3)
    ]
    made.append(make_paper("Bread of the bakers", abstract="Flour, salt and yeast."))
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)
    return made


def test_it_counts_the_papers_of_the_last_days(
    papers: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"text": "protein folding"})
    preview = preview_topic(reader.first_topic, now)
    assert (preview.count, preview.last_match) == (9, now.date())
    assert {item["paper"] for item in preview.items} == {paper.pk for paper in papers[:9]}
    assert all("protein folding" in item["reason"] for item in preview.items)
    assert preview_topics([reader.first_topic], now) == [TopicPreview(9, now.date())]


def test_the_limit_of_a_topic_holds_for_each_day(
    papers: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"text": "protein folding", "max_papers": 2})
    assert preview_topic(reader.first_topic, now).count == 6


def test_a_topic_that_is_not_stored_is_previewed(papers: list[Paper], now: datetime) -> None:
    preview = preview_topic(Topic(subscriber=Subscriber(), text="bread", words=["yeast"]), now)
    assert [item["title"] for item in preview.items] == ["Bread of the bakers"]


@pytest.mark.parametrize("values", [{}, {"categories": ["cs.CL"]}, {"text": "palaeography"}])
def test_a_topic_without_a_match_brings_nothing(
    papers: list[Paper], now: datetime, values: dict[str, object]
) -> None:
    topic = Topic(subscriber=Subscriber(), **values)
    assert not (preview := preview_topic(topic, now)).count
    assert not preview.items


def test_without_papers_there_is_nothing_to_preview(make_reader: MakeReader, now: datetime) -> None:
    reader = make_reader(topic={"text": "protein folding"})
    assert preview_topics([reader.first_topic], now) == [TopicPreview(0)]


def test_more_than_a_person_reads_is_too_many() -> None:
    assert TopicPreview(MANY_PER_DAY * PREVIEW_DAYS + 1).is_too_many
    assert not TopicPreview(MANY_PER_DAY * PREVIEW_DAYS).is_too_many
