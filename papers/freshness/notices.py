"""What readers are told of a day on which less came than they expect, and why.

A source's checks say how it stood; a category that any source brought is not missed. Where all is
well nothing is said.
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
from django.utils.translation import gettext_lazy, ngettext

from papers import recommended
from papers.feeds import addresses
from papers.freshness import rules
from papers.freshness.rules import BROKEN, FRESH, PARTIAL, QUIET, SEVERITY, STALE, Statement
from papers.models import Source, SourceCheck
from papers.text.markup import join_names

REACH = timedelta(days=3)  # older checks say nothing of today
LISTS = {
    Source.Kind.ARXIV_RSS.value: {QUIET: gettext_lazy("arXiv announces nothing today.")},
    Source.Kind.HF_DAILY.value: {
        QUIET: gettext_lazy("Hugging Face features no papers today."),
        STALE: gettext_lazy("Hugging Face's list of today is late."),
        BROKEN: gettext_lazy("Hugging Face could not be read today; the votes shown may be old."),
    },
}
LATE_HOUR = 6  # in New York; whatever came by then was in nearly every reader's digest
MISSED = (STALE, BROKEN)
MOST_NAMED = 3  # categories in one sentence
SHOWN_DAYS = 7  # on the status page


@dataclass(frozen=True, slots=True)
class Report:
    """How the sources stood at a moment: by kind, and by category the best that any says."""

    kinds: dict[str, Statement] = field(default_factory=dict)
    categories: dict[str, Statement] = field(default_factory=dict)
    caught_up: dict[str, int] = field(default_factory=dict)  # entries, of who was late yesterday

    def notices(self, categories: Sequence[str] = ()) -> list[str]:
        """Plain sentences for a reader of these categories; of all, for one who named none."""
        mine = {
            name: told
            for name, told in self.categories.items()
            if not categories or any(rules.overlap(name, wanted) for wanted in categories)
        }
        late = {name: n for name, n in self.caught_up.items() if name in mine}
        lists = list(_lists(self.kinds))
        quiet = [] if lists or not categories else _quiet(mine)
        return [*lists, *quiet, *_grouped(mine), *_late(late)]


def _lists(kinds: dict[str, Statement]) -> Iterable[str]:
    """What is to be said of a whole list."""
    for kind, sentences in LISTS.items():
        if (told := kinds.get(kind)) and (sentence := sentences.get(told.state)):
            yield str(sentence)


def _quiet(mine: dict[str, Statement]) -> Iterable[str]:
    """A reader's own fields may be silent on a day on which others are not."""
    if mine and all(told.state == QUIET for told in mine.values()):
        yield _("arXiv has nothing new in %(fields)s today.") % {"fields": named(sorted(mine))}


