"""Due times of digests, from a reader's time zone, hour and frequency. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.dates import WEEKDAYS
from django.utils.formats import time_format
from django.utils.translation import gettext as _

SATURDAY = 5
SHORTEST_MONTH = 28  # days; every month has a day of this number
# The most days between two digests, by frequency.
INTERVALS = {"daily": 1, "weekdays": 3, "weekly": 7, "fortnightly": 14, "monthly": 31}
# Zones are up to 26 hours apart, so after a change of zone the day of the last digest may be two
# days ahead. One more day is for the hour.
SPARE_DAYS = 3
DAYS_AHEAD = max(INTERVALS.values()) + SPARE_DAYS


@dataclass(frozen=True, slots=True)
class Schedule:
    """A reader's schedule.

    timezone: IANA name
    hour: local, 0 to 23
    frequency: daily, weekdays, weekly, fortnightly, monthly or paused
    weekday: 0 (Monday) to 6, for weekly and fortnightly digests
    offset: delay after the hour, see `spread_offset`
    month_day: 1 to 31, for monthly digests; a shorter month uses its last day
    start: a day of the first week of fortnightly digests; None for weeks counted from year 1
    """

    timezone: str
    hour: int
    frequency: str
    weekday: int
    offset: timedelta = timedelta(0)
    month_day: int = 1
    start: date | None = None

    def has(self, day: date) -> bool:
        """Return True if the reader gets a digest on this day."""
        rule = RULES.get(self.frequency)
        return rule is not None and rule(self, day)


# Tell whether a schedule has a day, by frequency.
RULES: Mapping[str, Callable[[Schedule, date], bool]] = {
    "daily": lambda _schedule, _day: True,
    "weekdays": lambda _schedule, day: day.weekday() < SATURDAY,
    "weekly": lambda schedule, day: day.weekday() == schedule.weekday,
    "fortnightly": lambda schedule, day: (
        day.weekday() == schedule.weekday
        and (_week_number(day) - _week_number(schedule.start or date.min)) % 2 == 0
    ),
    "monthly": lambda schedule, day: (
        day.day == schedule.month_day or (day.day < schedule.month_day and _ends_month(day))
    ),
}


def _week_number(day: date) -> int:
    """Return the number of weeks, from Monday to Sunday, since year 1."""
    return (day.toordinal() - 1) // 7  # 1 January of year 1 is a Monday


def _ends_month(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def describe_schedule(schedule: Schedule) -> str:
    """Return the days and the hour in words, in the active language, to end a sentence with."""
    values = {
        "weekday": WEEKDAYS[schedule.weekday],
        "day": _describe_month_day(schedule.month_day),
        "time": time_format(time(schedule.hour), "H:i"),
    }
    sentences = {
        "daily": _("every day at %(time)s"),
        "weekdays": _("Monday to Friday at %(time)s"),
        "weekly": _("every %(weekday)s at %(time)s"),
        "fortnightly": _("every second %(weekday)s at %(time)s"),
        "monthly": _("on the %(day)s of the month at %(time)s"),
    }
    if schedule.frequency == "monthly" and schedule.month_day > SHORTEST_MONTH:
        return _("on the %(day)s of the month (or its last day) at %(time)s") % values
    return sentences.get(schedule.frequency, _("paused")) % values


def _describe_month_day(number: int) -> str:
    """Return an ordinal number, such as 31st."""
    endings = {1: _("%(number)sst"), 2: _("%(number)snd"), 3: _("%(number)srd")}
    last_digit = 0 if number in (11, 12, 13) else number % 10
    return endings.get(last_digit, _("%(number)sth")) % {"number": number}


def longest_wait(frequency: str) -> timedelta:
    """Return the maximum time until the next digest, unless the zone skips a day."""
    return timedelta(days=INTERVALS[frequency] + SPARE_DAYS)


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of this name, or UTC if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def local_time(moment: datetime, timezone: str) -> datetime:
    """Return the moment as a naive local time, so that templates show it unchanged."""
    return moment.astimezone(zone_of(timezone)).replace(tzinfo=None)


def local_due(due: datetime | None, timezone: str) -> datetime | None:
    """Return the reader's local time of the next digest; None if none is due."""
    return due and local_time(due, timezone)


def local_day(timezone: str, now: datetime) -> date:
    """Return the local date in a time zone."""
    return now.astimezone(zone_of(timezone)).date()


def spread_offset(reader: int, window: timedelta) -> timedelta:
    """Return the delay of a reader's digest after the hour: constant, and less than `window`.

    Knuth's multiplicative hash spreads consecutive keys, so that the digests of an hour are due
    evenly instead of all at once.
    """
    share = reader * 2_654_435_761 % 2**32
    return timedelta(seconds=int(window.total_seconds()) * share // 2**32)


def due_at(timezone: str, day: date, hour: int, offset: timedelta = timedelta(0)) -> datetime:
    """Return the time (UTC) at `offset` after the hour on a local day.

    If the clock skips the hour, the time of the jump counts. If the hour occurs twice, the first
    one counts. The result is on that day, at its last second if the clock skips the rest; it is
    before the day if the zone skips all of it.
    """
    zone = zone_of(timezone)
    due = _first_instant(zone, day, hour) + offset
    if due.astimezone(zone).date() == day:
        return due
    return _first_instant(zone, day + timedelta(days=1), 0) - timedelta(seconds=1)


def _first_instant(zone: ZoneInfo, day: date, hour: int) -> datetime:
    wall = datetime.combine(day, time(hour), zone)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    return _end_of_gap(zone, wall)


def _end_of_gap(zone: ZoneInfo, wall: datetime) -> datetime:
    """Return the time (UTC) at which the clock skips `wall`, by bisection to the second."""
    before = (wall - timedelta(days=1)).astimezone(UTC)
    after = (wall + timedelta(days=1)).astimezone(UTC)
    target = wall.replace(tzinfo=None)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < target:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def next_digest_at(
    schedule: Schedule, now: datetime, last_day: date | None = None
) -> datetime | None:
    """Return the time (UTC) of the next digest; None when paused.

    It is after `now` and on a later local day than `last_day`, the day of the last digest, so that
    nobody gets two on one day after changing the schedule. A day that the zone skips has none.
    """
    today = local_day(schedule.timezone, now)
    for day in _scheduled_days(schedule, max(today, _day_after(last_day))):
        due = due_at(schedule.timezone, day, schedule.hour, schedule.offset)
        if due > now and local_day(schedule.timezone, due) == day:
            return due
    return None


def _scheduled_days(schedule: Schedule, first: date) -> Iterator[date]:
    """Yield the days of a schedule from `first` on, at least two."""
    horizon = 2 * DAYS_AHEAD  # since the zone may skip the next one, or its hour may be over
    days = (first + timedelta(days=ahead) for ahead in range(horizon))
    return filter(schedule.has, days)


def _day_after(day: date | None) -> date:
    return day + timedelta(days=1) if day else date.min
