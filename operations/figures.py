"""How the house stands in figures, read from PostgreSQL, so that every process says the same.

Each is a look-up by index, or a count over editions whose totals are not closed (three at most).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min

from papers.models import Source
from subscriptions.mail import transactional
from subscriptions.models import CLOCK_SKEW, DeliveryEvent, Digest, Edition, Subscriber

Status = Digest.Status


@dataclass(frozen=True, slots=True)
class EditionFigures:
    """One edition under way: digests due, by state, and what came back of them."""

    day: str
    state: str
    due: int
    totals: dict[str, int]
    came_back: dict[str, int]


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """One active source. `age` is seconds since a check of it succeeded; None: none ever did."""

    name: str
    kind: str
    age: float | None
    failures: int
    parked: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """Ages are in seconds, 0 where nothing waits; `last_success` is when a digest was last sent."""

    editions: list[EditionFigures]
    sources: list[SourceFigures]
    oldest_due_reader: float
    oldest_pending: float
    oldest_claim: float
    last_success: datetime | None
    messages: list[transactional.KindFigures]


def collect_figures(now: datetime) -> Figures:
    waiting = Digest.objects.filter(status=Status.PENDING, next_attempt_at__lte=now)
    waiting = waiting.exclude(
        day__in=Edition.objects.blocked(now).values("day")
    )  # these shall wait
    in_hand = Digest.objects.filter(status=Status.SENDING)
    sent = Digest.objects.filter(status=Status.SENT, sent_at__lte=now + CLOCK_SKEW)
    sent = sent.order_by("-sent_at")
    due = Subscriber.objects.due(now).order_by("next_digest_at")
    return Figures(
        editions=[_edition(edition) for edition in Edition.objects.filter(closed_at=None)],
        sources=[_source(source, now) for source in Source.objects.filter(active=True)],
        oldest_due_reader=_age(due.values_list("next_digest_at", flat=True).first(), now),
        oldest_pending=_age(waiting.aggregate(at=Min("next_attempt_at"))["at"], now),
        oldest_claim=_age(in_hand.aggregate(at=Min("claimed_at"))["at"], now),
        last_success=sent.values_list("sent_at", flat=True).first(),
        messages=transactional.message_figures(now),
    )


def _edition(edition: Edition) -> EditionFigures:
    return EditionFigures(
        day=edition.day.isoformat(),
        state=edition.state,
        due=edition.due,
        totals=Digest.objects.filter(day=edition.day).totals(),
        came_back=DeliveryEvent.objects.all().feedback_counts(edition.day),
    )


def _source(source: Source, now: datetime) -> SourceFigures:
    age = _age(source.succeeded_at, now) if source.succeeded_at else None
    parked = source.parked_at is not None
    return SourceFigures(str(source), source.kind, age, source.failures, parked)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
