"""What the admin's start page shows: what to do next, and how editions, sources and readers do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from operations import doctor
from operations.findings import Finding, Level
from papers import curation
from papers.freshness import notices
from papers.freshness.notices import SourceStatus
from papers.freshness.rules import BROKEN, PARTIAL, STALE
from papers.models import Paper, Report, Submission
from subscriptions.editions import alerts, candidate_pool
from subscriptions.models import SignUpSwitch
from subscriptions.staff import dashboard
from subscriptions.staff.dashboard import Dashboard

WEEK = 7  # days
OPERATES, CURATES = "subscriptions.change_edition", "subscriptions.curate_edition"
TROUBLED = (BROKEN, STALE, PARTIAL)
SHOWN = 5  # of each list


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do: in one line, with the page where it is done and what it is for."""

    what: str
    url: str
    why: str = ""


def context(user: Any, now: datetime) -> dict[str, Any]:
    """Return what this account may see and do."""
    sources = notices.source_statuses(now)
    troubled = [row for row in sources if is_troubled(row)]
    decisions = to_decide(now)
    tomorrow = edition_of_tomorrow(now)
    figures = dashboard.dashboard_figures(now)
    operates = user.has_perm(OPERATES)
    findings = glance(now) if operates else []
    return {
        "steps": steps(user, sources, troubled, decisions, tomorrow, figures, findings),
        "tomorrow": tomorrow,
        "decisions": decisions,
        "sources": sources,
        "troubled": troubled[:SHOWN],
        "readers": readers(figures),
        "alerts": alerts.current_problems(now),
        "operates": operates,
        "findings": [finding for finding in findings if finding.level > Level.NOTE][:SHOWN],
        "checked": len(findings),
        "is_sign_up_open": SignUpSwitch.is_open(),
        "site": settings.SITE_URL,
    }


def is_troubled(row: SourceStatus) -> bool:
    return bool(row.source.parked_at or (row.check and row.check.state in TROUBLED))


def to_decide(now: datetime) -> dict[str, int]:
    """Return how many proposals, reports and likely duplicates wait for a curator."""
    return {
        "proposals": Submission.objects.filter(status=Submission.Status.WAITING).count(),
        "reports": Report.objects.filter(status=Report.Status.WAITING).count(),
        "duplicates": len(curation.likely_duplicates(now.date())),
    }


def edition_of_tomorrow(now: datetime) -> dict[str, Any]:
    day = now.date() + timedelta(days=1)
    row = next(row for row in dashboard.upcoming_editions(now) if row.edition.day == day)
    return {
        "row": row,
        "candidates": candidate_pool.candidate_papers(day).count(),
    }


def readers(figures: Dashboard) -> dict[str, int]:
    """Return how many readers are active, and how many came and left within a week."""
    lately = {chart.name: sum(bar.count for bar in chart.bars[-WEEK:]) for chart in figures.charts}
    return {
        "active": figures.readers.get("active", 0),
        "new": lately["Confirmations"],
        "left": lately["Unsubscribed"],
    }


def glance(now: datetime) -> list[Finding]:
    """What the doctor finds without asking workers or the network, the worst first."""
    return sorted(doctor.quick_report(now), key=lambda finding: -finding.level)


def steps(
    user: Any,
    sources: list[SourceStatus],
    troubled: list[SourceStatus],
    decisions: dict[str, int],
    tomorrow: dict[str, Any],
    figures: Dashboard,
    findings: list[Finding],
) -> list[Step]:
    """Return what this account can do now, in the order in which it matters."""
    found = []
    if not sources and user.has_perm("papers.add_source"):
        page = reverse("admin:papers_source_recommended")
        why = "Papers come from feeds and lists. Pick from the recommended ones or type addresses."
        found.append(Step("Add sources", page, why))
    elif sources and not Paper.objects.exists():
        page = reverse("admin:papers_source_changelist")
        why = "They appear within a minute or two, if the workers run. The list shows each check."
        found.append(Step("Wait for the first papers", page, why))
    if any(finding.level == Level.ERROR for finding in findings):
        found.append(Step("Fix what the doctor found", reverse("doctor"), _first(findings)))
    if troubled and user.has_perm("papers.change_source"):
        names = ", ".join(str(row.source) for row in troubled[:3])
        page = reverse("admin:papers_source_changelist")
        found.append(Step(f"See to {_count(len(troubled), 'source')} in trouble", page, names))
    if (waiting := sum(decisions.values())) and user.has_perm("papers.change_submission"):
        why = ", ".join(_count(n, name.removesuffix("s")) for name, n in decisions.items() if n)
        found.append(
            Step(f"Decide on {_count(waiting, 'entry')}", reverse("admin:papers_queue"), why)
        )
    edition = tomorrow["row"].edition
    if not edition.approved_at and tomorrow["candidates"] and user.has_perm(CURATES):
        page = reverse("admin:subscriptions_edition_tomorrow")
        found.append(Step("Look at tomorrow’s edition", page, tomorrow["row"].outlook))
    if sources and not figures.readers.get("active"):
        why = f"Nobody has subscribed yet. The sign-up form is at {settings.SITE_URL}."
        found.append(Step("Invite readers", settings.SITE_URL, why))
    if not user.email and user.has_perm("auth.change_user"):
        why = "Test emails of the desk go to it."
        page = reverse("admin:auth_user_change", args=[user.pk])
        found.append(Step("Give your account an email address", page, why))
    return found


def _first(findings: list[Finding]) -> str:
    return f"{findings[0].area}: {findings[0].said}"


def _count(number: int, noun: str) -> str:
    many = f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else many}"
