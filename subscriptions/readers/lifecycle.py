"""A reader's coming and going, and when the next digest is due."""

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
AT_ONCE = 10_000
REGRET = timedelta(hours=1)  # for which leaving can be taken back


def set_next_digest(reader: Subscriber, after: datetime) -> None:
    """Set when the next digest is due (not saved); None for whoever gets none."""
    offset = spread_offset(reader.pk, settings.DIGEST_SPREAD)
    rhythm = Schedule(reader.timezone, reader.hour, reader.frequency, reader.weekday, offset)
    due = next_digest_at(rhythm, max(after, reader.paused_until or after), reader.last_digest_day)
    reader.next_digest_at = due if reader.status == Status.ACTIVE else None


def is_first_day(reader: Subscriber, day: date) -> bool:
    """Whether the reader confirmed on this local day."""
    confirmed = reader.confirmed_at
    return confirmed is not None and local_time(confirmed, reader.timezone).date() == day


def save_typed_interests(pk: int, said: dict[str, Any]) -> None:
    """Keep what was typed with an address, the last time it was: until confirmation as the first
    interests; of a reader we knew, as an offer that they take or drop, so that nobody changes
    another's profile by typing their address. The same statements for both."""
    if not said:
        return
    interests = Interests.objects.filter(pk=pk)
    new = {"topics": "", "examples": [], "categories": []} | said
    interests.filter(subscriber__status=Status.PENDING).update(**new)
    interests.exclude(subscriber__status=Status.PENDING).update(suggestion=said)


@transaction.atomic
def activate_reader(reader: Subscriber, now: datetime) -> bool:
    """Confirmed by the reader: mail may flow, and a welcome is written. Twice changes nothing;
    False if no mail may flow."""
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
    """Set some of frequency, weekday and paused_until, and when the next digest is due. Papers on
    their way still come."""
    reader = Subscriber.objects.select_for_update(no_key=True).get(pk=pk)
    for name, value in changed.items():
        setattr(reader, name, value)
    set_next_digest(reader, now)
    reader.save(update_fields=[*changed, "next_digest_at"])
    return reader


def can_undo_unsubscribe(reader: Subscriber, now: datetime) -> bool:
    """Whether leaving can be taken back: for an hour, by who had confirmed and has not been signed
    up again since, so that the consent on record is the one confirmed."""
    left = reader.unsubscribed_at
    return bool(
        reader.status == Status.UNSUBSCRIBED
        and reader.confirmed_at
        and left
        and now - left <= REGRET
        and not (reader.consent_at and reader.consent_at > left)
        and not suppression.is_suppressed(reader, now)
    )


@transaction.atomic
def undo_unsubscribe(pk: int, now: datetime) -> bool:
    """Take leaving back: everything is as it was. Twice changes nothing; False if too late."""
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
    """Gone at once: whoever is not active is never claimed. Twice changes nothing."""
    unsubscribe_readers([pk], now)


@transaction.atomic
def unsubscribe_with_goodbye(pk: int, now: datetime) -> None:
    """Unsubscribe, and write one last message to a reader who was active; twice changes nothing."""
    here = Subscriber.objects.active().filter(pk=pk)
    leaving = here.select_for_update(no_key=True).first()
    unsubscribe_reader(pk, now)
    if leaving:
        transactional.write_message(Message.Kind.GOODBYE, now, leaving)


def unsubscribe_readers(pks: Collection[int], now: datetime) -> None:
    """The same for several; who is suppressed stays so, with the wish on record."""
    Subscriber.objects.filter(pk__in=pks, unsubscribed_at=None).update(unsubscribed_at=now)
    here = Subscriber.objects.filter(pk__in=pks, status__in=(Status.PENDING, Status.ACTIVE))
    here.update(status=Status.UNSUBSCRIBED, unsubscribed_at=now, next_digest_at=None)


def reschedule_far_future(now: datetime) -> int:
    """Reschedule readers whom a clock that ran ahead put off further than any rhythm does; returns
    how many."""
    longest = timedelta(days=DAYS_AHEAD + 1)
    lost = Subscriber.objects.active().filter(next_digest_at__gt=now + longest)
    lost = lost.exclude(paused_until__gt=models.F("next_digest_at") - longest)
    count = 0
    for reader in lost.order_by("next_digest_at")[:AT_ONCE]:
        today = local_day(reader.timezone, now)
        if reader.last_digest_day and reader.last_digest_day > today:
            reader.last_digest_day = today
        set_next_digest(reader, now)
        reader.save(update_fields=["next_digest_at", "last_digest_day"])
        count += 1
    return count


def unknown_zones() -> dict[str, int]:
    """How many active readers name each time zone that this machine does not know."""
    named = Subscriber.objects.active().values_list("timezone").annotate(models.Count("pk"))
    return {name: count for name, count in named.order_by() if zone_of(name).key != name}
