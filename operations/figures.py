"""Figures for the metrics, read from PostgreSQL, so that all processes report the same.

Each is an indexed query, or a count over editions whose totals are still open (at most three).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min

from papers.models import Source
from subscriptions.mail import transactional
from subscriptions.models import CLOCK_SKEW, DeliveryEvent, Digest, Edition, Subscription

Status = Digest.Status


@dataclass(frozen=True, slots=True)
class EditionFigures:
    """Figures of an open edition: digests due, digests by status, bounces and complaints."""

    day: str
    state: str
    due: int
    totals: dict[str, int]
    feedback: dict[str, int]


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """Figures of an active source. `age` is seconds since its last success, or None."""

    name: str
    kind: str
    age: float | None
    failures: int
    parked: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures. Ages are in seconds, 0 if nothing waits. `last_success` is a sent digest."""

    editions: list[EditionFigures]
    sources: list[SourceFigures]
    oldest_due_reader: float
    oldest_pending: float
    oldest_claim: float
    last_success: datetime | None
    messages: list[transactional.KindFigures]


def collect_figures(now: datetime) -> Figures:
    blocked = Edition.objects.blocked(now).values("day")
    pending = Digest.objects.filter(status=Status.PENDING, next_attempt_at__lte=now)
    pending = pending.exclude(day__in=blocked)
    claimed = Digest.objects.filter(status=Status.SENDING)
    sent = Digest.objects.filter(status=Status.SENT, sent_at__lte=now + CLOCK_SKEW)
    sent = sent.order_by("-sent_at")
    due = Subscription.objects.due(now).order_by("next_digest_at")
    return Figures(
        editions=[_edition(edition) for edition in Edition.objects.filter(closed_at=None)],
        sources=[_source(source, now) for source in Source.objects.filter(active=True)],
        oldest_due_reader=_age(due.values_list("next_digest_at", flat=True).first(), now),
        oldest_pending=_age(pending.aggregate(at=Min("next_attempt_at"))["at"], now),
        oldest_claim=_age(claimed.aggregate(at=Min("claimed_at"))["at"], now),
        last_success=sent.values_list("sent_at", flat=True).first(),
        messages=transactional.message_figures(now),
    )


def _edition(edition: Edition) -> EditionFigures:
    return EditionFigures(
        day=edition.day.isoformat(),
        state=edition.state,
        due=edition.due,
        totals=Digest.objects.filter(day=edition.day).totals(),
        feedback=DeliveryEvent.objects.all().feedback_counts(edition.day),
    )


def _source(source: Source, now: datetime) -> SourceFigures:
    age = _age(source.succeeded_at, now) if source.succeeded_at else None
    parked = source.parked_at is not None
    return SourceFigures(str(source), source.kind, age, source.failures, parked)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
