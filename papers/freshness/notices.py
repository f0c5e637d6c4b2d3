"""Notices to readers about days on which fewer papers came than usual, and the source status page.

Both are derived from the stored checks of all active sources. A category is missing only if no
source brought it. Nothing is reported for a normal day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db.models import Max
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from papers import recommended
from papers.feeds import addresses, kinds
from papers.feeds.schedule import NEW_YORK, arxiv_day, last_working_day
from papers.freshness import rules
from papers.freshness.rules import BROKEN, FRESH, PARTIAL, QUIET, SEVERITY, STALE, Statement
from papers.models import Source, SourceCheck
from papers.text.shortening import join_names

MAX_CHECK_AGE = timedelta(days=3)  # older checks say nothing about today
LATE_HOUR = 6  # in New York; nearly every digest includes the papers that came before
MISSED_STATES = (STALE, BROKEN)
FAILING_STATES = (BROKEN, STALE, PARTIAL)
MAX_NAMED = 3  # categories in one sentence
SHOWN_DAYS = 7  # on the status page


@dataclass(frozen=True, slots=True)
class Report:
    """The state of the sources at a moment, by source kind and by category.

    Each has the best state that any source reported. `caught_up` counts the entries of categories
    that were late the day before and are complete now.
    """

    kinds: dict[str, Statement] = field(default_factory=dict)
    categories: dict[str, Statement] = field(default_factory=dict)
    caught_up: dict[str, int] = field(default_factory=dict)

    def notices(self, categories: Sequence[str] = ()) -> list[str]:
        """Return sentences for a reader of these categories; of all categories if none given."""
        statements = {
            name: statement
            for name, statement in self.categories.items()
            if not categories or any(rules.overlap(name, category) for category in categories)
        }
        caught_up = {name: n for name, n in self.caught_up.items() if name in statements}
        lists = list(_list_notices(self.kinds))
        quiet = [] if lists or not categories else _quiet_notices(statements)
        troubles = _trouble_notices(statements)
        return [*lists, *quiet, *troubles, *_caught_up_notices(caught_up)]


def _list_notices(statements: dict[str, Statement]) -> Iterable[str]:
    """Yield a sentence for each list that is quiet, late or broken as a whole."""
    for kind in kinds.KINDS:
        texts = {QUIET: kind.notices.quiet, STALE: kind.notices.late, BROKEN: kind.notices.broken}
        if (statement := statements.get(kind.name)) and (text := texts.get(statement.state)):
            yield str(text)


def _quiet_notices(statements: dict[str, Statement]) -> Iterable[str]:
    """Yield a sentence if all of a reader's categories are empty on a day when others are not."""
    if statements and all(statement.state == QUIET for statement in statements.values()):
        fields = shorten_names(sorted(statements))
        yield _("arXiv has nothing new in %(fields)s today.") % {"fields": fields}


def _trouble_notices(statements: dict[str, Statement]) -> Iterable[str]:
    """Yield one sentence for all categories with the same state and reason."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, statement in sorted(statements.items()):
        if statement.state in (STALE, PARTIAL, BROKEN):
            groups[statement.state, _shared_reason(name, statement.text)].append(name)
    for (state, reason), names in groups.items():
        yield _trouble_notice(state, reason, names)


def _shared_reason(name: str, reason: str) -> str:
    """Return the reason without its category's name, so that equal reasons can be grouped."""
    return reason.removeprefix(name).lstrip(": ")


def _trouble_notice(state: str, reason: str, names: list[str]) -> str:
    if state == STALE:
        sentence = ngettext(
            "%(fields)s is late; the papers will follow once arXiv lists them.",
            "%(fields)s are late; the papers will follow once arXiv lists them.",
            len(names),
        )
    elif state == BROKEN:
        sentence = ngettext(
            "We couldn't read %(fields)s today; the papers will follow once arXiv answers.",
            "We couldn't read %(fields)s today; the papers will follow once arXiv answers.",
            len(names),
        )
    else:
        sentence = ngettext(
            "%(fields)s is incomplete today: %(why)s",
            "%(fields)s are incomplete today: %(why)s",
            len(names),
        )
    return sentence % {"fields": shorten_names(names), "why": reason}


def _caught_up_notices(entries: dict[str, int]) -> Iterable[str]:
    if entries:
        papers = number_format(sum(entries.values()), force_grouping=True)
        yield ngettext(
            "%(fields)s was late yesterday; %(papers)s papers follow today.",
            "%(fields)s were late yesterday; %(papers)s papers follow today.",
            len(entries),
        ) % {"fields": shorten_names(sorted(entries)), "papers": papers}


