"""Schedules of sources that publish one list per day, and the calendar they follow. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class DailyList:
    """The schedule of a daily list.

    `quiet` has the sentences for an empty list on a working day and on a weekend, marked for
    translation.
    """

    zone: tzinfo
    due: timedelta  # after midnight in `zone`; a list that is not out by then is late
    quiet: tuple[str, str]
    max_entries: int | None = None  # entries in one document; the source leaves out the rest


def arxiv_day(now: datetime) -> date:
    """Return the day in New York, by which arXiv dates its lists."""
    return now.astimezone(NEW_YORK).date()


def is_working_day(day: date) -> bool:
    """Return whether this is a day from Monday to Friday."""
    return day.weekday() < SATURDAY


def last_working_day(today: date) -> date:
    """Return the last working day before today."""
    day = today - timedelta(days=1)
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day
