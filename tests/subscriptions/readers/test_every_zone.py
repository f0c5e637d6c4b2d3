"""Promise 16: every zone and every transition from 2020 to 2035, day by day and hour by hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.schedule import Schedule, due_at, local_day, next_digest_at, spread_offset

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
STEP = timedelta(days=7)  # no zone changes twice within a week


def shift(zone: ZoneInfo, moment: datetime) -> timedelta:
    found = moment.astimezone(zone).utcoffset()
    assert found is not None
    return found


def transitions(name: str) -> Iterator[tuple[datetime, timedelta, timedelta]]:
    """Each change of a zone's clock: the instant, and the offsets before and after."""
    zone, moment = ZoneInfo(name), START
    while moment < END:
        before, after = moment, moment + STEP
        if shift(zone, before) != shift(zone, after):
            while after - before > SECOND:
                middle = before + (after - before) // 2
                before, after = (
                    (middle, after)
                    if shift(zone, middle) == shift(zone, moment)
                    else (before, middle)
                )
            yield after.replace(microsecond=0), shift(zone, before), shift(zone, after)
        moment += STEP


@cache
def distinct() -> dict[tuple[datetime, timedelta, timedelta], str]:
    """Every different transition with one zone that has it. Zones whose clocks change alike at
    the same instant are alike in the days around it, so one of them stands for all."""
    return {change: name for name in sorted(available_timezones()) for change in transitions(name)}


def is_right(name: str, day: date, hour: int, due: datetime) -> bool:
    """Is `due` the first instant of a local day at or after the hour; else its last second?"""
    zone = ZoneInfo(name)
    target = datetime.combine(day, datetime.min.time()).replace(hour=hour)
    wall = due.astimezone(zone).replace(tzinfo=None)
    if wall.date() != day:
        return False
    if wall < target:
        return (due + SECOND).astimezone(zone).replace(tzinfo=None) > target
    return (due - SECOND).astimezone(zone).replace(tzinfo=None) < target


@pytest.mark.promise(16)
def test_every_transition_of_every_zone_is_covered() -> None:
    found = distinct()
    assert len(available_timezones()) > 400
    assert len(found) > 400
    berlin = [change for change in found if change[0] == datetime(2026, 3, 29, 1, tzinfo=UTC)]
    assert (berlin[0][2] - berlin[0][1]) == timedelta(hours=1)


@pytest.mark.promise(16)
def test_the_first_instant_is_right_for_every_day_and_hour_around_every_transition() -> None:
    around = [
        (name, local_day(name, instant) + timedelta(days=ahead))
        for (instant, _, _), name in distinct().items()
        for ahead in (-1, 0, 1)
    ]
    wrong = [
        (name, day, hour)
        for name, day in around
        for hour in range(24)
        if not is_right(name, day, hour, due_at(name, day, hour))
    ]
    assert wrong == []


@pytest.mark.promise(16)
def test_exactly_one_digest_per_local_day_around_every_transition() -> None:
    wrong = []
    for (instant, _, _), name in distinct().items():
        for hour in (0, 1, 2, 3, 23):
            moment, days = instant - 2 * DAY, []
            while moment < instant + 2 * DAY:
                due = next_digest_at(
                    Schedule(name, hour, "daily", 0), moment, max(days, default=None)
                )
                assert due is not None
                moment = due
                days.append(local_day(name, due))
            if any(later - earlier != DAY for earlier, later in pairwise(days)):
                wrong.append((name, hour, days))
    assert wrong == []


@pytest.mark.promise(16)
def test_every_zone_has_one_digest_per_day() -> None:
    """Those without any transition as well."""
    for name in available_timezones():
        moment, last = datetime(2026, 6, 20, tzinfo=UTC), None
        for _ in range(4):
            due = next_digest_at(Schedule(name, 8, "daily", 0), moment, last)
            assert due is not None
            assert last is None or local_day(name, due) == last + DAY
            moment, last = due, local_day(name, due)


def test_where_the_clock_jumps_from_before_the_hour_into_the_next_day() -> None:
    """In Nuuk the clock goes from Saturday 23:00 to Sunday 0:00: Saturday has no 23:00."""
    due = due_at("America/Nuuk", date(2026, 3, 28), 23)
    assert f"{due.astimezone(ZoneInfo('America/Nuuk')):%d %H:%M:%S}" == "28 22:59:59"
    sunday = next_digest_at(Schedule("America/Nuuk", 23, "daily", 0), due, date(2026, 3, 28))
    assert sunday == due_at("America/Nuuk", date(2026, 3, 29), 23)


rhythms = st.builds(
    Schedule,
    timezone=st.sampled_from(sorted(available_timezones())),
    hour=st.integers(0, 23),
    frequency=st.sampled_from(["daily", "weekdays", "weekly", "paused"]),
    weekday=st.integers(0, 6),
    offset=st.integers(0, 59).map(lambda minutes: timedelta(minutes=minutes)),
)
changes = st.lists(st.tuples(st.integers(1, 60 * 24 * 3), rhythms), min_size=1, max_size=12)


@given(
    start=st.datetimes(datetime(2020, 1, 5), datetime(2035, 12, 1)),  # noqa: DTZ001
    first=rhythms,
    changed=changes,
)
@pytest.mark.promise(16)
def test_a_reader_who_changes_zone_or_hour_gets_at_most_one_digest_that_day(
    start: datetime, first: Schedule, changed: list[tuple[int, Schedule]]
) -> None:
    """A reader changes their mind again and again; beat comes by whenever something is due."""
    now, rhythm, days = start.replace(tzinfo=UTC), first, []
    due = next_digest_at(rhythm, now)
    for minutes, new in changed:
        until = now + timedelta(minutes=minutes)
        while due is not None and due <= until:
            days.append(local_day(rhythm.timezone, due))
            due = next_digest_at(rhythm, due, days[-1])
        now, rhythm = until, new
        due = next_digest_at(rhythm, now, days[-1] if days else None)
    assert all(earlier < later for earlier, later in pairwise(days))


def test_a_spread_is_the_readers_own_even_and_never_before_the_hour() -> None:
    window = timedelta(minutes=30)
    offsets = [spread_offset(reader, window) for reader in range(1, 3001)]
    assert offsets == [spread_offset(reader, window) for reader in range(1, 3001)]
    assert min(offsets) >= timedelta(0)
    assert max(offsets) < window
    in_minutes = [0] * 30
    for offset in offsets:
        in_minutes[int(offset.total_seconds() // 60)] += 1
    assert max(in_minutes) < 1.2 * 3000 / 30


def test_a_spread_never_leaves_the_day() -> None:
    late = due_at("UTC", date(2026, 4, 30), 23, timedelta(minutes=59))
    assert late == datetime(2026, 4, 30, 23, 59, tzinfo=UTC)
    beyond = due_at("UTC", date(2026, 4, 30), 23, timedelta(minutes=61))
    assert beyond == datetime(2026, 4, 30, 23, 59, 59, tzinfo=UTC)