def shorten_names(names: Sequence[str]) -> str:
    """Return the names as a list: "cs.AI, cs.CL and 4 more"."""
    return join_names(names, MAX_NAMED)


def report_at(at: datetime) -> Report:
    """Return the state of all active sources at a moment, cached until the next check."""
    newest = SourceCheck.objects.filter(at__lte=at).aggregate(newest=Max("pk"))["newest"]
    return _build_report(newest, arxiv_day(at)) if newest else Report()


@lru_cache(maxsize=4)
def _build_report(newest: int, today: date) -> Report:
    """Build the report from the checks up to the one with this primary key."""
    at = SourceCheck.objects.values_list("at", flat=True).get(pk=newest)
    checks = SourceCheck.objects.filter(source__active=True, at__lte=at, at__gt=at - MAX_CHECK_AGE)
    checks = checks.exclude(state=SourceCheck.State.POSTPONED).select_related("source")
    rows = list(checks.defer("detail").order_by("at", "pk"))
    latest = {check.source_id: check for check in rows}
    by_kind: dict[str, Statement] = {}
    categories: dict[str, Statement] = {}
    for check in latest.values():
        _keep_better(by_kind, check.source.kind, _statement_of(check))
        for name, values in check.categories.items():
            _keep_better(categories, name, Statement(**values))
    return Report(by_kind, categories, _count_caught_up(rows, today, categories))


def _statement_of(check: SourceCheck) -> Statement:
    return Statement(check.state, check.reason, messages=check.messages or [])


def _keep_better(best: dict[str, Statement], name: str, statement: Statement) -> None:
    """Keep the better of two states: papers that one source brought are not missing."""
    if name not in best or SEVERITY.index(statement.state) < SEVERITY.index(best[name].state):
        best[name] = statement


def _count_caught_up(
    checks: Sequence[SourceCheck], today: date, categories: dict[str, Statement]
) -> dict[str, int]:
    """Return the entries of each category that was late or broken yesterday and is fresh now."""
    yesterday = last_working_day(today)
    late: set[str] = set()
    for check in checks:
        local = check.at.astimezone(NEW_YORK)
        if local.date() == yesterday and local.hour >= LATE_HOUR:
            late |= {
                name
                for name, values in check.categories.items()
                if values["state"] in MISSED_STATES
            }
    return {
        name: statement.entries
        for name, statement in categories.items()
        if statement.state == FRESH and name in late
    }


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source on the status page. `days` has the best state of each day, oldest first."""

    source: Source
    check: SourceCheck | None
    days: list[tuple[date, str]]

    @property
    def name(self) -> str:
        """Return a name fit for the public: addresses may hold tokens or internal host names."""
        if self.source.name and not addresses.is_address(self.source.name):
            return self.source.name
        if settings.ALLOW_PRIVATE_SOURCES and self.source.url not in recommended.BY_ADDRESS:
            return _("New source")
        return addresses.public_host_of(self.source.url) or _("New source")

    @property
    def is_failing(self) -> bool:
        return bool(self.source.parked_at or (self.check and self.check.state in FAILING_STATES))

    @property
    def why(self) -> str:
        """Return the reason for the state in the active language."""
        return _statement_of(self.check).text if self.check else ""

    @property
    def categories(self) -> list[tuple[str, Statement]]:
        """Return the state of each category in the last check."""
        categories = self.check.categories if self.check else {}
        return [(name, Statement(**values)) for name, values in categories.items()]


def source_statuses(now: datetime) -> list[SourceStatus]:
    """Return all active sources, those in trouble first. Takes two queries."""
    first = now - timedelta(days=SHOWN_DAYS)
    checks = SourceCheck.objects.filter(source__active=True, at__gt=first).order_by("at", "pk")
    by_source: dict[int, list[SourceCheck]] = defaultdict(list)
    for check in checks.exclude(state=SourceCheck.State.POSTPONED):
        by_source[check.source_id].append(check)
    rows = [
        SourceStatus(
            source, next(reversed(by_source[source.pk]), None), _best_by_day(by_source[source.pk])
        )
        for source in Source.objects.filter(active=True)
    ]
    return sorted(rows, key=lambda row: -_severity(row.check))


def _best_by_day(checks: Sequence[SourceCheck]) -> list[tuple[date, str]]:
    """Return the label of each day's best state."""
    best: dict[date, str] = {}
    for check in checks:
        state = best.get(check.at.date(), BROKEN)
        best[check.at.date()] = min(state, check.state, key=SEVERITY.index)
    return [(day, str(SourceCheck.State(state).label)) for day, state in sorted(best.items())]


def _severity(check: SourceCheck | None) -> int:
    return SEVERITY.index(check.state) if check else -1
