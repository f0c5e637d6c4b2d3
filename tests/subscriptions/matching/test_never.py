"""Papers that must never be in a digest, even if they match."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from papers.feeds import Entry, ParsedDocument
from papers.ingest import store_document
from papers.models import Paper
from papers.ranking import scoring
from papers.text.identity import name_key
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.editions import choosing, digests
from subscriptions.editions.candidate_pool import CandidatePool
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.fit import STRONG
from subscriptions.matching.profile import Profile
from subscriptions.matching.selection import FOR_YOU, PICKED
from subscriptions.models import Digest, Reaction, Subscriber, Subscription, Topic
from subscriptions.profiles.load import MIN_SHARES, is_strict, paper_text
from tests.examples import examples

NOW = datetime(2026, 4, 30, 8, 0, 30, tzinfo=UTC)
WORDS = ["Agents", "video", "GPT-4", "planning", "memory", "C", "naïve", "long context"]
NAMES = ["Ada Example", "Bo Example", "José García", "Li Wei"]

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
papers = st.builds(
    lambda pk, title, abstract, authors, fields, score, votes: Paper(
        pk=pk,
        title=title,
        abstract=abstract,
        authors=authors,
        categories=fields,
        score=score,
        score_parts={"votes": votes},
        first_seen_at=NOW,
    ),
    st.integers(1, 10**6),
    texts,
    texts,
    st.lists(st.sampled_from(NAMES), max_size=3),
    st.lists(st.sampled_from(["cs.CL", "cs.CV"]), max_size=2, unique=True),
    st.floats(0, 9, width=32),
    st.integers(0, 99),
)
some_words = st.lists(st.sampled_from([*WORDS, "long", "agents  video"]), max_size=2, unique=True)
some_names = st.lists(st.sampled_from([*NAMES, "Garcia, José"]), max_size=2, unique=True)


def pool_of(rows: list[Paper]) -> CandidatePool:
    texts = [paper_text(row) for row in rows]
    return CandidatePool(
        day=NOW.date(),
        papers=rows,
        candidates=Candidates.prepare(Lexicon.learn(texts), texts),
        ids=np.array([row.pk for row in rows], dtype=np.int64),
        trending=np.array([row.score for row in rows], dtype=np.float32),
        week=np.array([row.score for row in rows], dtype=np.float32),
        first_seen=np.array([row.first_seen_at.timestamp() for row in rows]),
        age=np.zeros(len(rows), dtype=np.int64),
    )


def has_phrase(paper: Paper, phrase: str) -> bool:
    """Return whether a paper has a phrase, by splitting into words unlike the code under test."""

    def split_words(text: str) -> list[str]:
        return re.findall(r"\w+", text.casefold())

    words = split_words(phrase)
    return any(
        text[at : at + len(words)] == words
        for text in (split_words(paper.title), split_words(paper.abstract))
        for at in range(len(text))
    )


def draw_profile(data: Any, rows: list[Paper]) -> Profile:
    one_of = st.sampled_from(rows)

    def drawn() -> tuple[PaperText, ...]:
        return tuple(paper_text(row) for row in data.draw(st.lists(one_of, max_size=2)))

    return Profile(
        text=data.draw(texts),
        words=tuple(data.draw(some_words)),
        excluded_words=tuple(data.draw(some_words)),
        categories=tuple(data.draw(st.lists(st.sampled_from(["cs.CL", "cs.CV"]), max_size=1))),
        authors=tuple(data.draw(some_names)),
        muted_authors=tuple(data.draw(some_names)),
        liked=drawn(),
        disliked=drawn(),
        kept=drawn(),
        opened=drawn(),
        shared_authors=data.draw(st.booleans()),
        min_share=data.draw(st.sampled_from(list(MIN_SHARES.values()))),
    )


def is_barred(profile: Profile, row: Paper) -> bool:
    muted = {name_key(name) for name in profile.muted_authors}
    return (
        any(has_phrase(row, word) for word in profile.excluded_words)
        or not muted.isdisjoint(map(name_key, row.authors))
        or paper_text(row) in profile.disliked
    )


@settings(max_examples=examples(50), deadline=None)
@given(st.data())
def test_excluded_muted_disliked_and_seen_papers_never_appear(data: Any) -> None:
    """Nor does any paper appear twice, for any number of topics and subscriptions."""
    rows = data.draw(st.lists(papers, min_size=1, max_size=12, unique_by=lambda row: row.pk))
    pool, by_pk = pool_of(rows), {row.pk: row for row in rows}
    seen = {row.pk for row in data.draw(st.lists(st.sampled_from(rows), max_size=3))}
    profiles = [draw_profile(data, rows) for _ in range(data.draw(st.integers(1, 3)))]
    matches = choosing.Matches(pool, [Topic(pk=pk + 1) for pk in range(len(profiles))], profiles)
    orders = [
        choosing.Order(
            Subscription(
                subscriber=Subscriber(pk=1),
                max_papers=data.draw(st.integers(1, 30)),
                frequency=data.draw(st.sampled_from(["daily", "weekly"])),
                trending=data.draw(st.booleans()),
            ),
            data.draw(st.lists(st.sampled_from(matches.topics), min_size=1, unique_by=id)),
        )
        for _ in range(data.draw(st.integers(1, 2)))
    ]
    digests_items = choosing.choose_papers(matches, orders, {1: seen.copy()})
    chosen = [item["paper"] for items in digests_items for item in items]
    assert len(chosen) == len(set(chosen))
    assert seen.isdisjoint(chosen)
    for order, items in zip(orders, digests_items, strict=True):
        assert len(items) <= order.subscription.max_papers
        carried = [one.profile for one in order.topics]
        for item in items:
            row = by_pk[item["paper"]]
            assert not all(is_barred(profile, row) for profile in carried)
            assert order.subscription.trending or item["section"] in (FOR_YOU, PICKED)
            if topic := item.get("topic"):
                matched = matches.topics[topic - 1]
                assert matched in order.topics
                assert not is_barred(matched.profile, row)
                score = matched.match.scores[rows.index(row)]
                assert score > max(matched.match.threshold, 0.0)
                assert item["fit"] == matched.fit(rows.index(row))
            if all(is_strict(profile) for profile in carried):
                fits = [one.fit(rows.index(row)) for one in order.topics]
                assert STRONG in fits


flags = st.fixed_dictionaries(
    {
        "hidden": st.booleans(),
        "withdrawn": st.booleans(),
        "announce_type": st.sampled_from(["new", "replace", "replace-cross", "cross"]),
        "days": st.integers(-12, 3),
        "votes": st.integers(0, 50),
    }
)


@pytest.mark.django_db
@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(flags, min_size=1, max_size=6), st.booleans())
def test_hidden_withdrawn_revised_old_and_future_papers_never_appear(
    make_paper: Callable[..., Paper],
    make_reader: Callable[..., Subscriber],
    rows: list[dict[str, Any]],
    hides_late: bool,
) -> None:
    with transaction.atomic():
        stored = []
        for number, row in enumerate(rows):
            given_ = {name: value for name, value in row.items() if name != "days"}
            day = NOW.date() + timedelta(days=row["days"])
            stored.append(make_paper(f"Language models {number}", listed_on=day, score=1, **given_))
        reader = make_reader(topic={"text": "language models"})
        digests.preview_digest(
            reader, NOW
        )  # so that an edition is kept that must not be used again
        if hides_late:
            Paper.objects.filter(pk=stored[0].pk).update(hidden=True)
            rows[0]["hidden"] = True
        pks = {item["paper"] for item in digests.preview_digest(reader, NOW).items}
        for row, paper in zip(rows, stored, strict=True):
            revised = row["announce_type"].startswith("replace")
            if row["hidden"] or row["withdrawn"] or revised or not -7 < row["days"] <= 0:
                assert paper.pk not in pks
        transaction.set_rollback(True)


ENTRY = Entry(
    title="Language models that fold",
    abstract="We fold language models.",
    title_raw="Language models that fold",
    abstract_raw="We fold language models.",
    authors=("Ada Example", "Bo Example"),
    arxiv_id="2604.12345",
    version=1,
    categories=("cs.CL", "cs.LG"),
    announce_type="new",
    listed_on=NOW.date(),
)
AGAIN = {
    "a second version": ("arxiv-rss", replace(ENTRY, version=2, announce_type="replace")),
    "a cross-list": ("arxiv-rss", replace(ENTRY, announce_type="cross")),
    "a new title": ("arxiv-rss", replace(ENTRY, version=3, title="How language models fold")),
    "another feed": (
        "hf-daily",
        replace(ENTRY, version=None, announce_type="", votes=80, categories=()),
    ),
}


def ingest_entry(kind: str, entry: Entry, moment: datetime) -> None:
    parsed = ParsedDocument(kind=kind, title="A list", entries=(entry,), refused=())
    store_document(parsed, f"{kind} {entry} {moment}"[-64:], "a document", moment)
    scoring.rescore(moment)
    stored_lexicon.learn_lexicon(moment)


@pytest.mark.django_db
@pytest.mark.parametrize("way", AGAIN)
@pytest.mark.parametrize("frequency", ["daily", "weekly"])
@pytest.mark.promise(18)
def test_no_paper_is_sent_twice_to_a_reader(
    make_reader: Callable[..., Subscriber], way: str, frequency: str
) -> None:
    """Promise 18: across days, versions, cross-lists, feeds and interests."""
    ingest_entry("arxiv-rss", ENTRY, NOW - timedelta(hours=2))
    paper = Paper.objects.get()
    reader = make_reader(
        topic={"text": "language models that fold"},
        frequency=frequency,
        weekday=NOW.weekday(),
    )
    digests.build_due_digests([reader.pk], NOW)
    assert reader.digests.get().paper_ids == [paper.pk]
    Digest.objects.update(status=Digest.Status.SENT)
    later = NOW + timedelta(days=1)
    kind, entry = AGAIN[way]
    dated = {"featured_on": later.date()} if kind == "hf-daily" else {"listed_on": later.date()}
    ingest_entry(kind, replace(entry, **dated), later - timedelta(hours=2))
    Subscription.objects.update(covered_until=NOW, max_papers=30)
    Topic.objects.update(text="", categories=["cs.LG"], examples=[])
    reader.refresh_from_db()
    assert digests.preview_digest(reader, later).items == []


@pytest.mark.django_db
def test_hiding_one_paper_and_showing_another_updates_the_pool(
    make_paper: Callable[..., Paper], make_reader: Callable[..., Subscriber]
) -> None:
    visible = make_paper("Language models one", score=1)
    hidden = make_paper("Language models two", score=1, hidden=True)
    make_paper("Language models three", score=1)
    reader = make_reader()
    assert visible.pk in digests.preview_digest(reader, NOW).paper_ids
    Paper.objects.filter(pk=visible.pk).update(hidden=True)
    Paper.objects.filter(pk=hidden.pk).update(hidden=False)
    assert visible.pk not in digests.preview_digest(reader, NOW).paper_ids


@pytest.mark.django_db
def test_a_disliked_paper_never_appears(
    edition: list[Paper], make_reader: Callable[..., Subscriber]
) -> None:
    first = edition[0]
    interests = {
        "text": first.title,
        "words": ["language"],
        "authors": list(first.authors),
        "categories": list(first.categories),
        "examples": [first.arxiv_id],
    }
    reader = make_reader(topic=interests)
    Reaction.objects.create(
        subscriber=reader, topic=reader.first_topic, paper=first, kind="less", created_at=NOW
    )
    assert first.pk not in digests.preview_digest(reader, NOW).paper_ids


@pytest.mark.django_db
def test_the_oldest_dislike_of_many_still_counts(
    edition: list[Paper], make_paper: Callable[..., Paper], make_reader: Callable[..., Subscriber]
) -> None:
    reader = make_reader(topic={"text": edition[0].title})
    dislikes = [edition[0], *(make_paper(f"Other {n}", hidden=True) for n in range(60))]
    Reaction.objects.bulk_create(
        Reaction(subscriber=reader, paper=paper, kind="less", created_at=NOW + timedelta(seconds=n))
        for n, paper in enumerate(dislikes)
    )
    assert edition[0].pk not in digests.preview_digest(reader, NOW).paper_ids


@pytest.mark.django_db
def test_a_strict_reader_gets_no_padding(
    edition: list[Paper], make_reader: Callable[..., Subscriber]
) -> None:
    reader = make_reader(topic={"text": "bread and butter"})
    assert digests.preview_digest(reader, NOW).items
    Topic.objects.update(strictness=Topic.Strictness.ONLY)
    assert digests.preview_digest(reader, NOW).status == Digest.Status.SKIPPED
