from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from papers import updates
from papers.models import Paper, PaperUpdate
from subscriptions.editions import digests
from subscriptions.library.keeping import keep_paper
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


def test_news_of_kept_papers_come_first_and_all_of_their_withdrawals(
    edition: list[Paper],
    make_paper: Callable[..., Paper],
    make_reader: Callable[..., Subscriber],
    now: datetime,
) -> None:
    reader, other = make_reader(covered_until=now - timedelta(days=30)), make_reader("b@e.org")
    day = now.date() - timedelta(days=40)
    titles = ("With code", "Revised", "First gone", "Second gone", "Third gone", "Fourth gone")
    kept = [make_paper(title, listed_on=day) for title in titles]
    for paper in kept:
        keep_paper(reader, paper, now - timedelta(days=35))
    keep_paper(other, kept[0], now - timedelta(hours=1))
    sent = make_paper("Only sent", listed_on=day)
    Digest.objects.create(
        subscriber=reader, subscription=reader.default_subscription, day=day + timedelta(days=39),
        status=Digest.Status.SENT, paper_ids=[sent.pk, kept[0].pk],
        created_at=now, next_attempt_at=now, expires_at=now,
    )  # fmt: skip
    news = PaperUpdate.objects.create
    news(paper=sent, kind="code", at=now - timedelta(hours=1), detail="https://c.example.org")
    news(paper=sent, kind="version", at=now - timedelta(hours=1), detail="v2")
    news(paper=kept[0], kind="code", at=now - timedelta(hours=2), detail="https://c.example.org/k")
    news(paper=kept[1], kind="version", at=now - timedelta(days=20), detail="v3")

    def told() -> list[str]:
        notices = digests.preview_digest(reader, now).notices
        return [one for one in notices if one.startswith("A paper")]

    assert told() == [
        "A paper you kept, “With code”, now has code: https://c.example.org/k",
        "A paper you kept, “Revised”, has a new version: v3",
        "A paper we sent you, “Only sent”, now has code: https://c.example.org",
    ]
    assert "With code" not in str(digests.preview_digest(other, now).notices), "kept after the news"
    for number, paper in enumerate(kept[2:]):
        news(paper=paper, kind="withdrawn", at=now - timedelta(days=number + 1))
    assert [one.split("“")[1].split("”")[0] for one in told()] == list(titles[2:])
