"""Suppress or unsubscribe readers after bounces, complaints and opt-outs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from subscriptions.mail import suppression
from subscriptions.models import DeliveryEvent, Subscriber
from subscriptions.readers import lifecycle

Kind = DeliveryEvent.Kind
CONSEQUENTIAL_KINDS = (*DeliveryEvent.NEGATIVE_KINDS, Kind.UNSUBSCRIBED)


def apply_consequences(rows: Sequence[DeliveryEvent], now: datetime) -> None:
    """Suppress or unsubscribe the readers of these new events."""
    kinds: dict[int, set[str]] = {}
    for row in rows:
        if row.subscriber and _still_counts(row, row.subscriber):
            kinds.setdefault(row.subscriber.pk, set()).add(row.kind)
    reasons = {
        pk: reason
        for pk, reader_kinds in kinds.items()
        if (reason := suppression.reason_for(reader_kinds))
    }
    soft = sorted(pk for pk in kinds.keys() - reasons.keys() if Kind.SOFT_BOUNCE in kinds[pk])
    if soft:
        reasons |= dict.fromkeys(suppression.soft_bounced_out(soft), suppression.Reason.SOFT)
    if reasons:
        suppression.suppress_readers(reasons, now)
    if leaving := [pk for pk, reader_kinds in kinds.items() if Kind.UNSUBSCRIBED in reader_kinds]:
        lifecycle.unsubscribe_readers(leaving, now)


def _still_counts(row: DeliveryEvent, reader: Subscriber) -> bool:
    """Return whether an event is about mail sent since the reader confirmed.

    A complaint always counts.
    """
    if row.kind == Kind.COMPLAINT or not reader.confirmed_at:
        return True
    mail = row.digest or row.message
    mailed_at = mail.claimed_at if mail else None
    return (mailed_at or row.occurred_at) > reader.confirmed_at
