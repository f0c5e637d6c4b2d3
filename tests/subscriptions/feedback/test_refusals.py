"""Refusals at hand-over recorded as events."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection

from papers.models import Paper
from subscriptions.delivery import mailing_run
from subscriptions.editions import digests
from subscriptions.feedback.refusals import record_refusals, refused_digests
from subscriptions.feedback.settle import uncertain_with_events
from subscriptions.models import DeliveryEvent, Digest
from tests.subscriptions.conftest import MakeDigest, MakeReader, Sink

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("reply", "becomes"),
    [
        ("550 5.1.1 <reader@example.org>: no such user", "suppressed"),
        ("550 5.7.1 relaying denied", "active"),
        ("552 5.2.2 mailbox full", "active"),
    ],
)
@pytest.mark.promise(35)
def test_a_recipient_refused_during_sending_is_a_hard_bounce(
    edition: list[Paper],
    make_reader: MakeReader,
    smtp: Sink,
    now: datetime,
    reply: str,
    becomes: str,
) -> None:
    reader = make_reader(topic={"text": "language models"})
    smtp.at_rcpt = [reply]
    mailing_run.deliver_digests(digests.build_due_digests([reader.pk], now), lambda: now)
    assert [record_refusals(now) for _ in range(3)] == [1, 0, 0]
    reader.refresh_from_db()
    assert reader.status == becomes
    event = DeliveryEvent.objects.get()
    assert (event.provider, "@" in event.detail) == ("hand-over", False)
    assert reader.digests.get().status == "failed"


def test_failed_and_uncertain_digests_are_found_by_a_small_index(
    make_digest: MakeDigest, now: datetime
) -> None:
    make_digest(status="sent")
    columns = {field.column: field.column for field in Digest._meta.concrete_fields}
    del columns["id"]
    columns |= {"day": "day + n", "public_id": "gen_random_uuid()"}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO subscriptions_digest ({', '.join(columns)})"
            f" SELECT {', '.join(columns.values())}"
            " FROM subscriptions_digest, generate_series(1, 5000) AS n"
        )
        cursor.execute("ANALYZE subscriptions_digest")
    for queryset in (uncertain_with_events(), refused_digests(now.date())):
        assert "digest_problems" in queryset.order_by().explain()
