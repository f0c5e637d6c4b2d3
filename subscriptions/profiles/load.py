"""Load readers' profiles for matching, many readers in a few queries."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields

from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from papers.bulk import any_of
from papers.models import Paper
from papers.text.markup import readable_lines
from papers.vectors.lexicon import PaperText
from subscriptions.matching import fit
from subscriptions.matching.profile import Profile
from subscriptions.models import (
    LibraryEntry,
    OpenedPaper,
    Reaction,
    Subscriber,
    Subscription,
    Topic,
    ZoteroCollection,
)
from subscriptions.profiles.references import MAX_EXAMPLES

MAX_REACTIONS = 50  # the newest reactions of each kind; interests move, and vectors cost
MAX_KEPT = 20
MAX_OPENED = 20

# The minimum share of choices by strictness: every fit, good and strong ones, strong ones.
MIN_SHARES: dict[str, float] = {
    Topic.Strictness.ALL: fit.MIN_SHARES[fit.LOOSE],
    Topic.Strictness.GOOD: fit.MIN_SHARES[fit.GOOD],
    Topic.Strictness.ONLY: fit.MIN_SHARES[fit.STRONG],
}

KEPT, OPENED = "kept", "opened"
PAPERS = ("liked", "disliked", KEPT, OPENED)  # fields of a profile
TEXT = ("pk", "title", "abstract", "categories", "authors")  # columns loaded per paper
Reactions = Mapping[str, list[PaperText]]  # by kind, newest first; including kept and opened papers


def paper_text(paper: Paper) -> PaperText:
    """Return the text of a paper for matching."""
    return _text(*(getattr(paper, name) for name in TEXT))


def _text(
    pk: int, title: str, abstract: str, categories: Iterable[str], authors: Iterable[str]
) -> PaperText:
    return PaperText(str(pk), title, abstract, tuple(categories), tuple(authors))


def paper_ids(texts: Iterable[PaperText]) -> set[int]:
    """Return the primary keys of stored papers; other texts are titles only."""
    return {int(text.key) for text in texts if text.key.isdigit()}


def missing_papers(arxiv_ids: Iterable[str]) -> list[str]:
    """Return the IDs, sorted, of papers that we do not have, so that matching cannot use them."""
    ids = set(arxiv_ids)
    stored = Paper.objects.filter(arxiv_id__in=ids).values_list("arxiv_id", flat=True)
    return sorted(ids - set(stored))


def is_strict(profile: Profile) -> bool:
    """Return True if digests have strong fits only, and no trending papers."""
    return profile.min_share >= MIN_SHARES[Topic.Strictness.ONLY]


def load_profiles(topics: Sequence[Topic]) -> list[Profile]:
    """Return the topics' profiles in order, with six queries for any number of topics.

    The topics have their readers loaded.
    """
    pks = [topic.pk for topic in topics if topic.pk]
    reactions, zotero = _reactions(pks), zotero_examples(pks)
    known = _known(topics, zotero)
    return [
        _profile(topic, topic.subscriber, reactions[topic.pk], known, zotero[topic.pk])
        for topic in topics
    ]


def zotero_examples(topics: Collection[int]) -> defaultdict[int, list[dict[str, str]]]:
    """Return the newest references of the topics' Zotero collections, newest first."""
    chosen = ZoteroCollection.objects.filter(any_of("topic_id", topics))
    found: defaultdict[int, list[dict[str, str]]] = defaultdict(list)
    for topic, references in chosen.values_list("topic_id", "references"):
        found[topic] += references
    for references in found.values():
        references.sort(key=lambda reference: reference["added"], reverse=True)
        del references[MAX_EXAMPLES:]
    return found


def topics_of(subscriptions: Sequence[Subscription]) -> list[list[Topic]]:
    """Return the active topics that each subscription carries, in the reader's order.

    Their readers are those of the subscriptions. A subscription without a topic gets a blank one,
    which matches nothing but has the reader's muted words and authors.
    """
    readers = {one.subscriber_id: one.subscriber for one in subscriptions}
    active = Topic.objects.filter(any_of("subscriber_id", readers), active=True)
    by_reader: dict[int, list[Topic]] = defaultdict(list)
    for topic in active.order_by("subscriber_id", "position"):
        topic.subscriber = readers[topic.subscriber_id]
        by_reader[topic.subscriber_id].append(topic)
    carried = _chosen_topics([one.pk for one in subscriptions if not one.all_topics])
    found = []
    for one in subscriptions:
        own = by_reader[one.subscriber_id]
        topics = (
            own if one.all_topics else [topic for topic in own if (one.pk, topic.pk) in carried]
        )
        found.append(topics or [Topic(subscriber=one.subscriber)])
    return found


def _chosen_topics(subscriptions: Collection[int]) -> set[tuple[int, int]]:
    """Return pairs of subscription and topic for subscriptions that do not carry all."""
    if not subscriptions:
        return set()
    rows = Subscription.topics.through.objects.filter(any_of("subscription_id", subscriptions))
    return set(rows.values_list("subscription_id", "topic_id"))


