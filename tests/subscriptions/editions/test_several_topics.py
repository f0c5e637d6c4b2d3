"""Readers with several topics and several subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from papers.models import Paper
from papers.ranking import scoring
from papers.vectors import stored_lexicon
from subscriptions.editions import digests, why_not
from subscriptions.matching.sections import group_items
from subscriptions.matching.selection import FOR_YOU
from subscriptions.models import Digest, Reaction, Subscriber, Subscription, Topic
from subscriptions.profiles.topic_choice import topic_for_paper

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]
MakePaper = Callable[..., Paper]
FOLDING, ROBOTS = "protein folding", "legged robots"


@pytest.fixture
def papers(make_paper: MakePaper, now: datetime) -> list[Paper]:
    """Store eight papers on each of two subjects, and score them."""
    kinds = ("baseline", "benchmark", "survey", "theory", "dataset", "model", "probe", "limit")
    made = [
        make_paper(
            f"{subject.capitalize()}: a {kind}",
            abstract=f"We study {subject} by {kind} {number} with gradient {kind}s of its own.",
            categories=[field],
            votes=number,
        )
        for subject, field in ((FOLDING, "q-bio.BM"), (ROBOTS, "cs.RO"))
        for number, kind in enumerate(kinds)
    ]
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)
    return made


@pytest.fixture
def reader(make_reader: MakeReader) -> Subscriber:
    """Store a reader with two topics."""
    reader = make_reader(topic={"name": "Folding", "text": FOLDING})
    Topic.objects.create(subscriber=reader, position=1, name="Robots", text=ROBOTS)
    return reader


def add_subscription(reader: Subscriber, **values: Any) -> Subscription:
    due = reader.default_subscription.next_digest_at
    position = reader.subscriptions.count()
    return Subscription.objects.create(
        **{"subscriber": reader, "position": position, "next_digest_at": due} | values
    )


def subjects_of(digest: Digest, topic: str) -> set[str]:
    """Return the subjects of the papers in a topic's section."""
    titles = [item["title"] for item in digest.items if item.get("topic_name") == topic]
    return {title.partition(":")[0].lower() for title in titles}


