from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from subscriptions.schedule import Schedule, due_at, local_day, next_digest_at

NOON = datetime(2026, 4, 30, 12, tzinfo=UTC)  # a Thursday


def test_daily_digest_is_due_at_the_readers_own_hour() -> None:
    due = next_digest_at(Schedule("Asia/Tokyo", 8, "daily", 0), NOON)
    assert due == datetime(2026, 4, 30, 23, tzinfo=UTC)  # 8:00 on the first of May in Tokyo


def test_an_hour_still_to_come_is_due_today() -> None:
    due = next_digest_at(Schedule("UTC", 18, "daily", 0), NOON)
    assert due == datetime(2026, 4, 30, 18, tzinfo=UTC)


def test_nobody_gets_two_digests_on_one_day() -> None:
    due = next_digest_at(Schedule("UTC", 18, "daily", 0), NOON, last_day=date(2026, 4, 30))
    assert due == datetime(2026, 5, 1, 18, tzinfo=UTC)


def test_weekday_digests_skip_the_weekend() -> None:
    friday_evening = datetime(2026, 5, 1, 20, tzinfo=UTC)
    due = next_digest_at(Schedule("UTC", 8, "weekdays", 0), friday_evening)
    assert due == datetime(2026, 5, 4, 8, tzinfo=UTC)


def test_weekly_digest_comes_on_its_weekday() -> None:
    due = next_digest_at(Schedule("UTC", 8, "weekly", 2), NOON)
    assert due == datetime(2026, 5, 6, 8, tzinfo=UTC)


def test_weekly_digest_missed_today_comes_a_week_later() -> None:
    due = next_digest_at(Schedule("UTC", 8, "weekly", 3), NOON)
    assert due == datetime(2026, 5, 7, 8, tzinfo=UTC)


def test_paused_readers_are_never_due() -> None:
    assert next_digest_at(Schedule("UTC", 8, "paused", 0), NOON) is None


def test_where_the_clock_jumps_over_the_hour_the_jump_counts() -> None:
    due = due_at("Europe/Berlin", date(2026, 3, 29), 2)  # 2:00 does not exist
    assert due == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert due.astimezone(ZoneInfo("Europe/Berlin")).hour == 3


def test_where_the_jump_is_over_midnight_the_first_moment_of_the_day_counts() -> None:
    due = due_at("America/Asuncion", date(2023, 10, 1), 0)
    wall = due.astimezone(ZoneInfo("America/Asuncion"))
    assert (wall.date(), wall.hour, wall.minute) == (date(2023, 10, 1), 1, 0)


def test_where_the_hour_comes_twice_the_first_counts() -> None:
    due = due_at("Europe/Berlin", date(2026, 10, 25), 2)
    assert due == datetime(2026, 10, 25, 0, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("hour", [0, 2, 23])
def test_every_local_day_of_a_year_has_exactly_one_digest(zone: str, hour: int) -> None:
    rhythm = Schedule(zone, hour, "daily", 0)
    moment, days = datetime(2026, 1, 1, tzinfo=UTC), []
    while moment < datetime(2027, 1, 1, tzinfo=UTC):
        due = next_digest_at(rhythm, moment, days[-1] if days else None)
        assert due is not None
        assert due > moment
        moment = due
        days.append(local_day(zone, due))
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
