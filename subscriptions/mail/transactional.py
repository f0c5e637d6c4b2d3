"""Transactional mail: every email other than the digest is a row, written with its cause.

Tasks are only hints: the recovery task finds rows that no worker picked up or that one abandoned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q

from config.logs import redact
from papers.models import Paper
from subscriptions.mail import suppression
from subscriptions.models import CLOCK_SKEW, Message, MessageQuerySet, Subscriber

Kind, Status = Message.Kind, Message.Status
Reader = Subscriber.Status

MAX_WAIT = timedelta(minutes=30)
STATISTICS_WINDOW = timedelta(days=1)
STATE_CHANGED = "The reader's state has changed."
SUPPRESSED = "The address is suppressed."
PAPER_HIDDEN = "The paper is no longer shown."


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of message: how late it may still be sent, and to readers in which states."""

    lifetime: timedelta
    readers: tuple[str, ...] = ()


DAY = timedelta(days=1)
NOT_ACTIVE = (Reader.PENDING, Reader.UNSUBSCRIBED, Reader.SUPPRESSED)
RULES = {
    Kind.CONFIRMATION: Rule(DAY, NOT_ACTIVE),
    Kind.PREFERENCES_LINK: Rule(DAY / 2, (Reader.ACTIVE, Reader.UNSUBSCRIBED, Reader.SUPPRESSED)),
    Kind.VOTE_LINK: Rule(DAY / 2, (Reader.ACTIVE,)),
    Kind.WELCOME: Rule(DAY, (Reader.ACTIVE,)),
    Kind.LESS_OFTEN: Rule(DAY, (Reader.ACTIVE,)),
    Kind.GOODBYE: Rule(DAY, (Reader.UNSUBSCRIBED,)),
    Kind.EDITION_TROUBLE: Rule(2 * DAY),
    Kind.STANDSTILL: Rule(2 * DAY),
    Kind.SIGNUP_TROUBLE: Rule(2 * DAY),
}


def write_message(
    kind: str, now: datetime, reader: Subscriber | None = None, **values: Any
) -> Message:
    """Store a message to a reader or the operator, in the transaction of its cause."""
    return Message.objects.create(
        kind=kind,
        subscriber=reader,
        created_at=now,
        queued_at=now,
        next_attempt_at=now,
        expires_at=now + RULES[Kind(kind)].lifetime,
        **values,
    )


def waiting_messages(reader: int) -> list[int]:
    """Return the keys of this reader's pending messages."""
    waiting = Message.objects.filter(subscriber=reader, status=Status.PENDING)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def waiting_alerts() -> list[int]:
    """Return the keys of pending messages to the operator."""
    waiting = Message.objects.filter(subscriber=None, status=Status.PENDING)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def reason_not_to_send(message: Message, now: datetime) -> str:
    """Return the reason not to send a message any more; empty if it may be sent."""
    reader = message.subscriber
    if reader is None:
        return ""
    if reader.status not in RULES[Kind(message.kind)].readers:
        return STATE_CHANGED
    left_at = reader.unsubscribed_at
    if message.kind == Kind.CONFIRMATION and left_at and message.created_at < left_at:
        return STATE_CHANGED
    if suppression.is_suppressed(reader, now):
        return SUPPRESSED
    if message.kind == Kind.VOTE_LINK and not _is_shown(message.about):
        return PAPER_HIDDEN
    return ""


def _is_shown(paper: str) -> bool:
    return paper.isdecimal() and Paper.objects.visible().filter(pk=int(paper)).exists()


def send_again(messages: MessageQuerySet, now: datetime) -> list[int]:
    """Queue failed, uncertain or expired messages again, by hand; return their keys."""
    resendable = (Status.FAILED, Status.UNCERTAIN, Status.EXPIRED)
    pks = []
    for message in messages.filter(status__in=resendable):
        row = Message.objects.filter(pk=message.pk, status__in=resendable)
        if row.update(
            status=Status.PENDING,
            attempts=0,
            next_attempt_at=now,
            queued_at=now,
            expires_at=now + RULES[Kind(message.kind)].lifetime,
            settled_at=None,
        ):
            pks.append(message.pk)
    return pks


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Counts of one kind by state: messages of the last day, and all that are under way."""

    kind: str
    states: Mapping[str, int]
    oldest_pending: datetime | None


def message_figures(now: datetime) -> list[KindFigures]:
    """Return the figures of each kind of message."""
    recent = Q(created_at__gt=now - STATISTICS_WINDOW)
    under_way = Q(status__in=(Status.PENDING, Status.SENDING))
    rows = Message.objects.filter(recent | under_way).order_by()
    zeros: dict[str, int] = {str(status): 0 for status in Status}
    counts = {str(kind): zeros.copy() for kind in Kind}
    for kind, status, count in rows.values_list("kind", "status").annotate(Count("pk")):
        counts[kind][status] = count
    pending = Message.objects.filter(status=Status.PENDING).order_by()
    oldest = dict(pending.values_list("kind").annotate(Min("created_at")))
    return [KindFigures(kind, counts[kind], oldest.get(kind)) for kind in Kind.values]


def describe_standstill(now: datetime) -> list[str]:
    """Return a sentence if messages to readers are waiting and none is being sent."""
    waiting = Message.objects.filter(
        status=Status.PENDING, created_at__lt=now - MAX_WAIT, subscriber__isnull=False
    )
    if not (oldest := waiting.order_by("created_at").first()):
        return []
    recent = (now - MAX_WAIT, now + CLOCK_SKEW)
    if Message.objects.filter(status=Status.SENT, sent_at__range=recent).exists():
        return []
    since = f"{oldest.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    error = f" Last error: {redact(oldest.reason)}" if oldest.reason else ""
    return [
        f"Messages waiting: {waiting.count()} (confirmations, links and others), the oldest since "
        f"{since}. Is the urgent worker running?{error}"
    ]


def recent_failures(now: datetime) -> dict[str, dict[str, int]]:
    """Return counts of the last day's failed, uncertain and expired messages, by kind and state."""
    failed = [str(status) for status in (Status.FAILED, Status.UNCERTAIN, Status.EXPIRED)]
    return {
        figures.kind: states
        for figures in message_figures(now)
        if (states := {name: figures.states[name] for name in failed if figures.states[name]})
    }


def describe_failures(failures: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return phrases such as "Confirmation: 2 failed"."""
    return [
        f"{Kind(kind).label}: {count} {status}"
        for kind, states in failures.items()
        for status, count in states.items()
    ]
