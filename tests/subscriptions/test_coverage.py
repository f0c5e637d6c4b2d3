"""Which news a digest covers: daily ones since the reader's last, weekly ones the week."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from papers.ranking import scoring
from papers.vectors import stored_lexicon
from subscriptions import tokens
from subscriptions.editions import candidate_pool, digests
from subscriptions.editions.why_not import explain_absence
from subscriptions.library.keeping import keep_paper
from subscriptions.models import Digest, OpenedPaper, Reaction, Subscriber, Subscription
from subscriptions.tokens import Purpose
from tests.pages import Page

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]
MakePaper = Callable[..., Paper]
TIDES = "Tides of the northern sea"


@pytest.fixture
def on(make_paper: MakePaper, now: datetime) -> Callable[..., Paper]:
    """A paper that became news some days ago, and was first seen in the night of that day."""

    def make(title: str, days_ago: int, **given: Any) -> Paper:
        seen = {"first_seen_at": now - timedelta(days=days_ago, hours=4)}
        day = {"listed_on": now.date() - timedelta(days=days_ago)}
        return make_paper(title, **seen | day | given)

    return make


def held(reader: Subscriber, now: datetime) -> dict[str, str]:
    """The section of each paper, by title, in their order."""
    stored_lexicon.learn_lexicon(now)
    return {item["title"]: item["section"] for item in digests.preview_digest(reader, now).items}


def test_a_daily_digest_covers_the_days_since_the_last_one(
    make_reader: MakeReader, on: Callable[..., Paper], now: datetime
) -> None:
    for days_ago in range(5):
        on(f"{TIDES} {days_ago}", days_ago, abstract=f"Salt {days_ago} sails ropes {days_ago}.")
    reader = make_reader(topic={"text": TIDES}, covered_until=now - timedelta(days=3))
    assert sorted(held(reader, now)) == [f"{TIDES} {days_ago}" for days_ago in (0, 1, 2)]


def test_a_weekly_digest_covers_the_week_to_the_hour(
    make_reader: MakeReader, on: Callable[..., Paper], now: datetime
) -> None:
    week = timedelta(days=7)
    late = on("Sails of silk", 7, first_seen_at=now - week + timedelta(hours=3))
    on("Ropes of hemp", 7, first_seen_at=now - week - timedelta(hours=3))
    on("Masts of pine", 1)
    said = {"text": "sails of silk; ropes of hemp; masts of pine"}
    weekly = make_reader(
        "weekly@e.org", said, frequency="weekly", weekday=now.weekday(), covered_until=now - week
    )
    assert set(held(weekly, now)) == {late.title, "Masts of pine"}
    daily = make_reader("daily@e.org", said, covered_until=now - week)
    assert set(held(daily, now)) == {"Masts of pine"}
    assert "go back 7 days" in explain_absence(daily, str(late.arxiv_id), now)
    assert "would be in your next digest" in explain_absence(weekly, str(late.arxiv_id), now)


def test_a_weekly_digest_drops_what_the_reader_answered_kept_or_opened(
    make_reader: MakeReader, on: Callable[..., Paper], now: datetime
) -> None:
    rows = [on(title, 2, votes=9) for title in ("Hemp", "Sails", "Masts", "Oars", "Anchors")]
    scoring.rescore(now)
    reader = make_reader(learns_from_kept=False, learns_from_opened=True, frequency="weekly")
    assert len(held(reader, now)) == 5
    made: dict[str, Any] = {"subscriber": reader, "topic": reader.first_topic, "created_at": now}
    Reaction.objects.create(paper=rows[0], kind="more", **made)
    Reaction.objects.create(paper=rows[1], kind="less", **made)
    OpenedPaper.objects.create(paper=rows[2], **made)
    keep_paper(reader, rows[3], now)
    assert "You kept it" in explain_absence(reader, str(rows[3].arxiv_id), now)
    assert set(held(reader, now)) == {"Anchors"}


def test_a_weekly_digest_ranks_over_the_week_and_a_daily_one_by_the_day(
    make_reader: MakeReader, on: Callable[..., Paper], now: datetime
) -> None:
    on("Ropes of hemp", 6, votes=200)
    on("Sails of silk", 0, votes=20)
    scoring.rescore(now)
    weekly = make_reader("weekly@e.org", frequency="weekly")
    assert list(held(weekly, now)) == ["Ropes of hemp", "Sails of silk"]
    assert list(held(make_reader("daily@e.org"), now)) == ["Sails of silk", "Ropes of hemp"]


def test_two_papers_that_say_the_same_never_stand_in_one_digest(
    make_reader: MakeReader, on: Callable[..., Paper], now: datetime
) -> None:
    text = (
        "Salt water rises twice a day; we measure how far, where and why it does so. Gauges stand "
        "at forty piers from Bergen to Dover. A model of wind, moon and depth explains most of "
        "what they show. Storms add a metre in winter. Old charts were wrong by an hour near the "
        "banks, which pilots knew well. We publish every reading and all corrections."
    )
    on(TIDES, 0, abstract=text)
    twin = on(f"{TIDES}, extended", 0, abstract=text)
    on("Tides in narrow harbours", 0, abstract="Ships wait for water under their keels.")
    reader = make_reader(topic={"text": "Tides of the northern sea"})
    assert list(held(reader, now)) == [TIDES, "Tides in narrow harbours"]
    assert f"very similar to “{TIDES}”" in explain_absence(reader, str(twin.arxiv_id), now)


@pytest.mark.parametrize("kind", ["more", "less"])
def test_a_reaction_changes_tomorrows_digest_as_its_page_says(
    client: Client, make_reader: MakeReader, on: Callable[..., Paper], now: datetime, kind: str
) -> None:
    answered = on("Anchors of iron", 1, abstract="Anchors hold in sand and slip on rock.")
    on("Anchors for small boats", 0, abstract="Anchors hold in sand; ropes hold anchors.")
    on("Ropes of hemp", 0, abstract="Ropes of hemp hold boats in the harbour.")
    stored_lexicon.learn_lexicon(now)
    reader = make_reader(topic={"text": "ropes, anchors"}, covered_until=now)
    tomorrow = now + timedelta(days=1)
    Paper.objects.exclude(pk=answered.pk).update(
        first_seen_at=now + timedelta(hours=20), listed_on=tomorrow.date()
    )
    before = [item["score"] for item in by_title(reader, tomorrow)]
    page = reverse("react", args=[kind, answered.pk, tokens.make_token(Purpose.REACT, reader.pk)])
    shown = Page.open(client, page)
    asked = shown.text
    assert ("move up" if kind == "more" else "move down") in asked
    assert "anchors" in asked, "the words it adds or takes"
    assert [item["score"] for item in by_title(reader, tomorrow)] == before, "looking is nothing"
    assert "Got it" in shown.submit(f"Show me {kind} like this").text
    after = by_title(reader, tomorrow)
    moved = after[0]["score"] / after[1]["score"] - before[0] / before[1]
    assert moved > 0 if kind == "more" else moved < 0
    assert ("“Anchors of iron”, which you liked" in after[0]["reason"]) == (kind == "more")


def by_title(reader: Subscriber, now: datetime) -> list[dict[str, Any]]:
    return sorted(digests.preview_digest(reader, now).items, key=lambda item: str(item["title"]))


@pytest.mark.promise(18)
def test_no_paper_comes_twice_across_digests_of_any_state(
    make_reader: MakeReader, on: Callable[..., Paper], now: datetime
) -> None:
    both = {on(title, 0, votes=5).pk for title in ("Ropes of hemp", "Sails of silk")}
    scoring.rescore(now)
    reader = make_reader(topic={"text": "ropes of hemp"})
    digests.build_due_digests([reader.pk], now)
    assert set(Digest.objects.get().paper_ids) == both, "never learnt, and yet no twins"
    Digest.objects.update(status=Digest.Status.SENT)
    Subscription.objects.update(frequency="weekly", covered_until=None)
    reader.refresh_from_db()
    assert held(reader, now + timedelta(days=1)) == {}


def test_new_scores_do_not_prepare_the_days_papers_anew_and_new_texts_do(
    on: Callable[..., Paper], now: datetime
) -> None:
    paper = on("Ropes of hemp", 0, votes=5)
    stored_lexicon.learn_lexicon(now)
    scoring.rescore(now)
    first = candidate_pool.CandidatePool.of(now.date())
    Paper.objects.update(votes=500)
    scoring.rescore(now + timedelta(minutes=15))
    second = candidate_pool.CandidatePool.of(now.date())
    assert second.candidates is first.candidates
    assert second.trending[0] > first.trending[0]
    later = now + timedelta(minutes=20)
    Paper.objects.filter(pk=paper.pk).update(title="Ropes of silk", text_seen_at=later)
    assert candidate_pool.CandidatePool.of(now.date()).candidates.papers[0].title == "Ropes of silk"
