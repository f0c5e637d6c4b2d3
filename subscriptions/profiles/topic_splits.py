"""Splitting a topic whose papers are about two things. It is suggested, and done on request."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from papers.models import Paper
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import PaperText
from subscriptions.matching.clusters.interest_clusters import (
    InterestCluster,
    find_clusters,
    nearer_to_second,
)
from subscriptions.matching.profile import Profile
from subscriptions.models import TOPIC_NAME_LENGTH, Subscriber, Topic
from subscriptions.profiles import topics
from subscriptions.profiles.load import load_profiles

MAX_PAPERS = 20  # that a suggestion looks at: they take 5 to 10 ms each
NAME_WORDS = 2  # phrases of a cluster in the name of its topic
Clusters = tuple[InterestCluster, InterestCluster]


def suggest_split(topic: Topic) -> Clusters | None:
    """Return two clear clusters of the papers that a topic has, or None.

    The topic has its reader loaded. A strict topic has none, nor one that the reader wants whole.
    """
    if topic.query or not topic.may_split:
        return None
    return _find_clusters(load_profiles([topic])[0])


def _find_clusters(profile: Profile) -> Clusters | None:
    """Return two clear clusters with names."""
    clusters = find_clusters(profile.liked[:MAX_PAPERS], stored_lexicon.load_lexicon())
    return clusters if clusters and all(cluster.words for cluster in clusters) else None


def keep_whole(topic: Topic) -> None:
    """Suggest no split of this topic any more."""
    Topic.objects.filter(pk=topic.pk).update(may_split=False)


@transaction.atomic
def split_topic(pk: int) -> tuple[Topic, Topic] | None:
    """Divide a topic in two as suggested, and return both; None if there is nothing to divide.

    Examples and reactions go to the topic that they fit. Text, words and authors stay with the
    first one. Raise ValidationError if the reader has too many topics.
    """
    topic = Topic.objects.select_for_update(no_key=True).get(pk=pk)
    topic.subscriber = Subscriber.objects.select_for_update(no_key=True).get(pk=topic.subscriber_id)
    if topic.query or not topic.may_split:
        return None
    [profile] = load_profiles([topic])
    if not (clusters := _find_clusters(profile)):
        return None
    first, second = clusters
    keys = _second_keys(profile, first, second)
    moved = _moved_examples(topic, keys)
    _reduce(topic, first, moved)
    added = topics.add_topic(topic.subscriber, _second_values(topic, second) | moved)
    _move_rows(topic, added, keys)
    return topic, added


def _second_keys(profile: Profile, first: InterestCluster, second: InterestCluster) -> set[str]:
    """Return the keys of all papers of the profile that belong to the second cluster."""
    by_key = {paper.key: paper for paper in profile.liked}
    apart, other = ([by_key[key] for key in cluster.keys] for cluster in (first, second))
    known = {*first.keys, *second.keys}
    rest: Sequence[PaperText] = [
        paper for paper in (*profile.examples, *profile.disliked) if paper.key not in known
    ]
    flags = nearer_to_second(rest, apart, other, stored_lexicon.load_lexicon())
    return {*second.keys, *(paper.key for paper, flag in zip(rest, flags, strict=True) if flag)}


def _moved_examples(topic: Topic, keys: Collection[str]) -> dict[str, Any]:
    """Return the examples and references of these papers, as field values of a topic."""
    arxiv_ids = {*topic.examples, *(reference["arxiv_id"] for reference in topic.references)}
    dois = {reference["doi"] for reference in topic.references}
    named = Q(arxiv_id__in=arxiv_ids - {""}) | Q(doi__in=dois - {""})
    rows = Paper.objects.filter(named).values_list("pk", "arxiv_id", "doi")
    names = {name for pk, *names in rows if str(pk) in keys for name in names if name}

    def is_moved(reference: dict[str, str]) -> bool:
        is_named = not names.isdisjoint((reference["arxiv_id"], reference["doi"]))
        return is_named or f"title {reference['title']}" in keys

    return {
        "examples": [name for name in topic.examples if name in names],
        "references": [reference for reference in topic.references if is_moved(reference)],
    }


def _reduce(topic: Topic, cluster: InterestCluster, moved: dict[str, Any]) -> None:
    """Remove the moved examples from a topic. Name it if nothing else says what it is about."""
    for name, entries in moved.items():
        setattr(topic, name, [entry for entry in getattr(topic, name) if entry not in entries])
    if not (topic.name or topic.text or topic.words or topic.authors):
        topic.name = _name(cluster)
    topic.save(update_fields=["name", *moved])


def _second_values(topic: Topic, cluster: InterestCluster) -> dict[str, Any]:
    same = ("categories", "excluded_words", "ignored_words", "strictness", "max_papers", "active")
    return {"name": _name(cluster)} | {name: getattr(topic, name) for name in same}


def _name(cluster: InterestCluster) -> str:
    return ", ".join(cluster.words[:NAME_WORDS])[:TOPIC_NAME_LENGTH]


def _move_rows(topic: Topic, added: Topic, keys: Collection[str]) -> None:
    """Move reactions, kept and opened papers. Subscriptions of the topic carry the new one, too."""
    papers = [int(key) for key in keys if key.isdigit()]
    topic.reactions.filter(paper__in=papers).update(topic=added)
    topic.kept.filter(paper__in=papers).update(topic=added)
    topic.opened.filter(paper__in=papers).update(topic=added)
    added.subscriptions.set(topic.subscriptions.all())
