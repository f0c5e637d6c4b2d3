"""One reader with bad data stops only itself, is told to the operator, and is written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from operations import doctor
from papers.models import Paper
from subscriptions import schedule
from subscriptions.editions import alerts, digests, recovery, topic_matches
from subscriptions.models import Digest, Edition, Subscriber, Subscription, Topic
from subscriptions.readers import scheduling

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]
LANGUAGE = {"text": "language models"}
UNKNOWN = ("Mars/Olympus", "localtime/x", "../etc/passwd", "", "Europe/Berlin ", "x" * 64)


@pytest.fixture
def three(edition: list[Paper], make_reader: MakeReader) -> list[Subscriber]:
    return [make_reader(f"{n}@e.org", LANGUAGE) for n in range(3)]


@pytest.mark.parametrize("zone", UNKNOWN)
@pytest.mark.promise(47)
def test_an_unknown_time_zone_is_treated_as_utc(
    three: list[Subscriber], now: datetime, zone: str
) -> None:
    Subscriber.objects.filter(pk=three[1].pk).update(timezone=zone)
    assert len(digests.build_due_digests([reader.pk for reader in three], now)) == 3
    assert set(Digest.objects.values_list("day", flat=True)) == {now.date()}
    three[1].refresh_from_db()
    due = three[1].default_subscription.next_digest_at
    assert due == datetime.fromisoformat("2026-05-01T08:00:00Z")
    assert scheduling.unknown_zones() == {zone: 1}
    [finding] = doctor.time_zones(now)
    assert repr(zone) in finding.message


def test_known_zones_are_no_finding(three: list[Subscriber], now: datetime) -> None:
    assert schedule.zone_of("Asia/Calcutta").key == "Asia/Calcutta"
    assert scheduling.unknown_zones() == {}
    [finding] = doctor.time_zones(now)
    assert finding.level == doctor.Level.OK


@pytest.mark.parametrize(
    "bad",
    [
        {"hour": 99},
        {"hour": 32767, "frequency": "weekdays"},
        {"topic": {"references": [17]}},
        {"topic": {"references": "none"}},
    ],
    ids=str,
)
@pytest.mark.promise(47)
def test_one_reader_with_bad_data_stops_only_itself(
    three: list[Subscriber], now: datetime, bad: dict[str, Any]
) -> None:
    if topic := bad.get("topic"):
        Topic.objects.filter(subscriber=three[1]).update(**topic)
    else:
        Subscription.objects.filter(subscriber=three[1]).update(**bad)
    assert len(digests.build_due_digests([reader.pk for reader in three], now)) == 2
    written = three[1].digests.get()
    assert (written.status, written.paper_ids) == ("failed", [])
    assert written.reason.startswith("The digest could not be built.")
    assert digests.build_due_digests([reader.pk for reader in three], now) == [], (
        "it is not tried forever"
    )
    [told] = alerts.current_problems(now)
    assert f"reader {three[1].pk} for {now.date()} is missing" in told
    assert Edition.objects.get().due == 3
    failed = Digest.objects.filter(status="failed")
    assert recovery.send_again(failed, now) == [], "there is nothing to send"


def test_where_no_digest_can_be_made_the_readers_stay_due_for_an_hour(
    three: list[Subscriber], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_: Any) -> None:
        raise RuntimeError("our own fault")

    pks = [reader.pk for reader in three]
    with monkeypatch.context() as broken:
        broken.setattr(topic_matches, "match_profiles", trip)
        with pytest.raises(RuntimeError):
            digests.build_due_digests(pks, now)
    assert not Digest.objects.exists()
    assert len(digests.build_due_digests(pks, now)) == 3


def test_a_single_reader_whose_digest_cannot_be_made_is_written_down_after_an_hour(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"references": [17]})
    with pytest.raises(Exception, match=r".+"):
        digests.build_due_digests([reader.pk], now)
    assert digests.build_due_digests([reader.pk], now + timedelta(hours=1)) == []
    assert reader.digests.get().status == "failed"
