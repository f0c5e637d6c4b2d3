"""Topics with a strict query."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from papers.models import Paper
from papers.ranking import scoring
from papers.searching import indexing
from papers.vectors import stored_lexicon
from subscriptions.editions import digests
from subscriptions.editions.topic_previews import preview_topic
from subscriptions.models import Digest, Subscriber, Subscription, Topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
MakePaper = Callable[..., Paper]
QUERY = "title:folding NOT survey"


@pytest.fixture
def papers(make_paper: MakePaper, now: datetime) -> list[Paper]:
    made = [
        make_paper(title, abstract="We study proteins.", votes=votes)
        for title, votes in (
            ("Folding by energy", 3),
            ("Folding by search", 90),
            ("Folding: a survey", 5),
            ("Robots that walk", 40),
        )
    ]
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)
    indexing.index_changed(now)
    return made


def make_topic(reader: Subscriber, **values: Any) -> Topic:
    return Topic.objects.create(
        **{"subscriber": reader, "position": 1, "name": "Strict", "query": QUERY} | values
    )


def titles(digest: Digest, topic: str = "Strict") -> list[str]:
    return [item["title"] for item in digest.items if item.get("topic_name") == topic]


def test_a_strict_topic_brings_what_matches_its_query_and_nothing_else(
    papers: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"query": QUERY})
    items = [item for item in digests.preview_digest(reader, now).items if item.get("topic")]
    assert [item["title"] for item in items] == ["Folding by search", "Folding by energy"]
    assert items[0]["reason"] == f"Matches your search “{QUERY}”"


def test_muted_words_hold_for_strict_topics(
    papers: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"query": QUERY}, muted_words=["energy"])
    found = digests.preview_digest(reader, now).items
    assert "Folding by energy" not in {item["title"] for item in found}


def test_a_paper_of_two_topics_comes_once(
    papers: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"text": "folding by energy and search"})
    make_topic(reader)
    digest = digests.preview_digest(reader, now)
    assert len(digest.paper_ids) == len(digest.items) == len(set(digest.paper_ids))


def test_a_topic_of_all_matches_repeats_papers_and_says_so(
    papers: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"name": "Mine", "text": "folding by energy and search"})
    make_topic(reader, all_matches=True)
    digest = digests.preview_digest(reader, now)
    assert sorted(titles(digest)) == ["Folding by energy", "Folding by search"]
    repeated = [item for item in digest.items if "also in “Mine”" in item["reason"]]
    assert repeated
    assert all(item["paper"] in digest.paper_ids for item in repeated)
    assert len(set(digest.paper_ids)) == len(digest.paper_ids)


def test_all_matches_includes_papers_of_another_subscription_once(
    papers: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"name": "Mine", "text": "folding by energy and search"})
    strict = make_topic(reader, all_matches=True)
    main = reader.default_subscription
    main.all_topics = False
    main.save()
    main.topics.set([reader.first_topic])
    for position in (1, 2):
        extra = Subscription.objects.create(
            subscriber=reader,
            position=position,
            all_topics=False,
            trending=False,
            next_digest_at=main.next_digest_at,
        )
        extra.topics.set([strict])
    digests.build_due_digests([reader.pk], now)
    second, third = reader.digests.exclude(subscription=main).order_by("subscription__position")
    assert {item["title"] for item in second.items} == {"Folding by energy", "Folding by search"}
    assert any("also in another digest" in item["reason"] for item in second.items)
    assert third.items == []


def test_the_next_digest_does_not_repeat_what_the_topic_brought(
    papers: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"query": QUERY, "all_matches": True})
    digests.build_due_digests([reader.pk], now)
    tomorrow = now + timedelta(days=1)
    assert not digests.preview_digest(reader, tomorrow).items


def test_a_strict_topic_is_previewed(
    papers: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    preview = preview_topic(Topic(subscriber=Subscriber(), query=QUERY), now)
    assert preview.count == 2
    assert preview.items[0]["reason"] == f"Matches your search “{QUERY}”"


@pytest.mark.parametrize("others", [0, 1])
def test_a_digest_without_a_match_says_so(
    papers: list[Paper], make_reader: MakeReader, now: datetime, others: int
) -> None:
    reader = make_reader(topic={"query": "title:palaeography"})
    if others:
        make_topic(reader, query="", text="palaeography")
    [notice] = digests.preview_digest(reader, now).notices
    wanted = "matches your topics" if others else "matches “title:palaeography”"
    assert wanted in notice
