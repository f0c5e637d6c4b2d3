"""Promise 16 for every kind of schedule: the due times of a walk against the days of a zone."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subscriptions.schedule import (
    INTERVALS,
    SPARE_DAYS,
    Schedule,
    local_day,
    longest_wait,
    next_digest_at,
)

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WALK = timedelta(days=100)
# Zones that skipped a whole day, and when; all others are sampled.
SKIPS = {
    "Pacific/Apia": datetime(2011, 12, 30),  # noqa: DTZ001
    "Pacific/Fakaofo": datetime(2011, 12, 30),  # noqa: DTZ001
    "Pacific/Kwajalein": datetime(1993, 8, 21),  # noqa: DTZ001
    "Pacific/Kiritimati": datetime(1994, 12, 31),  # noqa: DTZ001
    "Pacific/Kanton": datetime(1994, 12, 31),  # noqa: DTZ001
}
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2036, 1, 1))  # noqa: DTZ001


def schedules(zones: list[str]) -> st.SearchStrategy[Schedule]:
    return st.builds(
        Schedule,
        timezone=st.sampled_from(zones),
        hour=st.integers(0, 23),
        frequency=st.sampled_from([*INTERVALS, "paused"]),
        weekday=st.integers(0, 6),
        offset=st.integers(0, 59).map(lambda minutes: timedelta(minutes=minutes)),
        month_day=st.integers(1, 31),
        start=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    )


ANY_SCHEDULE = schedules(sorted(available_timezones()))
NEAR_A_SKIP = schedules(sorted(SKIPS))


def days_of_zone(name: str, first: datetime, last: datetime) -> set[date]:
    """Return the local days of a zone, found by its clock hour by hour."""
    zone, hours = ZoneInfo(name), int((last - first) / HOUR) + 1
    return {(first + HOUR * passed).astimezone(zone).date() for passed in range(hours)}


def is_wanted(schedule: Schedule, day: date) -> bool:
    """Return whether a schedule has a day, by the calendar alone."""
    monday = day - DAY * day.weekday()
    first_day = schedule.start or date(1, 1, 1)
    first_monday = first_day - DAY * first_day.weekday()
    is_weekday = day.weekday() == schedule.weekday
    return {
        "daily": True,
        "weekdays": day.isoweekday() not in (6, 7),
        "weekly": is_weekday,
        "fortnightly": is_weekday and (monday - first_monday).days % 14 == 0,
        "monthly": day.day == min(schedule.month_day, monthrange(day.year, day.month)[1]),
    }.get(schedule.frequency, False)


def check_walk(schedule: Schedule, start: datetime) -> None:
    """Go from due time to due time, and compare the days with those of the zone."""
    moment, days = start, []
    while due := next_digest_at(schedule, moment, days[-1] if days else None):
        assert due > moment
        if due > start + WALK:
            break
        moment = due
        days.append(local_day(schedule.timezone, due))
    zone_days = days_of_zone(schedule.timezone, start, start + WALK)
    # The first day and the last may be without a due time, since the walk has only a part of them.
    whole = zone_days - {min(zone_days), max(zone_days)}
    assert days == sorted(set(days))
    assert {day for day in days if day in whole} == {d for d in whole if is_wanted(schedule, d)}
    assert all(is_wanted(schedule, day) for day in days)


@pytest.mark.promise(16)
@given(ANY_SCHEDULE, MOMENTS)
def test_a_walk_has_one_due_time_on_each_day_of_the_schedule(
    schedule: Schedule, start: datetime
) -> None:
    check_walk(schedule, start.replace(tzinfo=UTC))


@pytest.mark.promise(16)
@given(NEAR_A_SKIP, st.integers(0, 24 * 80))
@example(Schedule("Pacific/Apia", 8, "monthly", 0, month_day=30), 24 * 40)
@example(Schedule("Pacific/Apia", 0, "weekly", 4), 24 * 40)
@example(Schedule("Pacific/Apia", 23, "daily", 0, timedelta(minutes=59)), 24)
@example(Schedule("Pacific/Kwajalein", 0, "fortnightly", 5, start=date(1993, 8, 16)), 24 * 20)
def test_a_day_that_a_zone_skips_is_the_only_one_without(schedule: Schedule, hours: int) -> None:
    skipped = SKIPS[schedule.timezone].replace(tzinfo=UTC)
    check_walk(schedule, skipped - HOUR * hours)


def change_and_wait(
    start: datetime, first: Schedule, changes: list[tuple[int, Schedule]]
) -> list[date]:
    """Change a schedule again and again, with hours between; return the days of digests.

    The last one is kept for seventy days. The next digest is never farther away than the longest
    wait, or twice that where a zone skips the day.
    """
    now, schedule, days = start.replace(tzinfo=UTC), first, []
    for hours, changed in [*changes, (24 * 70, first)]:
        due = next_digest_at(schedule, now, days[-1] if days else None)
        assert (due is None) == (schedule.frequency == "paused")
        until = now + HOUR * hours
        while due is not None and due <= until:
            days.append(local_day(schedule.timezone, due))
            due, now = next_digest_at(schedule, due, days[-1]), due
            wait = longest_wait(schedule.frequency)
            if schedule.timezone in SKIPS:
                wait += wait
            assert due is not None
            assert due - now <= wait
        now, schedule = until, changed
    return days


CHANGES = st.lists(st.tuples(st.integers(1, 24 * 40), ANY_SCHEDULE | NEAR_A_SKIP), max_size=10)


@pytest.mark.promise(16)
@given(MOMENTS | st.sampled_from(list(SKIPS.values())), ANY_SCHEDULE | NEAR_A_SKIP, CHANGES)
def test_no_change_of_schedule_brings_two_on_a_day_or_none_for_ever(
    start: datetime, first: Schedule, changes: list[tuple[int, Schedule]]
) -> None:
    days = change_and_wait(start, first, changes)
    assert all(earlier < later for earlier, later in pairwise(days))
    last = changes[-1][1] if changes else first
    assert days or last.frequency == "paused", "seventy days have at least one"


def test_the_longest_wait_covers_a_change_of_zone() -> None:
    """The day in the west is two days before the one in the east, for two hours of each day."""
    now = datetime(2026, 5, 31, 11, tzinfo=UTC)
    east = local_day("Pacific/Kiritimati", now)
    assert east - local_day("Etc/GMT+12", now) == timedelta(days=2)
    due = next_digest_at(Schedule("Etc/GMT+12", 8, "daily", 0), now, east)
    assert due is not None
    assert due - now < timedelta(days=INTERVALS["daily"] + SPARE_DAYS)
