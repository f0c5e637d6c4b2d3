from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from subscriptions.schedule import (
    Schedule,
    describe_schedule,
    due_at,
    local_day,
    next_digest_at,
)

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


def fortnightly(weekday: int, start: date | None) -> Schedule:
    return Schedule("UTC", 8, "fortnightly", weekday, start=start)


@pytest.mark.parametrize(
    ("start", "days"),
    [
        (date(2026, 4, 27), [(5, 1), (5, 15), (5, 29)]),  # the Monday of this week
        (date(2026, 5, 3), [(5, 1), (5, 15), (5, 29)]),  # its Sunday
        (date(2026, 5, 4), [(5, 8), (5, 22), (6, 5)]),  # the Monday of the next week
        (date(2026, 4, 26), [(5, 8), (5, 22), (6, 5)]),
    ],
)
def test_fortnightly_digests_come_in_every_second_week_from_the_first(
    start: date, days: list[tuple[int, int]]
) -> None:
    dues, moment = [], NOON
    for _ in days:
        moment = next_digest_at(fortnightly(4, start), moment) or NOON
        dues.append((moment.month, moment.day))
    assert dues == days


def test_fortnightly_weeks_go_on_over_new_year() -> None:
    """The year 2026 has 53 weeks, so the parity of a week's number in its year does not do."""
    due = next_digest_at(fortnightly(0, date(2026, 12, 21)), datetime(2026, 12, 22, tzinfo=UTC))
    assert due == datetime(2027, 1, 4, 8, tzinfo=UTC)


def test_fortnightly_digests_need_no_first_week() -> None:
    first = next_digest_at(fortnightly(4, None), NOON)
    assert first is not None
    assert next_digest_at(fortnightly(4, None), first) == first + timedelta(days=14)


def test_a_monthly_digest_comes_on_its_day() -> None:
    due = next_digest_at(Schedule("UTC", 8, "monthly", 0, month_day=15), NOON)
    assert due == datetime(2026, 5, 15, 8, tzinfo=UTC)


def test_a_shorter_month_uses_its_last_day() -> None:
    moment, days = datetime(2027, 12, 31, 9, tzinfo=UTC), []
    for _ in range(5):
        moment = next_digest_at(Schedule("UTC", 8, "monthly", 0, month_day=31), moment) or NOON
        days.append((moment.month, moment.day))
    assert days == [(1, 31), (2, 29), (3, 31), (4, 30), (5, 31)]


def test_a_day_that_the_zone_skips_has_no_digest() -> None:
    """Samoa went from Thursday, 29 December 2011 to Saturday, the 31st."""
    morning = datetime(2011, 12, 29, 18, tzinfo=UTC)  # 8:00 on Thursday
    due = next_digest_at(Schedule("Pacific/Apia", 8, "daily", 0), morning)
    assert due == datetime(2011, 12, 30, 18, tzinfo=UTC)  # 8:00 on Saturday
    due = next_digest_at(Schedule("Pacific/Apia", 8, "monthly", 0, month_day=30), morning)
    assert local_day("Pacific/Apia", due or NOON) == date(2012, 1, 30)


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


def schedule(frequency: str, month_day: int = 1) -> Schedule:
    return Schedule("UTC", 8, frequency, 0, month_day=month_day)


@pytest.mark.parametrize(
    ("described", "english", "german"),
    [
        (schedule("daily"), "every day at 08:00", "jeden Tag um 08:00 Uhr"),
        (schedule("weekdays"), "Monday to Friday at 08:00", "Montag bis Freitag um 08:00 Uhr"),
        (schedule("weekly"), "every Monday at 08:00", "jeden Montag um 08:00 Uhr"),
        (
            schedule("fortnightly"),
            "every second Monday at 08:00",
            "jeden zweiten Montag um 08:00 Uhr",
        ),
        (
            schedule("monthly", 2),
            "on the 2nd of the month at 08:00",
            "am 2. des Monats um 08:00 Uhr",
        ),
        (
            schedule("monthly", 31),
            "on the 31st of the month (or its last day) at 08:00",
            "am 31. des Monats (oder am letzten Tag) um 08:00 Uhr",
        ),
        (schedule("paused"), "paused", "pausiert"),
    ],
    ids=lambda value: value.frequency if isinstance(value, Schedule) else "",
)
def test_a_schedule_is_described_in_words(described: Schedule, english: str, german: str) -> None:
    assert describe_schedule(described) == english
    with translation.override("de"):
        assert describe_schedule(described) == german


def test_month_days_are_ordinal_numbers() -> None:
    words = " ".join(describe_schedule(schedule("monthly", day)) for day in range(1, 32))
    ordinals = "1st 2nd 3rd 4th 10th 11th 12th 13th 20th 21st 22nd 23rd 24th 30th 31st"
    assert set(ordinals.split()) < set(words.split())
    assert not {"11st", "12nd", "13rd", "21th"} & set(words.split())
