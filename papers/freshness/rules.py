"""What a look at a source says of the day: up to date, quiet, late, incomplete or broken. Pure.

arXiv's list is dated by New York's day and out soon after midnight there, from Monday to Friday;
on weekends and holidays it is there, dated and empty. Hugging Face lists by UTC's day and fills it
during the morning. Of any other feed nobody knows when it should speak: it is late only when it
shows an older document than before.

What is said is kept as marked sentences with their values, and put into words when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

CategoryCounts = dict[str, tuple[int, date | None]]

FRESH, QUIET, WAITING, POSTPONED = "fresh", "quiet", "waiting", "postponed"
STALE, PARTIAL, BROKEN = "stale", "partial", "broken"
SEVERITY = (FRESH, QUIET, WAITING, PARTIAL, STALE, BROKEN)

TROUBLES = {
    "gone": gettext_noop("It says that it is gone for good (HTTP 410)."),
    "throttled": gettext_noop("It asks us to come less often (HTTP %(status)s)."),
    "http_error": gettext_noop("It answers with an error (HTTP %(status)s)."),
    "too_large": gettext_noop("Its document is larger than any list of papers."),
    "too_slow": gettext_noop("Its document did not come whole within the time allowed."),
    "redirect_loop": gettext_noop("It sends us in circles."),
    "refused_address": gettext_noop("It is, or leads to, an address that is not public."),
    "bad_url": gettext_noop("Its address is, or leads to, none of the web."),
    "undecodable": gettext_noop("Its document is compressed in a way that cannot be undone."),
    "tls_error": gettext_noop("Its certificate is not to be trusted."),
    "network_error": gettext_noop("It cannot be reached."),
    "unreadable": gettext_noop("What it sends cannot be read."),
    "fault": gettext_noop("A fault in this program kept its document from being stored."),
    "not_modified": gettext_noop("It says that nothing has changed, but nothing was read before."),
}
SILENT = {  # by what the source does, and whether it is a working day
    ("announced", True): gettext_noop("Nothing is announced today."),
    ("announced", False): gettext_noop("Nothing is announced on weekends."),
    ("featured", True): gettext_noop("Nothing is featured today."),
    ("featured", False): gettext_noop("Nothing is featured on weekends."),
}
NEW_YORK = ZoneInfo("America/New_York")
ARXIV_OUT = timedelta(hours=2)  # after midnight in New York; a list older than that is late
FEATURED_OUT = timedelta(hours=12)  # after midnight UTC
ARXIV_LIMIT = 2000  # entries in one document; what is beyond is not served
NOTABLE = 5  # papers a day, from which on a category's silence is noted
SMALL_SHARE = 0.25  # of the usual number, below which a category counts as incomplete
SATURDAY = 5


MessagePart = list[Any]  # a marked sentence and its values by name: plain, as JSON keeps them


@dataclass(frozen=True, slots=True)
class Statement:
    """A state with its reason in plain English, "" where all is well, and in all languages."""

    state: str
    reason: str = ""
    entries: int = 0
    said: list[MessagePart] = field(default_factory=list)

    @property
    def in_words(self) -> str:
        """The reason in the language of the moment."""
        return in_words(self.said) or self.reason


def in_words(said: Iterable[MessagePart]) -> str:
    """Sentences with their values, in the language of the moment."""
    return " ".join(_(sentence) % _shown(values) for sentence, values in said)


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: _value(name, value) for name, value in values.items()}


def _value(name: str, value: Any) -> str:
    if name == "day":
        return date_format(date.fromisoformat(value), _("l, j F"))
    if isinstance(value, int) and name != "status":
        return number_format(value, force_grouping=True)
    return str(value)


def _told(state: str, said: list[MessagePart], entries: int = 0) -> Statement:
    with override("en"):
        return Statement(state, in_words(said), entries, said)


def _because(state: str, sentence: str, entries: int = 0, **values: Any) -> Statement:
    """A state and the one sentence that says why; days as ISO writes them."""
    return _told(state, [[sentence, values]], entries)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a document when it is judged; `day` is that of the list it holds.

    `counts` has entries and newest day of each category in it, `usual` the number of entries that
    a category had on each of the days before, `before` the date of the document stored before.
    """

    kind: str
    published_at: datetime | None = None
    day: date | None = None
    entries: int = 0
    new: int = 0
    refused: int = 0
    counts: CategoryCounts = field(default_factory=dict)
    usual: Mapping[str, Sequence[int]] = field(default_factory=dict)
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A source's state, and that of each category asked for."""

    told: Statement
    categories: dict[str, Statement] = field(default_factory=dict)


def judge_failure(outcome: str, status: int | None, categories: Sequence[str]) -> Verdict:
    """Nothing came, or nothing that can be read; said for all to read, so without addresses."""
    told = _because(BROKEN, TROUBLES[outcome], status=status)
    return Verdict(told, dict.fromkeys(categories, told))