def profile_key(profiles: Iterable[Profile]) -> str:
    """Return a key that changes with the reader's interests, except for kept and opened papers."""
    values = [
        [
            [paper.key for paper in profile.liked],
            [paper.key for paper in profile.disliked],
            *(getattr(profile, one.name) for one in fields(profile) if one.name not in PAPERS),
        ]
        for profile in profiles
    ]
    return hashlib.blake2b(repr(values).encode(), digest_size=16).hexdigest()


def profile_from_topic(topic: Topic, reader: Subscriber | None = None) -> Profile:
    """Return the profile of a topic without reactions; it need not be saved."""
    return _profile(topic, reader or Subscriber(), defaultdict(list), _known([topic], {}))


def _profile(
    topic: Topic,
    reader: Subscriber,
    reactions: Reactions,
    known: dict[str, PaperText],
    zotero: Sequence[dict[str, str]] = (),
) -> Profile:
    named = [known[name] for name in topic.examples if name in known]
    brought = [_brought(reference, known) for reference in [*topic.references, *zotero]]
    more = reactions.get(Reaction.Kind.MORE, [])[:MAX_REACTIONS]
    less = reactions.get(Reaction.Kind.LESS, [])
    liked = dict.fromkeys([*named, *brought, *more])
    others = {*liked, *less}
    kept = [text for text in reactions.get(KEPT, []) if text not in others]
    others.update(kept)
    opened = [text for text in reactions.get(OPENED, []) if text not in others]
    return Profile(
        text=readable_lines(topic.text),
        words=tuple(map(readable_lines, topic.words)),
        excluded_words=tuple(map(readable_lines, [*reader.muted_words, *topic.excluded_words])),
        ignored=tuple(topic.ignored_words),
        categories=tuple(topic.categories),
        authors=tuple(topic.authors),
        muted_authors=tuple(reader.muted_authors),
        liked=tuple(text for text in liked if text not in less),
        disliked=tuple(less[:MAX_REACTIONS]),
        kept=tuple(kept),
        opened=tuple(opened[:MAX_OPENED]),
        shared_authors=reader.shared_authors,
        min_share=MIN_SHARES[topic.strictness],
    )


def _brought(reference: dict[str, str], known: dict[str, PaperText]) -> PaperText:
    """Return the text of a referenced paper: in full if stored, else its title."""
    found = known.get(reference["arxiv_id"]) or known.get(reference["doi"])
    return found or PaperText(f"title {reference['title']}", reference["title"])


def _reactions(topics: Collection[int]) -> dict[int, defaultdict[str, list[PaperText]]]:
    """Return the reactions by topic, with kept and opened papers."""
    by_topic = any_of("topic_id", topics)
    given = Reaction.objects.filter(by_topic).order_by("-created_at")
    opened = OpenedPaper.objects.allowed().filter(by_topic)
    rows: list[tuple[int, str, int]] = [
        *given.values_list("topic_id", "kind", "paper_id"),
        *((topic, KEPT, paper) for topic, paper in _kept(topics)),
        *((topic, OPENED, paper) for topic, paper in opened.values_list("topic_id", "paper_id")),
    ]
    # Many readers react to the same papers, so each is loaded once.
    papers = Paper.objects.filter(any_of("pk", {paper for _topic, _kind, paper in rows}))
    texts = {row[0]: _text(*row) for row in papers.values_list(*TEXT)}
    found: dict[int, defaultdict[str, list[PaperText]]] = defaultdict(lambda: defaultdict(list))
    for topic, kind, paper in rows:
        if paper in texts:  # not deleted in the meantime
            found[topic][kind].append(texts[paper])
    return found


def _kept(topics: Collection[int]) -> Iterable[tuple[int, int]]:
    """Return topic and paper of the newest MAX_KEPT kept papers of each topic, newest first."""
    # Limited in the query: a library may have thousands of papers.
    newest = Window(
        RowNumber(), partition_by=F("topic_id"), order_by=[F("kept_at").desc(), F("pk").desc()]
    )
    entries = LibraryEntry.objects.examples().filter(any_of("topic_id", topics))
    return (
        entries.annotate(place=newest)
        .filter(place__lte=MAX_KEPT)
        .values_list("topic_id", "paper_id")
    )


def _known(
    topics: Iterable[Topic], zotero: Mapping[int, Sequence[dict[str, str]]]
) -> dict[str, PaperText]:
    """Return the stored papers among examples and references, by arXiv ID and by DOI."""
    names: set[str] = set()
    dois: set[str] = set()
    for topic in topics:
        references = [*topic.references, *zotero.get(topic.pk, ())]
        names.update(topic.examples)
        names.update(reference["arxiv_id"] for reference in references)
        dois.update(reference["doi"] for reference in references)
    papers = Paper.objects.filter(Q(arxiv_id__in=names - {""}) | Q(doi__in=dois - {""}))
    known: dict[str, PaperText] = {}
    for arxiv_id, doi, *row in papers.values_list("arxiv_id", "doi", *TEXT):
        text = _text(*row)
        known |= {name: text for name in (arxiv_id, doi) if name}
    return known
