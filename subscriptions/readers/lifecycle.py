"""Subscriber lifecycle: activation, rescheduling, unsubscribing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction

from subscriptions.mail import suppression, transactional
from subscriptions.models import Interests, Message, Subscriber
from subscriptions.schedule import (
    DAYS_AHEAD,
    Schedule,
    local_day,
    local_time,
    next_digest_at,
    spread_offset,
    zone_of,
)

Status = Subscriber.Status
MAX_RESCHEDULED = 10_000  # readers per call
UNDO_PERIOD = timedelta(hours=1)


def set_next_digest(reader: Subscriber, after: datetime) -> None:
    """Set, without saving, when the next digest is due; None for readers who get none."""
    offset = spread_offset(reader.pk, settings.DIGEST_SPREAD)
    rhythm = Schedule(reader.timezone, reader.hour, reader.frequency, reader.weekday, offset)
    due = next_digest_at(rhythm, max(after, reader.paused_until or after), reader.last_digest_day)
    reader.next_digest_at = due if reader.status == Status.ACTIVE else None


def is_first_day(reader: Subscriber, day: date) -> bool:
    """Return True if the reader confirmed on this local day."""
    confirmed = reader.confirmed_at
    return confirmed is not None and local_time(confirmed, reader.timezone).date() == day


def save_typed_interests(pk: int, typed: dict[str, Any]) -> None:
    """Save the interests typed at sign-up, replacing those typed before.

    They become the interests of a pending reader. For others they are only a suggestion to accept
    or discard, so that nobody can change another's profile by typing their address. Both cases run
    the same statements.
    """
    if not typed:
        return
    interests = Interests.objects.filter(pk=pk)
    new = {"topics": "", "examples": [], "categories": []} | typed
    interests.filter(subscriber__status=Status.PENDING).update(**new)
    interests.exclude(subscriber__status=Status.PENDING).update(suggestion=typed)


@transaction.atomic
def activate_reader(reader: Subscriber, now: datetime) -> bool:
    """Activate a reader who confirmed, and write the welcome message. Safe to repeat.

    Return False if the address is suppressed.
    """
    reader.refresh_from_db(from_queryset=Subscriber.objects.select_for_update(no_key=True))
    if suppression.is_suppressed(reader, now):
        return False
    if reader.status != Status.ACTIVE:
        reader.status, reader.confirmed_at, reader.paused_until = Status.ACTIVE, now, None
        set_next_digest(reader, now)
        reader.save(update_fields=["status", "confirmed_at", "paused_until", "next_digest_at"])
        transactional.write_message(Message.Kind.WELCOME, now, reader)
    return True


@transaction.atomic
def change_schedule(pk: int, now: datetime, **changed: Any) -> Subscriber:
    """Set frequency, weekday or paused_until, and reschedule the next digest.

    Digests being sent are not affected.
    """
    reader = Subscriber.objects.select_for_update(no_key=True).get(pk=pk)
    for name, value in changed.items():
        setattr(reader, name, value)
    set_next_digest(reader, now)
    reader.save(update_fields=[*changed, "next_digest_at"])
    return reader


def can_undo_unsubscribe(reader: Subscriber, now: datetime) -> bool:
    """Return True for UNDO_PERIOD after a confirmed reader unsubscribed.

    A later sign-up ends it, so that the recorded consent is the confirmed one.
    """
    unsubscribed = reader.unsubscribed_at
    return bool(
        reader.status == Status.UNSUBSCRIBED
        and reader.confirmed_at
        and unsubscribed
        and now - unsubscribed <= UNDO_PERIOD
        and not (reader.consent_at and reader.consent_at > unsubscribed)
        and not suppression.is_suppressed(reader, now)
    )


@transaction.atomic
def undo_unsubscribe(pk: int, now: datetime) -> bool:
    """Restore an unsubscribed reader; return False if too late. Safe to repeat."""
    reader = Subscriber.objects.select_for_update(no_key=True).get(pk=pk)
    if reader.status == Status.ACTIVE:
        return True
    if not can_undo_unsubscribe(reader, now):
        return False
    reader.status, reader.unsubscribed_at = Status.ACTIVE, None
    set_next_digest(reader, now)
    reader.save(update_fields=["status", "unsubscribed_at", "next_digest_at"])
    return True


def unsubscribe_reader(pk: int, now: datetime) -> None:
    """Unsubscribe a reader; takes effect at once, since only active readers are claimed."""
    unsubscribe_readers([pk], now)


@transaction.atomic
def unsubscribe_with_goodbye(pk: int, now: datetime) -> None:
    """Unsubscribe, and write a goodbye message to an active reader. Safe to repeat."""
    active = Subscriber.objects.active().filter(pk=pk)
    leaving = active.select_for_update(no_key=True).first()
    unsubscribe_reader(pk, now)
    if leaving:
        transactional.write_message(Message.Kind.GOODBYE, now, leaving)


def unsubscribe_readers(pks: Collection[int], now: datetime) -> None:
    """Unsubscribe readers. Suppressed ones keep their status, with the time recorded."""
    Subscriber.objects.filter(pk__in=pks, unsubscribed_at=None).update(unsubscribed_at=now)
    subscribed = Subscriber.objects.filter(pk__in=pks, status__in=(Status.PENDING, Status.ACTIVE))
    subscribed.update(status=Status.UNSUBSCRIBED, unsubscribed_at=now, next_digest_at=None)


def reschedule_far_future(now: datetime) -> int:
    """Reschedule readers whose next digest a wrong clock set too far ahead; return their number."""
    max_interval = timedelta(days=DAYS_AHEAD + 1)
    misplaced = Subscriber.objects.active().filter(next_digest_at__gt=now + max_interval)
    misplaced = misplaced.exclude(paused_until__gt=models.F("next_digest_at") - max_interval)
    count = 0
    for reader in misplaced.order_by("next_digest_at")[:MAX_RESCHEDULED]:
        today = local_day(reader.timezone, now)
        if reader.last_digest_day and reader.last_digest_day > today:
            reader.last_digest_day = today
        set_next_digest(reader, now)
        reader.save(update_fields=["next_digest_at", "last_digest_day"])
        count += 1
    return count


def unknown_zones() -> dict[str, int]:
    """Return the number of active readers per time zone that this machine does not know."""
    counts = Subscriber.objects.active().values_list("timezone").annotate(models.Count("pk"))
    return {name: count for name, count in counts.order_by() if zone_of(name).key != name}
