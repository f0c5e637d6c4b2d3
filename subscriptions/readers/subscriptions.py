"""The subscriptions of a reader: adding, changing and deleting them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from subscriptions.models import (
    Digest,
    Subscriber,
    Subscription,
    SubscriptionQuerySet,
    Topic,
)
from subscriptions.models.positions import lock_in_order, set_order
from subscriptions.readers import scheduling

MAX_SUBSCRIPTIONS = 10  # per reader
DELETED = "The subscription was deleted."


@transaction.atomic
def add_subscription(
    reader: Subscriber, values: Mapping[str, Any], topics: Iterable[Topic], now: datetime
) -> Subscription:
    """Add a subscription with these field values, which carries these topics if not all.

    Raise ValidationError if the reader has too many.
    """
    position = len(lock_in_order(Subscription, reader.pk))
    if position >= MAX_SUBSCRIPTIONS:
        raise ValidationError(
            _("You have %(most)s schedules, which is the maximum. Delete one first."),
            params={"most": MAX_SUBSCRIPTIONS},
        )
    subscription = Subscription(subscriber=reader, position=position, created_at=now, **values)
    scheduling.set_first_week(subscription, now)
    scheduling.set_next_digest(subscription, now)
    subscription.save()
    subscription.topics.set(topics)
    return subscription


@transaction.atomic
def change_subscription(
    pk: int, values: Mapping[str, Any], topics: Iterable[Topic], now: datetime
) -> Subscription:
    """Set fields and topics of a subscription, and reschedule its next digest."""
    subscription = scheduling.change_schedule(pk, now, **values)
    subscription.topics.set(topics)
    return subscription


@transaction.atomic
def delete_subscription(pk: int) -> bool:
    """Delete a subscription; return False for the default one, since every reader has one.

    Its digests remain, so that no paper is sent again. Those that wait are not sent.
    """
    subscription = Subscription.objects.filter(pk=pk).first()
    if subscription is None:
        return True
    ordered = lock_in_order(Subscription, subscription.subscriber_id)
    if pk not in ordered:
        return True
    if ordered[0] == pk:
        return False
    # The lock excludes workers that build or claim its digests.
    Subscription.objects.select_for_update().get(pk=pk)
    digests = Digest.objects.filter(subscriber=subscription.subscriber_id, subscription=pk)
    waiting = digests.filter(status=Digest.Status.PENDING)
    waiting.update(status=Digest.Status.SKIPPED, reason=DELETED)
    digests.update(subscription=None)
    subscription.delete()
    remaining = [other for other in ordered if other != pk]
    set_order(Subscription, subscription.subscriber_id, remaining)
    return True


def is_last_active(subscription: Subscription) -> bool:
    """Return True if no other subscription brings email, so that stopping it stops all email."""
    return subscription.is_active and not other_active(subscription).exists()


def other_active(subscription: Subscription) -> SubscriptionQuerySet:
    """Return the reader's other subscriptions that bring digests."""
    active = Subscription.objects.active().filter(subscriber=subscription.subscriber_id)
    return active.exclude(pk=subscription.pk)
