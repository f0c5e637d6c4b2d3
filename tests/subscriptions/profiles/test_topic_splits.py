"""Topics whose papers are about two things are divided on request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from papers.models import Paper
from subscriptions.library.keeping import keep_paper
from subscriptions.models import OpenedPaper, Reaction, Subscriber, Topic
from subscriptions.profiles import topic_splits, topics
from tests.subscriptions.two_interests import store_papers

pytestmark = pytest.mark.django_db
Papers = tuple[list[Paper], list[Paper]]


@pytest.fixture
def papers(make_paper: Callable[..., Paper], now: datetime) -> Papers:
    return store_papers(make_paper, now)


def ids(papers: list[Paper]) -> list[str]:
    return [str(paper.arxiv_id) for paper in papers]


@pytest.fixture
def make_mixed(make_reader: Callable[..., Subscriber], papers: Papers) -> Callable[..., Topic]:
    """Return a function that stores a topic of four papers on reefs and three on bridges."""

    def make(**values: Any) -> Topic:
        reefs, bridges = papers
        examples = ["2604.99999", *ids(bridges[:3]), *ids(reefs)]
        topic = make_reader(topic={"examples": examples} | values).first_topic
        topic.subscriber = Subscriber.objects.get()
        return topic

    return make


def split(topic: Topic) -> tuple[Topic, Topic]:
    """Divide the topic and return both as stored."""
    divided = topic_splits.split_topic(topic.pk)
    assert divided is not None
    first, second = (Topic.objects.get(pk=one.pk) for one in divided)
    return first, second


def test_two_clear_clusters_are_suggested_with_names(make_mixed: Callable[..., Topic]) -> None:
    clusters = topic_splits.suggest_split(make_mixed())
    assert clusters is not None
    assert [cluster.words[0] for cluster in clusters] == ["coral bleaching", "steel cables"]


@pytest.mark.parametrize("values", [{"query": "coral"}, {"may_split": False}, {"examples": []}])
def test_strict_topics_and_those_kept_whole_are_not_divided(
    make_mixed: Callable[..., Topic], values: dict[str, Any]
) -> None:
    topic = make_mixed(**values)
    assert topic_splits.suggest_split(topic) is None
    assert topic_splits.split_topic(topic.pk) is None
    assert Topic.objects.count() == 1


def test_a_topic_kept_whole_is_not_suggested_again(make_mixed: Callable[..., Topic]) -> None:
    topic = make_mixed()
    topic_splits.keep_whole(topic)
    topic.refresh_from_db()
    assert topic_splits.suggest_split(topic) is None


def test_examples_are_divided_and_typed_text_stays(
    make_mixed: Callable[..., Topic], papers: Papers
) -> None:
    reefs, bridges = papers
    same = {"categories": ["cs.CL"], "excluded_words": ["survey"], "strictness": "good"}
    first, second = split(make_mixed(text="reefs and their fish", **same))
    assert (first.name, first.text) == ("", "reefs and their fish")
    assert first.examples == ["2604.99999", *ids(reefs)]
    assert (second.name, second.text) == ("steel cables, suspension bridge", "")
    assert second.examples == ids(bridges[:3])
    for topic in (first, second):
        assert {name: getattr(topic, name) for name in same} == same
    assert (first.position, second.position) == (0, 1)


def test_a_topic_of_examples_alone_is_named(make_mixed: Callable[..., Topic]) -> None:
    first, _second = split(make_mixed())
    assert first.name == "coral bleaching, reefs"


def test_uploaded_papers_go_to_the_topic_that_they_fit(
    make_mixed: Callable[..., Topic], papers: Papers
) -> None:
    stored = {"title": "stored", "arxiv_id": str(papers[1][3].arxiv_id), "doi": ""}
    title = {"title": "Rust of steel cables", "arxiv_id": "", "doi": ""}
    reefs = [{"title": f"Reefs {n}", "arxiv_id": "", "doi": ""} for n in range(2)]
    first, second = split(make_mixed(references=[*reefs, stored, title]))
    assert first.references == reefs
    assert second.references == [stored, title]


def test_reactions_kept_and_opened_papers_move_with_their_cluster(
    make_mixed: Callable[..., Topic], papers: Papers, now: datetime
) -> None:
    reefs, bridges = papers
    topic = make_mixed(examples=ids([*reefs, *bridges[:2]]))
    own = {"subscriber": topic.subscriber, "topic": topic, "created_at": now}
    Reaction.objects.create(paper=bridges[2], kind=Reaction.Kind.MORE, **own)
    Reaction.objects.create(paper=bridges[3], kind=Reaction.Kind.LESS, **own)
    Subscriber.objects.update(learns_from_opened=True)
    OpenedPaper.objects.create(paper=reefs[0], **own)
    for paper in (reefs[1], bridges[1]):
        keep_paper(topic.subscriber, paper, now)
    first, second = split(topic)
    assert set(second.reactions.values_list("paper", flat=True)) == {
        bridges[2].pk,
        bridges[3].pk,
    }
    assert not first.reactions.exists()
    assert first.opened.get().paper == reefs[0]
    assert [topic.kept.get().paper for topic in (first, second)] == [reefs[1], bridges[1]]


def test_a_topic_of_reactions_alone_is_divided(
    make_mixed: Callable[..., Topic], papers: Papers, now: datetime
) -> None:
    topic = make_mixed(examples=[])
    own = {"subscriber": topic.subscriber, "topic": topic, "created_at": now}
    for paper in (*papers[0], *papers[1]):
        Reaction.objects.create(paper=paper, kind=Reaction.Kind.MORE, **own)
    assert [one.reactions.count() for one in split(topic)] == [4, 4]


def test_subscriptions_of_the_topic_carry_both(make_mixed: Callable[..., Topic]) -> None:
    topic = make_mixed()
    subscription = topic.subscriber.default_subscription
    subscription.topics.add(topic)
    assert set(subscription.topics.all()) == {topic}
    assert {one.pk for one in split(topic)} == {one.pk for one in subscription.topics.all()}


def test_with_twenty_topics_nothing_is_divided(make_mixed: Callable[..., Topic]) -> None:
    topic = make_mixed()
    for number in range(1, topics.MAX_TOPICS):
        topics.add_topic(topic.subscriber, {"text": f"topic {number}"})
    with pytest.raises(ValidationError, match="maximum"):
        topic_splits.split_topic(topic.pk)
    stored = Topic.objects.get(pk=topic.pk)
    assert (stored.examples, stored.name) == (topic.examples, "")