def _grouped(mine: dict[str, Statement]) -> Iterable[str]:
    """One sentence for all categories in the same state for the same reason."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, told in sorted(mine.items()):
        if told.state in (STALE, PARTIAL, BROKEN):
            groups[told.state, _of_all(name, told.in_words)].append(name)
    for (state, reason), names in groups.items():
        yield _sentence(state, reason, names)


def _of_all(name: str, reason: str) -> str:
    """The reason without the name of its category, so that equal ones are told once."""
    return reason.removeprefix(f"{name} ")


def _sentence(state: str, reason: str, names: list[str]) -> str:
    told = {"fields": named(names), "why": reason}
    if state == STALE:
        sentence = ngettext(
            "%(fields)s is late; the papers follow once arXiv lists them.",
            "%(fields)s are late; the papers follow once arXiv lists them.",
            len(names),
        )
    elif state == BROKEN:
        sentence = ngettext(
            "%(fields)s could not be read today; the papers follow once arXiv answers.",
            "%(fields)s could not be read today; the papers follow once arXiv answers.",
            len(names),
        )
    else:
        sentence = ngettext(
            "%(fields)s came incomplete: %(why)s", "%(fields)s came incomplete: %(why)s", len(names)
        )
    return sentence % told


def _late(late: dict[str, int]) -> Iterable[str]:
    if late:
        papers = number_format(sum(late.values()), force_grouping=True)
        yield ngettext(
            "%(fields)s was late yesterday; %(papers)s papers follow today.",
            "%(fields)s were late yesterday; %(papers)s papers follow today.",
            len(late),
        ) % {"fields": named(sorted(late)), "papers": papers}


def named(names: Sequence[str]) -> str:
    """ "cs.AI, cs.CL and 4 more"."""
    return join_names(names, MOST_NAMED)


def report_at(at: datetime) -> Report:
    """How all active sources stood at a moment. Kept until there is another check."""
    newest = SourceCheck.objects.filter(at__lte=at).aggregate(newest=Max("pk"))["newest"]
    return _report(newest, rules.arxiv_day(at)) if newest else Report()


@lru_cache(maxsize=4)
def _report(newest: int, today: date) -> Report:
    at = SourceCheck.objects.values_list("at", flat=True).get(pk=newest)
    checks = SourceCheck.objects.filter(source__active=True, at__lte=at, at__gt=at - REACH)
    checks = checks.exclude(state=SourceCheck.State.POSTPONED).select_related("source")
    rows = list(checks.defer("detail").order_by("at", "pk"))
    latest = {check.source_id: check for check in rows}
    kinds: dict[str, Statement] = {}
    categories: dict[str, Statement] = {}
    for check in latest.values():
        _better(kinds, check.source.kind, _told(check))
        for name, told in check.categories.items():
            _better(categories, name, Statement(**told))
    return Report(kinds, categories, _caught_up(rows, today, categories))


def _told(check: SourceCheck) -> Statement:
    return Statement(check.state, check.reason, said=check.said or [])


def _better(known: dict[str, Statement], name: str, told: Statement) -> None:
    """What one source brought is not missed for another's silence."""
    if name not in known or SEVERITY.index(told.state) < SEVERITY.index(known[name].state):
        known[name] = told


def _caught_up(
    checks: Sequence[SourceCheck], today: date, categories: dict[str, Statement]
) -> dict[str, int]:
    """Categories that were found late or broken the day before, and how many came since."""
    yesterday = rules.last_working_day(today)
    late: set[str] = set()
    for check in checks:
        local = check.at.astimezone(rules.NEW_YORK)
        if local.date() == yesterday and local.hour >= LATE_HOUR:
            late |= {name for name, told in check.categories.items() if told["state"] in MISSED}
    return {
        name: told.entries
        for name, told in categories.items()
        if told.state == FRESH and name in late
    }


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source as the status page shows it; `days` are the best state of each, oldest first."""

    source: Source
    check: SourceCheck | None
    days: list[tuple[date, str]]

    @property
    def name(self) -> str:
        """As everybody may see it: addresses may hold tokens, or names of internal hosts."""
        if self.source.name and not addresses.is_address(self.source.name):
            return self.source.name
        if settings.ALLOW_PRIVATE_SOURCES and self.source.url not in recommended.BY_ADDRESS:
            return _("A new source")
        return addresses.public_host_of(self.source.url) or _("A new source")

    @property
    def why(self) -> str:
        return _told(self.check).in_words if self.check else ""

    @property
    def categories(self) -> list[tuple[str, Statement]]:
        told = self.check.categories if self.check else {}
        return [(name, Statement(**one)) for name, one in told.items()]


def source_statuses(now: datetime) -> list[SourceStatus]:
    """All active sources, the troubled ones first; three queries."""
    first = now - timedelta(days=SHOWN_DAYS)
    checks = SourceCheck.objects.filter(source__active=True, at__gt=first).order_by("at", "pk")
    of_source: dict[int, list[SourceCheck]] = defaultdict(list)
    for check in checks.exclude(state=SourceCheck.State.POSTPONED):
        of_source[check.source_id].append(check)
    rows = [
        SourceStatus(
            source, next(reversed(of_source[source.pk]), None), _days(of_source[source.pk])
        )
        for source in Source.objects.filter(active=True)
    ]
    return sorted(rows, key=lambda row: -_severity(row.check))


def _days(checks: Sequence[SourceCheck]) -> list[tuple[date, str]]:
    best: dict[date, str] = {}
    for check in checks:
        known = best.get(check.at.date(), BROKEN)
        best[check.at.date()] = min(known, check.state, key=SEVERITY.index)
    return [(day, str(SourceCheck.State(state).label)) for day, state in sorted(best.items())]


def _severity(check: SourceCheck | None) -> int:
    return SEVERITY.index(check.state) if check else -1
