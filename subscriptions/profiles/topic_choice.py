"""The topic that a reaction to a paper acts on."""

from __future__ import annotations

import numpy as np

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import match_profiles
from subscriptions.models import Digest, Subscriber, Topic
from subscriptions.profiles.load import load_profiles, paper_text


def topic_for_paper(reader: Subscriber, paper_pk: int) -> Topic | None:
    """Return the topic that brought a paper in a digest, or else the one that it fits best.

    Return None if the reader has no topic.
    """
    topics = list(reader.topics.order_by("-active", "position"))
    if len(topics) < 2:
        return topics[0] if topics else None
    by_pk = {topic.pk: topic for topic in topics}
    return by_pk.get(_bringing_topic(reader, paper_pk)) or _closest_topic(reader, topics, paper_pk)


def _bringing_topic(reader: Subscriber, paper_pk: int) -> int:
    """Return the topic that a digest brought the paper for; 0 if none did."""
    digests = Digest.objects.filter(subscriber=reader, paper_ids__contains=[paper_pk])
    for items in digests.order_by("-day").values_list("items", flat=True):
        for item in items:
            if item["paper"] == paper_pk and item.get("topic"):
                return int(item["topic"])
    return 0


def _closest_topic(reader: Subscriber, topics: list[Topic], paper_pk: int) -> Topic:
    """Return the topic with the highest score for the paper; the first one of equals."""
    for topic in topics:
        topic.subscriber = reader
    text = paper_text(Paper.objects.get(pk=paper_pk))
    alone = Candidates.prepare(stored_lexicon.load_lexicon(), (text,))
    scores = [match.scores[0] for match in match_profiles(load_profiles(topics), alone)]
    return topics[int(np.argmax(scores))]
