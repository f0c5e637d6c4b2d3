"""Record refusals at hand-over as delivery events.

A mail server that refuses a recipient during sending says what a bounce would say later.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from subscriptions.feedback.bounce_severity import is_hard
from subscriptions.feedback.normalize import Event, make_key, redact_addresses
from subscriptions.feedback.record import record_events
from subscriptions.feedback.settle import BATCH_SIZE, Mail
from subscriptions.models import DeliveryEvent, Digest, Message

HAND_OVER = "hand-over"
"""The `provider` of these events."""

LOOK_BACK = timedelta(days=2)
RECIPIENT_REFUSED = "RCPT: 5"
"""The start of the reason when a server refused the recipient for good."""


def record_refusals(now: datetime) -> int:
    """Record refusals that have no event yet; return how many there were."""
    mails: list[Mail] = []
    for rows in (refused_digests((now - LOOK_BACK).date()), refused_messages(now)):
        mails += rows.only("reason", "claimed_at")[:BATCH_SIZE]
    return record_events([_refusal(mail, now) for mail in mails], now)


def refused_digests(since: date) -> QuerySet[Digest]:
    """Return digests whose recipient was refused and that have no event for it yet."""
    events = DeliveryEvent.objects.filter(digest=OuterRef("pk"), provider=HAND_OVER)
    failed = Digest.objects.filter(~Exists(events), status=Digest.Status.FAILED, day__gte=since)
    return failed.filter(reason__startswith=RECIPIENT_REFUSED)


def refused_messages(now: datetime) -> QuerySet[Message]:
    """Return messages to readers that were refused and have no event for it yet."""
    events = DeliveryEvent.objects.filter(message=OuterRef("pk"), provider=HAND_OVER)
    failed = Message.objects.filter(
        ~Exists(events), status=Message.Status.FAILED, created_at__gte=now - LOOK_BACK
    )
    return failed.filter(reason__startswith=RECIPIENT_REFUSED, subscriber__isnull=False)


def _refusal(mail: Mail, now: datetime) -> Event:
    """Return the event of a refused mail; only a hard one has consequences for the reader."""
    is_digest = isinstance(mail, Digest)
    prefix = () if is_digest else ("message",)
    return Event(
        key=make_key(HAND_OVER, *prefix, mail.pk),
        provider=HAND_OVER,
        kind=DeliveryEvent.Kind.HARD_BOUNCE
        if is_hard("", mail.reason)
        else DeliveryEvent.Kind.REJECTED,
        at=mail.claimed_at or now,
        detail=redact_addresses(mail.reason),
        digest=mail.pk if is_digest else None,
        message=None if is_digest else mail.pk,
    )
