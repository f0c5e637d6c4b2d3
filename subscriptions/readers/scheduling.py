"""Schedules of subscriptions: when the next digest is due, pauses, and stopping one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction

from papers import bulk
from subscriptions.models import Subscriber, Subscription
from subscriptions.schedule import (
    INTERVALS,
    Schedule,
    describe_schedule,
    local_day,
    local_time,
    longest_wait,
    next_digest_at,
    spread_offset,
    zone_of,
)

MAX_RESCHEDULED = 10_000  # subscriptions per call
UNDO_PERIOD = timedelta(hours=1)
State = Subscription.State


def schedule_of(subscription: Subscription) -> Schedule:
    """Return the schedule in the reader's time zone.

    All subscriptions of a reader have the same offset, so that those of one hour are built
    together.
    """
    reader = subscription.subscriber
    return Schedule(
        reader.timezone,
        subscription.hour,
        subscription.frequency,
        subscription.weekday,
        spread_offset(reader.pk, settings.DIGEST_SPREAD),
        subscription.month_day,
        subscription.first_week,
    )


def set_next_digest(subscription: Subscription, after: datetime) -> None:
    """Set, without saving, when the next digest is due; None if no digest will come."""
    is_active = (
        subscription.state == State.ACTIVE
        and subscription.subscriber.status == Subscriber.Status.ACTIVE
    )
    start = max(after, subscription.paused_until or after)
    due = next_digest_at(schedule_of(subscription), start, subscription.last_digest_day)
    subscription.next_digest_at = due if is_active else None


def set_first_week(subscription: Subscription, now: datetime) -> None:
    """Set, without saving, the first week of digests every second week, unless it is set."""
    if subscription.frequency != Subscription.Frequency.FORTNIGHTLY:
        subscription.first_week = None
    elif subscription.first_week is None:
        subscription.first_week = local_day(subscription.subscriber.timezone, now)


def describe_subscription(subscription: Subscription) -> str:
    """Return the name or, without one, the schedule in words, such as every Monday at 08:00."""
    return subscription.name or describe_schedule(schedule_of(subscription))


def reschedule_reader(reader: Subscriber, now: datetime) -> None:
    """Set and save when each subscription of a reader is due, after a change of the reader."""
    subscriptions = list(reader.subscriptions.select_for_update(no_key=True).order_by("pk"))
    for subscription in subscriptions:
        subscription.subscriber = reader
        set_first_week(subscription, now)
        set_next_digest(subscription, now)
    bulk.update(subscriptions, ["next_digest_at", "first_week"])


def is_first_day(reader: Subscriber, day: date) -> bool:
    """Return True if the reader confirmed on this local day."""
    confirmed = reader.confirmed_at
    return confirmed is not None and local_time(confirmed, reader.timezone).date() == day


@transaction.atomic
def change_schedule(pk: int, now: datetime, **changed: Any) -> Subscription:
    """Set fields of a subscription, and reschedule its next digest.

    Digests being sent are not affected.
    """
    subscription = _lock(pk)
    for name, value in changed.items():
        setattr(subscription, name, value)
    set_first_week(subscription, now)
    set_next_digest(subscription, now)
    subscription.save(update_fields=[*changed, "first_week", "next_digest_at"])
    return subscription


def _lock(pk: int) -> Subscription:
    rows = Subscription.objects.select_related("subscriber")
    return rows.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def stop_subscription(pk: int, now: datetime) -> None:
    """Stop a subscription. Safe to repeat."""
    if Subscription.objects.filter(pk=pk, state=State.ACTIVE).exists():
        change_schedule(pk, now, state=State.STOPPED, stopped_at=now)


def resume_subscription(pk: int, now: datetime) -> Subscription:
    """Start a stopped subscription again. Safe to repeat."""
    return change_schedule(pk, now, state=State.ACTIVE, stopped_at=None)


def can_undo_stop(subscription: Subscription, now: datetime) -> bool:
    """Return True for UNDO_PERIOD after a subscription was stopped."""
    stopped = subscription.stopped_at
    return bool(
        subscription.state == State.STOPPED
        and subscription.subscriber.is_active
        and stopped
        and now - stopped <= UNDO_PERIOD
    )


def reschedule_far_future(now: datetime) -> int:
    """Reschedule subscriptions that a wrong clock set too far ahead; return their number."""
    misplaced = models.Q()
    for frequency in INTERVALS:
        wait = longest_wait(frequency)
        too_far = models.Q(frequency=frequency, next_digest_at__gt=now + wait)
        misplaced |= too_far & ~models.Q(paused_until__gt=models.F("next_digest_at") - wait)
    rows = Subscription.objects.active().filter(misplaced).select_related("subscriber")
    count = 0
    for subscription in rows.order_by("next_digest_at")[:MAX_RESCHEDULED]:
        today = local_day(subscription.subscriber.timezone, now)
        if subscription.last_digest_day and subscription.last_digest_day > today:
            subscription.last_digest_day = today
        set_next_digest(subscription, now)
        subscription.save(update_fields=["next_digest_at", "last_digest_day"])
        count += 1
    return count


def unknown_zones() -> dict[str, int]:
    """Return the number of active readers per time zone that this machine does not know."""
    counts = Subscriber.objects.active().values_list("timezone").annotate(models.Count("pk"))
    return {name: count for name, count in counts.order_by() if zone_of(name).key != name}