def test_each_topic_is_a_section_with_its_own_papers(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    digest = digests.preview_digest(reader, now)
    assert [section.title for section in group_items(digest.items)][:2] == ["Folding", "Robots"]
    assert subjects_of(digest, "Folding") == {FOLDING}
    assert subjects_of(digest, "Robots") == {ROBOTS}
    sizes = [len(section.items) for section in group_items(digest.items)[:2]]
    assert sizes == [3, 3]


def test_places_that_a_topic_cannot_use_go_to_the_others(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    reader.topics.filter(name="Robots").update(text="palaeography")
    digest = digests.preview_digest(reader, now)
    first = group_items(digest.items)[0]
    assert (first.title, len(first.items)) == ("Folding", 6)


def test_a_topic_brings_at_most_its_number_of_papers(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    reader.topics.filter(name="Folding").update(max_papers=1)
    sizes = [len(one.items) for one in group_items(digests.preview_digest(reader, now).items)]
    assert sizes[:2] == [1, 5]


def test_a_day_without_papers_brings_no_digest(reader: Subscriber, now: datetime) -> None:
    digests.build_due_digests([reader.pk], now)
    assert reader.digests.get().status == Digest.Status.SKIPPED


def test_an_inactive_topic_brings_nothing(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    reader.topics.filter(name="Folding").update(active=False)
    digest = digests.preview_digest(reader, now)
    assert "Folding" not in {item.get("topic_name") for item in digest.items}
    assert any(item["section"] == FOR_YOU for item in digest.items)


def test_an_exclusion_holds_for_its_topic_and_a_muted_word_for_all(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    reader.topics.filter(name="Folding").update(excluded_words=["survey"])
    reader.topics.update(max_papers=8)
    Subscription.objects.update(max_papers=30)
    titles = [item["title"] for item in digests.preview_digest(reader, now).items]
    by_topic = digests.preview_digest(reader, now).items
    assert "Protein folding: a survey" not in {
        item["title"] for item in by_topic if item.get("topic_name") == "Folding"
    }
    assert "Legged robots: a survey" in titles
    reader.muted_words = ["survey"]
    titles = [item["title"] for item in digests.preview_digest(reader, now).items]
    assert not any("survey" in title for title in titles)


def test_subscriptions_of_one_hour_never_bring_the_same_paper(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    add_subscription(reader)
    add_subscription(reader, frequency="weekly", weekday=3)
    Subscription.objects.update(max_papers=5)
    assert len(digests.build_due_digests([reader.pk], now)) == 3
    sent = [pk for digest in reader.digests.all() for pk in digest.paper_ids]
    assert len(sent) == len(set(sent))
    assert {digest.period for digest in reader.digests.all()} == {"day", "week"}


def test_a_subscription_carries_only_the_topics_chosen_for_it(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    robots = add_subscription(reader, all_topics=False, trending=False)
    robots.topics.set(reader.topics.filter(name="Robots"))
    digests.build_due_digests([reader.pk], now)
    digest = robots.digests.get()
    assert {item["title"].partition(":")[0] for item in digest.items} == {"Legged robots"}
    assert {item["section"] for item in digest.items} == {FOR_YOU}


def test_a_subscription_whose_last_topic_was_deleted_does_not_carry_all(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    robots = add_subscription(reader, all_topics=False, trending=False)
    robots.topics.set(reader.topics.filter(name="Robots"))
    reader.topics.filter(name="Robots").delete()
    digests.build_due_digests([reader.pk], now)
    assert robots.digests.get().status == Digest.Status.SKIPPED


def test_a_stopped_subscription_is_not_due(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    stopped = add_subscription(reader, state=Subscription.State.STOPPED)
    digests.build_due_digests([reader.pk], now)
    assert not stopped.digests.exists()
    assert reader.default_subscription.digests.exists()


def test_each_subscription_has_one_digest_a_day(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    other = add_subscription(reader)
    digests.build_due_digests([reader.pk], now)
    Subscription.objects.update(next_digest_at=now)
    assert digests.build_due_digests([reader.pk], now) == []
    assert [other.digests.count(), reader.default_subscription.digests.count()] == [1, 1]


def test_a_monthly_digest_looks_a_month_back(
    make_paper: MakePaper, make_reader: MakeReader, now: datetime
) -> None:
    old = make_paper(
        "Protein folding long ago",
        listed_on=now.date() - timedelta(days=25),
        first_seen_at=now - timedelta(days=25),
    )
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)
    daily = make_reader("a@e.org", {"text": FOLDING})
    monthly = make_reader("b@e.org", {"text": FOLDING}, frequency="monthly", month_day=30)
    assert digests.preview_digest(daily, now).items == []
    digest = digests.preview_digest(monthly, now)
    assert digest.paper_ids == [old.pk]
    assert digest.subject.startswith("Your month: ")


def test_the_day_of_the_last_match_is_recorded(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    Topic.objects.create(subscriber=reader, position=2, name="None", text="palaeography")
    digests.build_due_digests([reader.pk], now)
    days = dict(reader.topics.values_list("name", "matched_on"))
    assert days == {"Folding": date(2026, 4, 30), "Robots": date(2026, 4, 30), "None": None}


def test_a_reaction_acts_on_the_topic_that_brought_the_paper(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    digests.build_due_digests([reader.pk], now)
    item = next(item for item in reader.digests.get().items if item.get("topic_name") == "Robots")
    assert topic_for_paper(reader, item["paper"]) == reader.topics.get(name="Robots")


def test_a_reaction_elsewhere_acts_on_the_closest_topic(
    papers: list[Paper], reader: Subscriber
) -> None:
    assert topic_for_paper(reader, papers[-1].pk) == reader.topics.get(name="Robots")
    assert topic_for_paper(reader, papers[0].pk) == reader.topics.get(name="Folding")


def test_a_liked_paper_counts_for_its_topic_only(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    robots = reader.topics.get(name="Robots")
    robots.text = ""
    robots.save()
    Reaction.objects.create(
        subscriber=reader, paper=papers[8], topic=robots, kind=Reaction.Kind.MORE, created_at=now
    )
    digest = digests.preview_digest(reader, now)
    assert subjects_of(digest, "Robots") == {ROBOTS}
    assert subjects_of(digest, "Folding") == {FOLDING}


def test_why_a_paper_is_missing_is_answered_for_each_topic(
    papers: list[Paper], make_paper: MakePaper, reader: Subscriber, now: datetime
) -> None:
    far = make_paper("Bread of the bakers", abstract="Flour, salt and yeast.", votes=0)
    reader.topics.filter(name="Robots").update(excluded_words=["yeast"])
    answer = why_not.explain_absence(reader, far.arxiv_id or "", now)
    assert "Folding: It doesn't match" in answer
    assert "Robots: It contains “yeast”, which you excluded." in answer


def test_a_quiet_topic_is_mentioned_once_a_month(
    papers: list[Paper], reader: Subscriber, now: datetime
) -> None:
    Topic.objects.create(
        subscriber=reader,
        position=2,
        name="Script",
        text="palaeography",
        created_at=now - timedelta(days=20),
    )
    Subscription.objects.update(max_papers=2)
    notice = "Nothing has matched “Script” since 10 April 2026. You could loosen it."
    days = [0, 1, 2, 30]
    for day in days:
        at = now + timedelta(days=day)
        Subscription.objects.update(next_digest_at=at)
        Paper.objects.update(listed_on=at.date(), first_seen_at=at)
        digests.build_due_digests([reader.pk], at)
    made = reader.digests.order_by("day")
    assert [notice in digest.notices for digest in made] == [True, False, False, True]
    assert "Script" not in str([digest.items for digest in made])
