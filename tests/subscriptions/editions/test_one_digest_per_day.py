"""Promise 16 in the database: one digest per subscription and local day, whatever changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subscriptions.editions import digests
from subscriptions.models import Digest, Subscriber, Subscription
from subscriptions.readers import scheduling
from subscriptions.schedule import INTERVALS, local_day
from tests.examples import examples

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 20, tzinfo=UTC)  # before clocks change in Europe
HOUR = timedelta(hours=1)

schedules = st.fixed_dictionaries(
    {
        "frequency": st.sampled_from([*INTERVALS, "paused"]),
        "weekday": st.integers(0, 6),
        "month_day": st.integers(1, 31),
        "hour": st.integers(0, 23),
    }
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 60)),  # hours
        st.tuples(st.just("zone"), st.sampled_from(sorted(available_timezones()))),
        st.tuples(st.just("first"), schedules),
        st.tuples(st.just("second"), schedules),
        st.tuples(st.just("stop"), st.none()),
        st.tuples(st.just("resume"), st.none()),
    ),
    max_size=12,
)


class Installation:
    """A reader with two subscriptions, and a clock."""

    def __init__(self, zone: str) -> None:
        self.now = START
        self.reader = Subscriber.objects.create(
            email="a@e.org", email_key="a@e.org", status="active", created_at=START, timezone=zone
        )
        self.reader.topics.create(text="folding")
        self.first, self.second = (
            Subscription.objects.create(subscriber=self.reader, position=position).pk
            for position in range(2)
        )
        scheduling.reschedule_reader(self.reader, self.now)

    def act(self, name: str, value: Any) -> None:
        if name == "wait":
            self.wait(value)
        elif name == "zone":
            self.reader.timezone = value
            self.reader.save()
            scheduling.reschedule_reader(self.reader, self.now)
        elif name == "stop":
            scheduling.stop_subscription(self.second, self.now)
        elif name == "resume":
            scheduling.resume_subscription(self.second, self.now)
        else:
            pk = self.first if name == "first" else self.second
            scheduling.change_schedule(pk, self.now, **value)

    def wait(self, hours: int) -> None:
        """Let time pass, and build what is due at the moment it is due."""
        until = self.now + HOUR * hours
        while (due := self.next_due()) and due <= until:
            self.now = max(due, self.now)
            digests.build_due_digests([self.reader.pk], self.now)
        self.now = until

    def next_due(self) -> datetime | None:
        rows = Subscription.objects.active().exclude(next_digest_at=None)
        return rows.order_by("next_digest_at").values_list("next_digest_at", flat=True).first()

    def days(self, pk: int) -> list[date]:
        rows = Digest.objects.filter(subscription=pk).order_by("pk")
        return list(rows.values_list("day", flat=True))


@pytest.mark.promise(16)
@settings(max_examples=examples(25), deadline=None)
@given(st.sampled_from(sorted(available_timezones())), steps)
def test_no_subscription_has_two_digests_on_a_local_day(
    zone: str, actions: list[tuple[str, Any]]
) -> None:
    Subscriber.objects.all().delete()
    installation = Installation(zone)
    for name, value in actions:
        installation.act(name, value)
    for pk in (installation.first, installation.second):
        days = installation.days(pk)
        assert days == sorted(set(days))


@pytest.mark.promise(16)
@settings(max_examples=examples(15), deadline=None)
@given(st.sampled_from(sorted(available_timezones())), steps, st.integers(0, 23))
def test_a_daily_subscription_has_one_on_each_day_after_any_changes(
    zone: str, actions: list[tuple[str, Any]], hour: int
) -> None:
    Subscriber.objects.all().delete()
    installation = Installation(zone)
    for name, value in actions:
        installation.act(name, value)
    installation.act("first", {"frequency": "daily", "hour": hour})
    before = local_day(installation.reader.timezone, installation.now)
    installation.wait(24 * 6)
    after = local_day(installation.reader.timezone, installation.now)
    wanted = {before + timedelta(days=ahead) for ahead in range(3, (after - before).days)}
    assert wanted <= set(installation.days(installation.first))
