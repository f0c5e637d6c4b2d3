"""Judge a source check: is the source up to date, quiet, late, incomplete or broken? Pure.

Sources with a daily list are judged by the schedule of their kind (`papers.feeds.kinds`). arXiv
dates its list by the day in New York and publishes it soon after midnight there, Monday to Friday;
on weekends and holidays the list is dated but empty. Hugging Face lists by UTC day and fills the
list during the morning. Other feeds have no known schedule: they are late only when they show an
older document than before.

Reasons are stored as translatable sentences with their values and translated when displayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from papers.feeds import kinds
from papers.feeds.schedule import DailyList, is_working_day, last_working_day

CategoryCounts = dict[str, tuple[int, date | None]]  # entries and newest day, by category

FRESH, QUIET, WAITING, POSTPONED = "fresh", "quiet", "waiting", "postponed"
STALE, PARTIAL, BROKEN = "stale", "partial", "broken"
SEVERITY = (FRESH, QUIET, WAITING, PARTIAL, STALE, BROKEN)

TROUBLES = {
    "gone": gettext_noop("The server says this feed is gone for good (HTTP 410)."),
    "throttled": gettext_noop("The server is rate-limiting us (HTTP %(status)s)."),
    "http_error": gettext_noop("The server answered with an error (HTTP %(status)s)."),
    "too_large": gettext_noop("The document is too large to be a list of papers."),
    "too_slow": gettext_noop("The document didn't arrive in time."),
    "redirect_loop": gettext_noop("It redirects in a loop."),
    "refused_address": gettext_noop("It points to an address that isn't public."),
    "bad_url": gettext_noop("It isn't a web address."),
    "undecodable": gettext_noop("The document is compressed in a way we can't decode."),
    "tls_error": gettext_noop("The server's certificate couldn't be verified."),
    "network_error": gettext_noop("The server can't be reached."),
    "unreadable": gettext_noop("The document can't be read."),
    "fault": gettext_noop("An error on our side kept us from storing the document."),
    "not_modified": gettext_noop("The server reports no changes, but we have no earlier document."),
}
MIN_USUAL = 5  # papers per day; a category with fewer may be empty without a note
SMALL_SHARE = 0.25  # of the usual number; with fewer entries a category counts as incomplete


Message = list[Any]  # [translatable sentence, {name: value}], as stored in JSON


@dataclass(frozen=True, slots=True)
class Statement:
    """A state and its reason: in English, and as messages for translation.

    The reason is empty if all is well.
    """

    state: str
    reason: str = ""
    entries: int = 0
    messages: list[Message] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return the reason in the active language."""
        return render_messages(self.messages) or self.reason


def render_messages(messages: Iterable[Message]) -> str:
    """Return the messages as sentences in the active language."""
    return " ".join(_(sentence) % _format_values(values) for sentence, values in messages)


def _format_values(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: _format_value(name, value) for name, value in values.items()}


def _format_value(name: str, value: Any) -> str:
    if name == "day":
        return date_format(date.fromisoformat(value), _("l, j F"))
    if isinstance(value, int) and name != "status":
        return number_format(value, force_grouping=True)
    return str(value)


def _statement(state: str, messages: list[Message], entries: int = 0) -> Statement:
    with override("en"):
        return Statement(state, render_messages(messages), entries, messages)


def _explain(state: str, sentence: str, entries: int = 0, **values: Any) -> Statement:
    """Return a state with one sentence as its reason; days are ISO strings."""
    return _statement(state, [[sentence, values]], entries)


