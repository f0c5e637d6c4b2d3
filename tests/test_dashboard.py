"""The dashboard's figures, and the number of queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from papers.models import Paper
from subscriptions.editions import desk, digests
from subscriptions.library.keeping import keep_paper
from subscriptions.models import DeliveryEvent, Digest, Edition, Reaction, Subscriber
from subscriptions.staff import dashboard

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
PAGE = "/admin/subscriptions/edition/dashboard/"


@pytest.fixture
def month(edition: list[Paper], make_reader: Callable[..., Subscriber], now: datetime) -> None:
    """Create three readers (one unsubscribed), two digests (one bounced twice), and reactions."""
    today = {"created_at": now, "confirmed_at": now}
    readers = [make_reader(f"{n}@e.org", {"text": "language models"}, **today) for n in range(3)]
    long_ago = now - timedelta(days=60)
    make_reader("old@e.org", created_at=long_ago, confirmed_at=long_ago, next_digest_at=None)
    digests.build_due_digests([reader.pk for reader in readers], now)
    Digest.objects.filter(subscriber__in=readers[:2]).update(status="sent", sent_at=now)
    Subscriber.objects.filter(pk=readers[2].pk).update(status="unsubscribed", unsubscribed_at=now)
    sent = Digest.objects.filter(status="sent").order_by("pk")
    for number, kind in enumerate(("soft", "hard", "complaint")):
        DeliveryEvent.objects.create(
            key=str(number), provider="p", kind=kind, occurred_at=now, received_at=now,
            subscriber=sent[0].subscriber, digest=sent[0], day=sent[0].day,
        )  # fmt: skip
    for reader, kind in ((readers[0], "more"), (readers[1], "less")):
        first = reader.digests.get().items[0]["paper"]
        Reaction.objects.create(
            subscriber=reader, topic=reader.first_topic, paper_id=first, kind=kind, created_at=now
        )
    keep_paper(readers[0], Paper.objects.get(pk=readers[0].digests.get().items[0]["paper"]), now)
    yesterday = now.date() - timedelta(days=1)
    Edition.objects.create(day=yesterday, closed_at=now, due=9, totals={"sent": 7, "failed": 2})


@pytest.mark.usefixtures("month")
def test_every_figure_is_counted_from_rows(now: datetime) -> None:
    found = dashboard.count_figures(now)
    last = {chart.name: (chart.bars[-2].count, chart.bars[-1].count) for chart in found.charts}
    assert last == {
        "Sign-ups": (0, 3),
        "Confirmations": (0, 3),
        "Unsubscribed": (0, 1),
        "Digests sent": (7, 2),
        "Bounces": (0, 1),
        "Complaints": (0, 1),
    }
    assert found.readers == {"active": 3, "unsubscribed": 1}
    assert found.reactions[1] == ("For you", 1, 1, 1)
    assert [counts for _paper, *counts in found.liked] == [[1, 1, 1]]
    assert {chart.bars[-1].day for chart in found.charts} == {now.date()}


def test_the_highest_bar_fills_the_chart(now: datetime) -> None:
    day = now.date()
    chart = dashboard.Chart.of("x", {day: 8, day - timedelta(days=29): 4}, day)
    assert [bar.height for bar in (chart.bars[0], chart.bars[-1])] == [60, dashboard.HEIGHT]
    assert all(bar.y + bar.height == dashboard.HEIGHT for bar in chart.bars)
    assert all(0 <= bar.x <= dashboard.WIDTH - bar.width for bar in chart.bars)
    assert dashboard.Chart.of("none", {}, day).most == 0


@pytest.mark.parametrize(("hour", "shown"), [(11, True), (13, False)])
def test_a_day_without_digests_leaves_when_it_is_over_in_all_time_zones(
    now: datetime, hour: int, shown: bool
) -> None:
    now = now.replace(hour=hour, minute=0)
    yesterday = now.date() - timedelta(days=1)
    assert (dashboard.upcoming_editions(now)[0].edition.day == yesterday) == shown
    Edition.objects.create(day=yesterday)
    assert dashboard.upcoming_editions(now)[0].edition.day == yesterday


@pytest.mark.usefixtures("month")
def test_upcoming_editions_show_their_pins(now: datetime, edition: list[Paper]) -> None:
    tomorrow = now.date() + timedelta(days=1)
    desk.apply_change(tomorrow, now, desk.pin_paper, edition[0].pk)
    rows = {row.edition.day: row for row in dashboard.upcoming_editions(now)}
    assert len(rows) == 4
    assert (rows[tomorrow].pinned, rows[now.date()].edition.due) == (1, 3)


@pytest.mark.usefixtures("month")
def test_the_page_needs_a_permission_and_caches_its_figures(
    admin_client: Client, client: Client, django_assert_max_num_queries: Any
) -> None:
    page = admin_client.get(PAGE)
    assert page.status_code == 200
    assert "Sign-ups per day in 30 days" in page.text
    with django_assert_max_num_queries(12):
        admin_client.get(PAGE)
    assert "Tomorrow&#x27;s desk" in admin_client.get("/admin/").text.replace("'", "&#x27;")
    client.force_login(User.objects.create_user("helper", is_staff=True))
    assert client.get(PAGE).status_code == 403
