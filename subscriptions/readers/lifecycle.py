"""Subscriber lifecycle: activation, unsubscribing, and its undo."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction

from subscriptions.mail import suppression, transactional
from subscriptions.models import Message, Subscriber, Subscription, Topic
from subscriptions.readers import scheduling
from subscriptions.readers.scheduling import UNDO_PERIOD

Status = Subscriber.Status


def save_typed_interests(pk: int, typed: dict[str, Any]) -> None:
    """Save the interests typed at sign-up, replacing those typed before.

    They become the topic of a pending reader. For others they are only a suggestion to accept or
    discard, so that nobody can change another's topics by typing their address. Both cases run
    the same statements.
    """
    if not typed:
        return
    new = {"text": "", "examples": [], "categories": [], "query": ""} | typed
    pending = Topic.objects.filter(subscriber=pk, subscriber__status=Status.PENDING, position=0)
    pending.update(**new)
    Subscriber.objects.filter(pk=pk).exclude(status=Status.PENDING).update(suggestion=typed)


@transaction.atomic
def activate_reader(reader: Subscriber, now: datetime) -> bool:
    """Activate a reader who confirmed, and write the welcome message. Safe to repeat.

    Return False if the address is suppressed.
    """
    reader.refresh_from_db(from_queryset=Subscriber.objects.select_for_update(no_key=True))
    if suppression.is_suppressed(reader, now):
        return False
    if reader.status != Status.ACTIVE:
        reader.status, reader.confirmed_at = Status.ACTIVE, now
        reader.save(update_fields=["status", "confirmed_at"])
        _end_pauses(reader)
        scheduling.reschedule_reader(reader, now)
        transactional.write_message(Message.Kind.WELCOME, now, reader)
    return True


def _end_pauses(reader: Subscriber) -> None:
    """Let a reader who came back get digests: as before, or by default if all were stopped."""
    reader.subscriptions.update(paused_until=None)
    if not reader.subscriptions.filter(state=Subscription.State.ACTIVE).exists():
        default = reader.subscriptions.filter(position=0)
        default.update(state=Subscription.State.ACTIVE, stopped_at=None)


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
    reader.save(update_fields=["status", "unsubscribed_at"])
    scheduling.reschedule_reader(reader, now)
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


@transaction.atomic
def stop_email(
    pk: int, subscription: int | None, now: datetime, *, with_goodbye: bool = False
) -> bool:
    """Stop a reader's subscription, or all email if it is the only one left or None is given.

    Return True if all email was stopped. Safe to repeat.
    """
    reader = Subscriber.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if reader is None:
        return True
    others = reader.subscriptions.filter(state=Subscription.State.ACTIVE).exclude(
        pk=subscription or 0
    )
    if subscription and reader.is_active and others.exists():
        scheduling.stop_subscription(subscription, now)
        return False
    leave = unsubscribe_with_goodbye if with_goodbye else unsubscribe_reader
    leave(pk, now)
    return True


def unsubscribe_readers(pks: Collection[int], now: datetime) -> None:
    """Unsubscribe readers. Suppressed ones keep their status, with the time recorded."""
    Subscriber.objects.filter(pk__in=pks, unsubscribed_at=None).update(unsubscribed_at=now)
    subscribed = Subscriber.objects.filter(pk__in=pks, status__in=(Status.PENDING, Status.ACTIVE))
    subscribed.update(status=Status.UNSUBSCRIBED, unsubscribed_at=now)
    Subscription.objects.unschedule(pks)
