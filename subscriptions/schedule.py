"""When a reader's digest is due: pure functions of their zone, hour and frequency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS_AHEAD = 9  # a week, and a day on each side for zones that skip one


@dataclass(frozen=True, slots=True)
class Schedule:
    """timezone: IANA name; hour: 0-23 local; frequency: daily, weekdays, weekly or paused;
    weekday: 0 (Monday) to 6, for weekly digests; offset: how long after the hour, see `spread`."""

    timezone: str
    hour: int
    frequency: str
    weekday: int
    offset: timedelta = timedelta(0)

    def has(self, day: date) -> bool:
        """Is this a day on which the reader wants a digest?"""
        wanted = {
            "daily": True,
            "weekdays": day.weekday() < 5,
            "weekly": day.weekday() == self.weekday,
        }
        return wanted.get(self.frequency, False)


def zone_of(name: str) -> ZoneInfo:
    """A zone by its name; UTC where this machine does not know it, as after an upgrade."""
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
    """The date on the wall calendar of a zone at an instant."""
    return now.astimezone(zone_of(timezone)).date()


def spread_offset(reader: int, window: timedelta) -> timedelta:
    """How long after the hour a reader's digest is due: anything below `window`, always the same.

    Numbers next to each other land far apart (Knuth's multiplicative hash), so that the readers
    of an hour come evenly and not as one wall.
    """
    share = reader * 2_654_435_761 % 2**32
    return timedelta(seconds=int(window.total_seconds()) * share // 2**32)


def due_at(timezone: str, day: date, hour: int, offset: timedelta = timedelta(0)) -> datetime:
    """The first instant (UTC) of a local day at or after an hour, and `offset` later.

    Where the clock jumps over the hour that is the moment of the jump; where the hour comes
    twice, the first time. It is always on that day: where the clock jumps from before the hour
    into the next day, it is the day's last second.
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
    """The instant at which a clock jumps over `wall`, found by halving to the second."""
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
    rhythm: Schedule, now: datetime, last_day: date | None = None
) -> datetime | None:
    """When the next digest is due, in UTC; None when paused.

    It is the first moment after `now` on a wanted local day later than `last_day`, the day of
    the last digest, so that nobody gets two on one day however often they change their mind.
    """
    today = local_day(rhythm.timezone, now)
    days = (today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD))
    for day in days:
        if not rhythm.has(day) or (last_day and day <= last_day):
            continue
        if (due := due_at(rhythm.timezone, day, rhythm.hour, rhythm.offset)) > now:
            return due
    return None
