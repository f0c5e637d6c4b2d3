"""Transactional mail: every email beside the digest is a row, written with what causes it.

Tasks are hints: the sweep finds rows that no worker heard of, or that a worker left behind.
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

WAITS_TOO_LONG = timedelta(minutes=30)
WATCHED = timedelta(days=1)
NOT_WANTED = "The reader's state has changed."
NO_MAIL = "No mail may go to this address."
NO_PAPER = "The paper is not shown any more."


@dataclass(frozen=True, slots=True)
class Rule:
    """`lifetime`: how late the email may still be sent; `readers`: in which of these states."""

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
    """Write a message to a reader, or to the operator; call it in the transaction of its cause."""
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
    """The messages to this reader that wait to be sent."""
    waiting = Message.objects.filter(subscriber=reader, status=Status.PENDING)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def waiting_alerts() -> list[int]:
    """The messages to the operator that wait to be sent."""
    waiting = Message.objects.filter(subscriber=None, status=Status.PENDING)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def reason_not_to_send(message: Message, now: datetime) -> str:
    """Why a message may not be sent any more; empty if it may."""
    reader = message.subscriber
    if reader is None:
        return ""
    if reader.status not in RULES[Kind(message.kind)].readers:
        return NOT_WANTED
    if suppression.is_suppressed(reader, now):
        return NO_MAIL
    if message.kind == Kind.VOTE_LINK and not _is_shown(message.about):
        return NO_PAPER
    return ""


def _is_shown(paper: str) -> bool:
    return paper.isdecimal() and Paper.objects.visible().filter(pk=int(paper)).exists()


def send_again(messages: MessageQuerySet, now: datetime) -> list[int]:
    """By hand: send these failed, uncertain or expired messages once more; returns which."""
    again = (Status.FAILED, Status.UNCERTAIN, Status.EXPIRED)
    pks = []
    for message in messages.filter(status__in=again):
        here = Message.objects.filter(pk=message.pk, status__in=again)
        if here.update(
            status=Status.PENDING,
            attempts=0,
            next_attempt_at=now,
            queued_at=now,
            expires_at=now + RULES[Kind(message.kind)].lifetime,
            settled_at=None,
        ):
            pks.append(message.pk)
    return pks


# --- What the operator hears ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Messages of one kind: by state, those created in the last day and all that wait."""

    kind: str
    states: Mapping[str, int]
    oldest_pending: datetime | None


def message_figures(now: datetime) -> list[KindFigures]:
    """How messages of each kind stand."""
    recent = Q(created_at__gt=now - WATCHED)
    under_way = Q(status__in=(Status.PENDING, Status.SENDING))
    rows = Message.objects.filter(recent | under_way).order_by()
    none: dict[str, int] = {str(status): 0 for status in Status}
    counts = {str(kind): none.copy() for kind in Kind}
    for kind, status, count in rows.values_list("kind", "status").annotate(Count("pk")):
        counts[kind][status] = count
    pending = Message.objects.filter(status=Status.PENDING).order_by()
    oldest = dict(pending.values_list("kind").annotate(Min("created_at")))
    return [KindFigures(kind, counts[kind], oldest.get(kind)) for kind in Kind.values]


def describe_standstill(now: datetime) -> list[str]:
    """Whether messages to readers wait although none is sent, in sentences."""
    waiting = Message.objects.filter(
        status=Status.PENDING, created_at__lt=now - WAITS_TOO_LONG, subscriber__isnull=False
    )
    if not (oldest := waiting.order_by("created_at").first()):
        return []
    recently = (now - WAITS_TOO_LONG, now + CLOCK_SKEW)
    if Message.objects.filter(status=Status.SENT, sent_at__range=recently).exists():
        return []
    since = f"{oldest.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    why = f" Last error: {redact(oldest.reason)}" if oldest.reason else ""
    return [
        f"Messages waiting: {waiting.count()} (confirmations, links and others), the oldest since "
        f"{since}. Is the urgent worker running?{why}"
    ]


def recent_failures(now: datetime) -> dict[str, dict[str, int]]:
    """By kind and state, the messages of the last day that nobody may have received."""
    wrong = [str(status) for status in (Status.FAILED, Status.UNCERTAIN, Status.EXPIRED)]
    return {
        one.kind: bad
        for one in message_figures(now)
        if (bad := {name: one.states[name] for name in wrong if one.states[name]})
    }


def describe_failures(wrong: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Such as "Confirmation: 2 failed"."""
    return [
        f"{Kind(kind).label}: {count} {status}"
        for kind, states in wrong.items()
        for status, count in states.items()
    ]