def judge_postponed(detail: str) -> Verdict:
    """The host was not asked; that says nothing of the day."""
    return Verdict(Statement(POSTPONED, detail))


def judge_document(facts: Facts, now: datetime, categories: Sequence[str]) -> Verdict:
    """What a readable document, new or not modified, says at this moment."""
    if facts.kind == "arxiv-rss":
        return _of_arxiv(facts, now, categories)
    if facts.kind == "hf-daily":
        return Verdict(_listed(facts, now.date(), now - _midnight(now), FEATURED_OUT, "featured"))
    return Verdict(_of_feed(facts))


def arxiv_day(now: datetime) -> date:
    """New York's day, by which arXiv dates its lists."""
    return now.astimezone(NEW_YORK).date()


def is_working_day(day: date) -> bool:
    return day.weekday() < SATURDAY


def _of_arxiv(facts: Facts, now: datetime, categories: Sequence[str]) -> Verdict:
    local = now.astimezone(NEW_YORK)
    told = _listed(facts, local.date(), local - _midnight(local), ARXIV_OUT, "announced")
    if told.state != FRESH:
        return Verdict(told, dict.fromkeys(categories, told))
    each = {name: _of_category(name, facts) for name in categories}
    if facts.entries >= ARXIV_LIMIT:
        reason = gettext_noop("arXiv serves at most %(limit)s entries; some are missing.")
        return Verdict(_because(PARTIAL, reason, facts.entries, limit=ARXIV_LIMIT), each)
    worse = [told for told in each.values() if told.state in (STALE, PARTIAL)]
    if worse:
        told = _told(PARTIAL, [one for told in worse for one in told.said], facts.entries)
    return Verdict(told, each)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _listed(facts: Facts, today: date, since: timedelta, out: timedelta, verb: str) -> Statement:
    """The state of a source that brings one list a day, `out` after its day has begun."""
    day = facts.day
    if day is None and not facts.entries:
        return _silent(today, verb)
    if day is not None and day < today:
        if not is_working_day(today):
            return _silent(today, verb)
        if since < out and day >= last_working_day(today):
            return _because(WAITING, gettext_noop("Today's list is not out yet."))
        sentence = gettext_noop("It still shows the list of %(day)s.")
        return _because(STALE, sentence, day=day.isoformat())
    if not facts.entries:
        return _silent(today, verb)
    if facts.refused:
        reason = gettext_noop("%(refused)s of %(all)s entries could not be read.")
        return _because(PARTIAL, reason, facts.entries, refused=facts.refused, all=facts.entries)
    return Statement(FRESH, "", facts.entries)


def _silent(today: date, verb: str) -> Statement:
    return _because(QUIET, SILENT[verb, is_working_day(today)])


def last_working_day(today: date) -> date:
    """The one before today."""
    day = today - timedelta(days=1)
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day


def _of_category(name: str, facts: Facts) -> Statement:
    """One category's share of a document that is today's."""
    count, newest = facts.counts.get(name, (0, None))
    usual = median(facts.usual.get(name) or [0])
    if count and newest and facts.day and newest < facts.day:
        sentence = gettext_noop("%(field)s still shows the list of %(day)s.")
        return _because(STALE, sentence, field=name, day=newest.isoformat())
    if not count:
        if usual >= NOTABLE:
            sentence = gettext_noop(
                "%(field)s is missing, which usually has some %(usual)s papers."
            )
            return _because(STALE, sentence, field=name, usual=round(usual))
        return _because(QUIET, gettext_noop("%(field)s has nothing today."), field=name)
    if usual >= NOTABLE and count < usual * SMALL_SHARE:
        sentence = gettext_noop("%(field)s has only %(count)s, usually some %(usual)s.")
        return _because(PARTIAL, sentence, count, field=name, count=count, usual=round(usual))
    return Statement(FRESH, "", count)


def overlap(one: str, other: str) -> bool:
    """Is one the other, or within it? "cs.AI" is within "cs"."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def count_categories(entries: Iterable[tuple[Sequence[str], date | None]]) -> CategoryCounts:
    """Entries and newest day of each category and archive ("cs"), from categories and days."""
    counts: CategoryCounts = {}
    for terms, day in entries:
        for name in {*terms, *(term.partition(".")[0] for term in terms)}:
            count, newest = counts.get(name, (0, None))
            counts[name] = count + 1, max(filter(None, (newest, day)), default=None)
    return counts


def _of_feed(facts: Facts) -> Statement:
    if facts.published_at and facts.before and facts.published_at < facts.before:
        sentence = gettext_noop("It shows a document of %(at)s, an older one.")
        return _because(STALE, sentence, at=facts.published_at.date().isoformat())
    if facts.refused:
        reason = gettext_noop("%(refused)s of %(all)s entries could not be used.")
        return _because(PARTIAL, reason, facts.entries, refused=facts.refused, all=facts.entries)
    if not facts.new:
        return _because(QUIET, gettext_noop("Nothing new since the last look."), facts.entries)
    return Statement(FRESH, "", facts.entries)
