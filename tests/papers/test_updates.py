from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from papers import updates
from papers.models import Paper, PaperUpdate
from subscriptions.editions import digests
from subscriptions.mail import cards
from subscriptions.models import Digest, Subscriber


def test_a_reader_gets_updates_of_papers_in_past_digests(
    edition: list[Paper],
    make_paper: Callable[..., Paper],
    make_reader: Callable[..., Subscriber],
    now: datetime,
) -> None:
    day = now.date() - timedelta(days=1)
    old = make_paper("An old one", listed_on=day)
    reader, other = make_reader(covered_until=now - timedelta(days=1)), make_reader("b@example.org")
    Digest.objects.create(
        subscriber=reader, subscription=reader.default_subscription, day=day,
        status=Digest.Status.SENT, paper_ids=[old.pk],
        created_at=now, next_attempt_at=now, expires_at=now,
    )  # fmt: skip
    early = now - timedelta(days=2)
    url = "https://code.example.org/old"
    PaperUpdate.objects.create(paper=old, kind="code", at=now - timedelta(hours=1), detail=url)
    PaperUpdate.objects.create(paper=old, kind="venue", at=early, detail="Told before")
    digests.build_due_digests([reader.pk, other.pk], now)
    said = reader.digests.get(day=now.date()).notices
    assert said == [f"A paper we sent you, “An old one”, now has code: {url}"]
    assert other.digests.get().notices == []


def test_a_withdrawal_is_reported_and_the_paper_is_not_sent(
    edition: list[Paper], make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    reader = make_reader()
    digests.build_due_digests([reader.pk], now)
    digest = reader.digests.get()
    gone = Paper.objects.get(pk=digest.paper_ids[0])
    Paper.objects.filter(pk=gone.pk).update(withdrawn=True)
    shown = [card["paper"].pk for card in cards.cards_for_items(digest.items)]
    assert gone.pk not in shown, "not even in a digest made before"
    PaperUpdate.objects.create(paper=gone, kind="withdrawn", at=now + timedelta(hours=1))
    found = updates.updates_since(now + timedelta(days=1))
    [said] = updates.describe_updates(found, [gone.pk], now)
    assert said == f"A paper we sent you, “{gone.title}”, has been withdrawn."


def test_few_updates_are_shown_newest_first_with_short_titles(
    make_paper: Callable[..., Paper], now: datetime
) -> None:
    papers = [make_paper(f"{number} " + "long " * 40) for number in range(5)]
    for number, paper in enumerate(papers):
        at = now - timedelta(hours=number)
        PaperUpdate.objects.create(paper=paper, kind="withdrawn", at=at)
    said = updates.describe_updates(
        updates.updates_since(now), [paper.pk for paper in papers], None
    )
    assert [one.partition("“")[2][0] for one in said] == ["0", "1", "2"]
    assert all(len(one) < 150 for one in said)
