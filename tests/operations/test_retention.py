from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection

from operations import retention, tasks
from papers.models import Document, Observation, Paper, Source, SourceCheck
from subscriptions.models import DeliveryEvent, Digest, Edition, Subscriber

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def kept(settings: Any) -> None:
    settings.OBSERVATIONS_DENSE, settings.OBSERVATIONS_KEPT = 14 * DAY, 365 * DAY
    settings.DIGESTS_KEPT = settings.DOCUMENTS_KEPT = 100 * DAY


def observe(paper: Paper, *moments: datetime, kind: str = "hf-daily") -> None:
    for n, at in enumerate(moments):
        Observation.objects.create(paper=paper, kind=kind, observed_at=at, votes=n)


def moments(**which: Any) -> list[datetime]:
    rows = Observation.objects.filter(**which).order_by("observed_at")
    return list(rows.values_list("observed_at", flat=True))


def test_the_last_observation_of_each_old_day_is_kept(
    make_paper: Callable[..., Paper], now: datetime
) -> None:
    paper, noon = make_paper(), now.replace(hour=12)
    old = [noon - 20 * DAY + n * HOUR for n in (0, 3, 6)]
    recent = [noon - 3 * DAY + n * HOUR for n in (0, 3, 6)]
    observe(paper, *old, *recent)
    observe(paper, old[0], kind="readers")
    assert retention.delete_old_rows(now)["observations"] == 2
    assert moments(kind="hf-daily") == [old[2], *recent]
    assert moments(kind="readers") == [old[0]], "each kind has its last"
    assert retention.delete_old_rows(now) == {}


def test_the_last_observation_of_each_old_paper_is_kept(
    make_paper: Callable[..., Paper], now: datetime
) -> None:
    one, other = make_paper("One"), make_paper("Other")
    observe(one, now - 420 * DAY, now - 410 * DAY, now - 400 * DAY)
    observe(other, now - 420 * DAY, now - 30 * DAY)
    retention.delete_old_rows(now)
    assert moments(paper=one) == [now - 400 * DAY]
    assert moments(paper=other) == [now - 30 * DAY]


def digest_of(reader: Subscriber, day: datetime) -> Digest:
    times = {"created_at": day, "expires_at": day, "next_attempt_at": day}
    subscription = reader.default_subscription
    return Digest.objects.create(
        subscriber=reader, subscription=subscription, day=day.date(), status="sent", **times
    )


def test_old_digests_of_closed_editions_are_deleted_and_their_totals_kept(
    make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    reader = make_reader()
    old, older, recent = now - 101 * DAY, now - 150 * DAY, now - 10 * DAY
    for day, closed in ((old, old), (older, None), (recent, recent)):
        Edition.objects.create(day=day.date(), due=1, closed_at=closed, totals={"sent": 1})
    gone, open_, young = (digest_of(reader, day) for day in (old, older, recent))
    event = DeliveryEvent.objects.create(
        key="k",
        provider="p",
        kind="hard",
        occurred_at=old,
        received_at=old,
        digest=gone,
        day=old.date(),
    )
    assert retention.delete_old_rows(now)["digests"] == 1
    assert set(Digest.objects.all()) == {open_, young}
    event.refresh_from_db()
    assert (event.digest, event.day) == (None, old.date())
    edition = Edition.objects.get(day=old.date())
    assert (edition.due, edition.erased, edition.totals) == (1, 0, {"sent": 1})


def test_old_documents_are_deleted_unless_a_check_or_their_source_needs_them(now: datetime) -> None:
    source = Source.objects.create(url="https://a.example/")

    def document(name: str, age: int) -> Document:
        at = now - age * DAY
        return Document.objects.create(
            source=source, kind="feed", location="x", sha256=name, first_seen_at=at
        )

    document("gone", 300)
    named, last = document("named", 250), document("last", 200)
    values = {"source": source, "at": now, "outcome": "new", "state": "fresh"}
    SourceCheck.objects.create(document=named, **values)
    retention.delete_old_rows(now)
    assert set(Document.objects.all()) == {named, last}


def test_expired_sessions_are_deleted(now: datetime) -> None:
    for key, at in (("over", now - HOUR), ("good", now + HOUR)):
        Session.objects.create(session_key=key, session_data="", expire_date=at)
    retention.delete_old_rows(now)
    assert [session.pk for session in Session.objects.all()] == ["good"]


def test_batches_are_separate_transactions_and_stop_on_request(
    make_paper: Callable[..., Paper], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    observe(make_paper(), *(now - 20 * DAY + n * timedelta(minutes=1) for n in range(8)))
    asked = iter([False, False, *[True] * 7])
    assert retention.delete_old_rows(now, lambda: next(asked))["observations"] == 4
    assert Observation.objects.count() == 4
    assert retention.delete_old_rows(now)["observations"] == 3


@pytest.mark.django_db(transaction=True)
def test_a_locked_row_is_skipped_soon(make_paper: Callable[..., Paper], now: datetime) -> None:
    import psycopg
    from django.db import OperationalError

    paper = make_paper()
    observe(paper, now - 20 * DAY, now - 20 * DAY + timedelta(minutes=1))
    other = psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None})
    try:
        other.execute("SELECT 1 FROM papers_observation FOR UPDATE")
        with pytest.raises(OperationalError, match="lock timeout"):
            retention.delete_old_rows(now)
    finally:
        other.close()
    assert retention.delete_old_rows(now)["observations"] == 1


def test_the_task_deletes_old_rows(make_paper: Callable[..., Paper], settings: Any) -> None:
    long_ago = datetime(2020, 1, 1).astimezone()
    observe(make_paper(), long_ago, long_ago + HOUR)
    tasks.delete_old_rows()
    assert Observation.objects.count() == 1
