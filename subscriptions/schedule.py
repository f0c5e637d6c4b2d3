"""Due times of digests, from a reader's time zone, hour and frequency. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS_AHEAD = 9  # a week, and a day on each side for zones that skip one


@dataclass(frozen=True, slots=True)
class Schedule:
    """A reader's schedule.

    timezone: IANA name
    hour: local, 0 to 23
    frequency: daily, weekdays, weekly or paused
    weekday: 0 (Monday) to 6, for weekly digests
    offset: delay after the hour, see `spread_offset`
    """

    timezone: str
    hour: int
    frequency: str
    weekday: int
    offset: timedelta = timedelta(0)

    def has(self, day: date) -> bool:
        """Return True if the reader gets a digest on this day."""
        days = {
            "daily": True,
            "weekdays": day.weekday() < 5,
            "weekly": day.weekday() == self.weekday,
        }
        return days.get(self.frequency, False)


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
    one counts. The result is always on that day: at its last second if the clock skips the rest.
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
    nobody gets two on one day after changing the schedule.
    """
    today = local_day(schedule.timezone, now)
    days = (today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD))
    for day in days:
        if not schedule.has(day) or (last_day and day <= last_day):
            continue
        if (due := due_at(schedule.timezone, day, schedule.hour, schedule.offset)) > now:
            return due
    return None