@dataclass(frozen=True, slots=True)
class Facts:
    """The properties of a document that decide its state.

    `day` is the day of its list. `counts` has the entries and the newest day of each category,
    `usual` the entries per category on earlier days, `previous_at` the date of the document stored
    before it.
    """

    kind: str
    published_at: datetime | None = None
    day: date | None = None
    entries: int = 0
    new: int = 0
    refused: int = 0
    counts: CategoryCounts = field(default_factory=dict)
    usual: Mapping[str, Sequence[int]] = field(default_factory=dict)
    previous_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a source, and of each category it was asked for."""

    overall: Statement
    categories: dict[str, Statement] = field(default_factory=dict)


def judge_failure(outcome: str, status: int | None, categories: Sequence[str]) -> Verdict:
    """Return the verdict on a failed check. The text is public and contains no address."""
    statement = _explain(BROKEN, TROUBLES[outcome], status=status)
    return Verdict(statement, dict.fromkeys(categories, statement))


def judge_postponed(detail: str) -> Verdict:
    """Return the verdict on a check that sent no request; it says nothing about the day."""
    return Verdict(Statement(POSTPONED, detail))


def judge_document(facts: Facts, now: datetime, categories: Sequence[str]) -> Verdict:
    """Return the verdict on a readable document, new or not modified, at this moment."""
    schedule = kinds.by_name(facts.kind).schedule
    if schedule is None:
        return Verdict(_judge_feed(facts))
    return _judge_scheduled(facts, schedule, now, categories)


def _judge_scheduled(
    facts: Facts, schedule: DailyList, now: datetime, categories: Sequence[str]
) -> Verdict:
    overall = _judge_list(facts, schedule, now.astimezone(schedule.zone))
    if overall.state != FRESH:
        return Verdict(overall, dict.fromkeys(categories, overall))
    statements = {name: _judge_category(name, facts) for name in categories}
    if schedule.max_entries and facts.entries >= schedule.max_entries:
        sentence = gettext_noop(
            "The source returns at most %(limit)s entries, so some papers are missing."
        )
        overall = _explain(PARTIAL, sentence, facts.entries, limit=schedule.max_entries)
        return Verdict(overall, statements)
    troubled = [one for one in statements.values() if one.state in (STALE, PARTIAL)]
    if troubled:
        messages = [message for statement in troubled for message in statement.messages]
        overall = _statement(PARTIAL, messages, facts.entries)
    return Verdict(overall, statements)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _judge_list(facts: Facts, schedule: DailyList, now: datetime) -> Statement:
    """Return the state of a daily list; `now` is in the schedule's zone."""
    today, day = now.date(), facts.day
    if day is None and not facts.entries:
        return _quiet(schedule, today)
    if day is not None and day < today:
        if not is_working_day(today):
            return _quiet(schedule, today)
        if now - _midnight(now) < schedule.due and day >= last_working_day(today):
            return _explain(WAITING, gettext_noop("Today's list isn't out yet."))
        sentence = gettext_noop("It still shows the list for %(day)s.")
        return _explain(STALE, sentence, day=day.isoformat())
    if not facts.entries:
        return _quiet(schedule, today)
    if facts.refused:
        sentence = gettext_noop("%(refused)s of %(all)s entries couldn't be read.")
        return _explain(PARTIAL, sentence, facts.entries, refused=facts.refused, all=facts.entries)
    return Statement(FRESH, "", facts.entries)


def _quiet(schedule: DailyList, today: date) -> Statement:
    on_working_day, on_weekend = schedule.quiet
    return _explain(QUIET, on_working_day if is_working_day(today) else on_weekend)


def _judge_category(name: str, facts: Facts) -> Statement:
    """Return the state of one category of today's document."""
    count, newest = facts.counts.get(name, (0, None))
    usual = median(facts.usual.get(name) or [0])
    if count and newest and facts.day and newest < facts.day:
        sentence = gettext_noop("%(field)s still shows the list for %(day)s.")
        return _explain(STALE, sentence, field=name, day=newest.isoformat())
    if not count:
        if usual >= MIN_USUAL:
            sentence = gettext_noop("%(field)s is missing; it usually has about %(usual)s papers.")
            return _explain(STALE, sentence, field=name, usual=round(usual))
        return _explain(QUIET, gettext_noop("%(field)s has nothing new today."), field=name)
    if usual >= MIN_USUAL and count < usual * SMALL_SHARE:
        sentence = gettext_noop("%(field)s: only %(count)s papers instead of about %(usual)s.")
        return _explain(PARTIAL, sentence, count, field=name, count=count, usual=round(usual))
    return Statement(FRESH, "", count)


def _judge_feed(facts: Facts) -> Statement:
    """Return the state of a feed without a schedule."""
    if facts.published_at and facts.previous_at and facts.published_at < facts.previous_at:
        sentence = gettext_noop("It shows a document dated %(at)s, older than the one before.")
        return _explain(STALE, sentence, at=facts.published_at.date().isoformat())
    if facts.refused:
        sentence = gettext_noop("%(refused)s of %(all)s entries couldn't be used.")
        return _explain(PARTIAL, sentence, facts.entries, refused=facts.refused, all=facts.entries)
    if not facts.new:
        return _explain(QUIET, gettext_noop("Nothing new since the last check."), facts.entries)
    return Statement(FRESH, "", facts.entries)


def overlap(one: str, other: str) -> bool:
    """Return whether two categories are equal or one contains the other, as "cs" does "cs.AI"."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def count_categories(entries: Iterable[tuple[Sequence[str], date | None]]) -> CategoryCounts:
    """Count entries and find the newest day per category and archive ("cs").

    `entries` are pairs of an entry's categories and the day it was listed.
    """
    counts: CategoryCounts = {}
    for terms, day in entries:
        for name in {*terms, *(term.partition(".")[0] for term in terms)}:
            count, newest = counts.get(name, (0, None))
            counts[name] = count + 1, max(filter(None, (newest, day)), default=None)
    return counts
