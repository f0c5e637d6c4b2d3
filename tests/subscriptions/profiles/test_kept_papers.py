"""Kept papers as light examples of the topic that brought them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from papers.models import Paper
from subscriptions import tokens
from subscriptions.editions import candidate_pool
from subscriptions.library.keeping import keep_paper
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.models import LibraryEntry, OpenedPaper, Reaction, Subscriber
from subscriptions.profiles import edits
from subscriptions.profiles.load import MAX_KEPT, load_profiles, paper_text, profile_key
from subscriptions.tokens import Purpose
from tests.pages import Page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


def kept_titles(reader: Subscriber) -> list[str]:
    [profile] = load_profiles([reader.first_topic])
    return [paper.title for paper in profile.kept]


def test_a_kept_paper_counts_less_than_a_liked_one(
    make_reader: MakeReader, edition: list[Paper], now: datetime
) -> None:
    reader = make_reader(topic={"examples": [edition[1].arxiv_id]})
    before = load_profiles([reader.first_topic])
    keep_paper(reader, edition[0], now)
    [profile] = load_profiles([reader.first_topic])
    assert profile.kept == (paper_text(edition[0]),)
    assert profile_key([profile]) == profile_key(before)  # keeping brings no second digest
    candidates = candidate_pool.CandidatePool.of(now.date()).candidates
    near = next(n for n, one in enumerate(candidates.papers) if one.key == str(edition[0].pk))
    ways = [
        Profile(liked=profile.liked),
        profile,
        Profile(liked=(*profile.liked, *profile.kept)),
    ]
    nothing, kept, liked = (found.scores[near] for found in match_profiles(ways, candidates))
    assert nothing < kept < liked


def test_a_paper_counts_once_and_the_strongest_way(
    make_reader: MakeReader, edition: list[Paper], now: datetime
) -> None:
    reader = make_reader(learns_from_opened=True)
    own = {"subscriber": reader, "topic": reader.first_topic, "created_at": now}
    for paper in edition[:3]:
        keep_paper(reader, paper, now)
        OpenedPaper.objects.create(paper=paper, **own)
    Reaction.objects.create(paper=edition[0], kind="more", **own)
    Reaction.objects.create(paper=edition[1], kind="less", **own)
    [profile] = load_profiles([reader.first_topic])
    groups = (profile.liked, profile.disliked, profile.kept, profile.opened)
    assert [[one.title for one in papers] for papers in groups] == [
        *([edition[n].title] for n in range(3)),
        [],
    ]


def test_many_kept_papers_take_one_query_and_the_newest_count(
    make_reader: MakeReader, make_paper: Callable[..., Paper], now: datetime
) -> None:
    reader, other = make_reader(), make_reader("other@example.org")
    topics = [reader.first_topic, other.first_topic]
    with CaptureQueriesContext(connection) as before:
        load_profiles(topics)
    for number in range(MAX_KEPT + 2):
        paper = make_paper(f"Paper {number}")
        keep_paper(reader, paper, now + timedelta(minutes=number))
        if number < 2:
            keep_paper(other, paper, now)
    with CaptureQueriesContext(connection) as after:
        load_profiles(topics)
    assert len(after) <= len(before) + 1  # the texts, which nobody needed before
    assert kept_titles(reader) == [f"Paper {n}" for n in range(MAX_KEPT + 1, 1, -1)]
    assert set(kept_titles(other)) == {"Paper 0", "Paper 1"}


def test_the_profile_page_removes_kept_papers_and_switches_them_off(
    client: Client, make_reader: MakeReader, edition: list[Paper], now: datetime
) -> None:
    reader = make_reader()
    for paper in edition[:2]:
        keep_paper(reader, paper, now)
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    page = Page.open(client, reverse("profile", args=[token]))
    page = page.submit(f"Remove {edition[0].title}")
    assert kept_titles(reader) == [edition[1].title]
    page = page.submit("Don't learn from papers I keep")
    assert edition[1].title not in page.text
    assert kept_titles(reader) == []
    page.submit("Learn from papers I keep")
    assert kept_titles(reader) == [edition[1].title]
    assert reader.library.count() == 2


def test_a_reset_lets_kept_papers_count_for_nothing_and_keeps_them(
    make_reader: MakeReader, edition: list[Paper], now: datetime
) -> None:
    reader = make_reader(topic={"text": "video"})
    keep_paper(reader, edition[0], now)
    edits.reset_topic(reader.first_topic.pk)
    assert LibraryEntry.objects.get().topic is None
    assert kept_titles(reader) == []
