from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

import pytest
from django.db import connection

from devtools.benchmarks import edition, provider, smtp_sink, synthetic_readers
from papers.models import Paper
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail
from subscriptions.models import Digest, Subscriber, Subscription


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
def test_an_edition_is_measured_beside_its_baselines() -> None:
    report = edition.measure(connection.settings_dict["NAME"], readers=60, papers=400)
    product = report["paperboy"]
    assert (report["readers"], report["workers"], product["digests"]) == (60, 2, 72)
    assert Digest.objects.totals()["sent"] == 72
    assert Subscription.objects.filter(covered_until__isnull=True).count() == 0
    assert product["digests_per_s"] > 0
    assert product["peak_rss_mb"] > 50
    assert product["queries_per_chunk"] < 40
    assert sum(stage["share"] for stage in product["stages"].values()) == pytest.approx(1, abs=0.01)
    assert product["checked"] >= 1
    assert all(row["digests_per_s"] > 0 for row in report["baselines"].values())
    assert "Django's loop" in edition.table(report)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
def test_a_slow_provider_gets_many_connections_at_once() -> None:
    database = connection.settings_dict["NAME"]
    report = provider.measure(database, readers=64, papers=60, threads=8)
    assert Digest.objects.totals()["sent"] == 64
    one_at_a_time = 1 / smtp_sink.PAUSE
    assert report["digests_per_s"] > one_at_a_time
    assert report["max_per_s"] == pytest.approx(16 * one_at_a_time, 0.01)
    assert Digest.objects.exclude(provider_id="").count() == 64
    assert "one million in" in provider.table(report)


@pytest.mark.django_db
def test_only_some_of_many_readers_are_due(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic_readers, "DISTINCT", 20)
    liked = synthetic_readers.store_papers(20, now)
    assert synthetic_readers.store_readers(60, liked, now, due=20) == 20
    assert sum(map(len, digests.due_readers(now))) == 20
    assert Subscriber.objects.count() == 60


@pytest.mark.django_db
def test_a_mail_with_links_of_another_reader_is_a_problem(
    make_paper: Callable[..., Paper], make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    make_paper("Good language models", votes=9, score=1.0)
    readers = [make_reader(f"{name}@e.org") for name in ("one", "two")]
    digests.build_due_digests([reader.pk for reader in readers], now)
    digest, other_digest = (reader.digests.select_related("subscriber").get() for reader in readers)
    assert edition.find_problem(mailed(digest)) == ""
    other_digest.subscriber.email = "one@e.org"
    assert "belongs to another reader" in edition.find_problem(mailed(other_digest))


def mailed(digest: Digest) -> EmailMessage:
    outgoing = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    raw = outgoing.as_bytes("us@example.org", digest.created_at)
    return BytesParser(policy=default).parsebytes(raw)  # type: ignore[return-value]
