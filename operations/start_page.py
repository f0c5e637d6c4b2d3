"""Content of the admin's start page: to-dos, and the state of editions, sources and readers."""

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
from papers.models import Paper, Report, Submission
from subscriptions.editions import alerts, candidate_pool
from subscriptions.models import SignUpSwitch
from subscriptions.staff import dashboard
from subscriptions.staff.dashboard import Dashboard

WEEK = 7  # days
OPERATOR_PERMISSION = "subscriptions.change_edition"
CURATOR_PERMISSION = "subscriptions.curate_edition"
MAX_ROWS = 5  # per list
MAX_NAMES = 3  # of sources in a to-do


@dataclass(frozen=True, slots=True)
class Step:
    """A to-do: its title, the address of its page, and the reason."""

    title: str
    url: str
    reason: str = ""


def build_context(user: Any, now: datetime) -> dict[str, Any]:
    """Return the template context for this account."""
    sources = notices.source_statuses(now)
    failing = [row for row in sources if row.is_failing]
    decisions = count_decisions(now)
    tomorrow = tomorrows_edition(now)
    figures = dashboard.dashboard_figures(now)
    is_operator = user.has_perm(OPERATOR_PERMISSION)
    findings = quick_findings(now) if is_operator else []
    return {
        "steps": list_steps(user, sources, failing, decisions, tomorrow, figures, findings),
        "tomorrow": tomorrow,
        "decisions": decisions,
        "sources": sources,
        "failing": failing,
        "max_rows": MAX_ROWS,
        "readers": reader_counts(figures),
        "alerts": alerts.current_problems(now),
        "is_operator": is_operator,
        "findings": [finding for finding in findings if finding.level > Level.NOTE][:MAX_ROWS],
        "checked": len(findings),
        "is_sign_up_open": SignUpSwitch.is_open(),
        "site": settings.SITE_URL,
    }


def count_decisions(now: datetime) -> dict[str, int]:
    """Return how many proposals, reports and likely duplicates need a decision."""
    return {
        "proposals": Submission.objects.filter(status=Submission.Status.WAITING).count(),
        "reports": Report.objects.filter(status=Report.Status.WAITING).count(),
        "duplicates": len(curation.likely_duplicates(now.date())),
    }


def tomorrows_edition(now: datetime) -> dict[str, Any]:
    day = now.date() + timedelta(days=1)
    row = next(row for row in dashboard.upcoming_editions(now) if row.edition.day == day)
    return {
        "row": row,
        "candidates": candidate_pool.candidate_papers(day).count(),
    }


def reader_counts(figures: Dashboard) -> dict[str, int]:
    """Return how many readers are active, and how many joined and left within a week."""
    weekly = {chart.name: sum(bar.count for bar in chart.bars[-WEEK:]) for chart in figures.charts}
    return {
        "active": figures.readers.get("active", 0),
        "new": weekly["Confirmations"],
        "left": weekly["Unsubscribed"],
    }


def quick_findings(now: datetime) -> list[Finding]:
    """Return findings of the doctor's fast checks, worst first."""
    return sorted(doctor.quick_report(now), key=lambda finding: -finding.level)


def list_steps(
    user: Any,
    sources: list[SourceStatus],
    failing: list[SourceStatus],
    decisions: dict[str, int],
    tomorrow: dict[str, Any],
    figures: Dashboard,
    findings: list[Finding],
) -> list[Step]:
    """Return the to-dos of this account, most important first."""
    steps = []
    if not sources and user.has_perm("papers.add_source"):
        url = reverse("admin:papers_source_recommended")
        reason = "Papers come from feeds and lists. Pick recommended ones or enter addresses."
        steps.append(Step("Add sources", url, reason))
    elif sources and not Paper.objects.exists():
        url = reverse("admin:papers_source_changelist")
        reason = "They appear within minutes if the workers are running. The list shows each check."
        steps.append(Step("Wait for the first papers", url, reason))
    if any(finding.level == Level.ERROR for finding in findings):
        steps.append(Step("Fix errors found by the doctor", reverse("doctor"), _first(findings)))
    if failing and user.has_perm("papers.change_source"):
        names = ", ".join(str(row.source) for row in failing[:MAX_NAMES])
        url = f"{reverse('admin:papers_source_changelist')}?health=problems"
        title = f"Check {_count(len(failing), 'source')} with problems"
        steps.append(Step(title, url, names))
    if (waiting := sum(decisions.values())) and user.has_perm("papers.change_submission"):
        reason = ", ".join(_count(n, name.removesuffix("s")) for name, n in decisions.items() if n)
        title = f"Decide on {_count(waiting, 'entry')} in the queue"
        steps.append(Step(title, reverse("admin:papers_queue"), reason))
    edition = tomorrow["row"].edition
    if not edition.approved_at and tomorrow["candidates"] and user.has_perm(CURATOR_PERMISSION):
        url = reverse("admin:subscriptions_edition_tomorrow")
        steps.append(Step("Review tomorrow’s edition", url, tomorrow["row"].outlook))
    if sources and not figures.readers.get("active"):
        reason = f"Nobody has subscribed yet. The sign-up form is at {settings.SITE_URL}."
        steps.append(Step("Invite readers", settings.SITE_URL, reason))
    if not user.email and user.has_perm("auth.change_user"):
        reason = "The desk sends test emails to it."
        url = reverse("admin:auth_user_change", args=[user.pk])
        steps.append(Step("Add an email address to your account", url, reason))
    return steps


def _first(findings: list[Finding]) -> str:
    return f"{findings[0].area}: {findings[0].message}"


def _count(number: int, noun: str) -> str:
    plural = f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
