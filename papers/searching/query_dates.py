"""Days and periods as they are typed in a query. Pure.

2026-04-30   2026-04   2026   20260430   7d   2w   3m   1y   today   yesterday
2026-04-01..2026-04-15   2026-04..   [2026-04-01 TO *]   {2026-04-01 TO 2026-04-15}   >=2026-04
"""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

from papers.searching.query_tree import Bound, Dates

DAY = timedelta(days=1)
UNITS = {"d": 1, "w": 7, "m": 30, "y": 365}  # days

_DATE = re.compile(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{4}|\d{6})?")  # arXiv adds hours and minutes
_AGO = re.compile(r"(\d{1,3})([dwmy])", re.I)
_RANGE = re.compile(
    r"(?P<open>[\[{])\s*(?P<first>.*?)\s+TO\s+(?P<last>.*?)\s*(?P<close>[\]}])", re.I
)
_COMPARED = re.compile(r"(>=|<=|>|<)\s*(.*)")
_NAMED = {"today": timedelta(), "yesterday": DAY}


def parse_dates(name: str, typed: str) -> Dates | None:
    """Return the days for a value of the field date, since or until; None if it is not readable."""
    typed = typed.strip()
    if match := _RANGE.fullmatch(typed):
        return _between(match["first"], match["last"], match["open"], match["close"])
    if name == "date" and (match := _COMPARED.fullmatch(typed)):
        return _compared(match[1], match[2])
    if name == "date" and ".." in typed:
        first, _, last = typed.partition("..")
        return _between(first, last)
    first_day, last_day = _day(typed, last=False), _day(typed, last=True)
    if first_day is None:
        return None
    return Dates(None if name == "until" else first_day, None if name == "since" else last_day)


def resolve_bound(bound: Bound, today: date) -> date | None:
    """Return the day of a bound, which may be relative to `today`."""
    return today - bound if isinstance(bound, timedelta) else bound


def _between(first: str, last: str, opening: str = "[", closing: str = "]") -> Dates | None:
    """Return the days from `first` to `last`; braces exclude these. * or nothing is an open end."""
    is_from, is_to = first.strip() not in ("", "*"), last.strip() not in ("", "*")
    since = _day(first, last=opening == "{") if is_from else None
    until = _day(last, last=closing == "]") if is_to else None
    is_unread = (is_from and since is None) or (is_to and until is None)
    if is_unread or not (is_from or is_to):
        return None
    return _in_order(
        _moved(since, 1) if opening == "{" else since,
        _moved(until, -1) if closing == "}" else until,
    )


def _compared(sign: str, typed: str) -> Dates | None:
    bound = _day(typed, last=sign in (">", "<="))
    if bound is None:
        return None
    if sign.startswith(">"):
        return _in_order(_moved(bound, 1) if sign == ">" else bound, None)
    return _in_order(None, _moved(bound, -1) if sign == "<" else bound)


def _in_order(since: Bound, until: Bound) -> Dates | None:
    """Return these days, or None if there are none between them."""
    if isinstance(since, date) and isinstance(until, date) and since > until:
        return None
    if isinstance(since, timedelta) and isinstance(until, timedelta) and since < until:
        return None
    return Dates(since, until) if since is not None or until is not None else None


def _moved(bound: Bound, days: int) -> Bound:
    """Return a bound so many days later; None if there is no such day."""
    if isinstance(bound, timedelta):
        return max(bound - days * DAY, timedelta())
    if bound is None or bound in (date.min, date.max):
        return None
    return bound + days * DAY


def _day(typed: str, *, last: bool) -> Bound:
    """Return the first or last day of a year, a month or a day; None for other text."""
    typed = typed.strip().lower()
    if typed in _NAMED:
        return _NAMED[typed]
    if match := _AGO.fullmatch(typed):
        return timedelta(int(match[1]) * UNITS[match[2]])
    if not (match := _DATE.fullmatch(typed) or _COMPACT.fullmatch(typed)):
        return None
    year = int(match[1])
    month = int(match[2] or (12 if last else 1))
    try:
        day = int(match[3] or (calendar.monthrange(year, month)[1] if last else 1))
        return date(year, month, day)
    except ValueError:  # month 13, 30 February, year 0
        return None
