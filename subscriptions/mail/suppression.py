"""Suppression of addresses that bounced or complained.

`Subscriber.status` selects recipients: the queries that find due readers and claim digests use it.
`Suppression` stores a keyed hash of the address, which outlives the reader's row, so that signing
up again sends no mail either.

A hard bounce suppresses at once, soft bounces if they are repeated, both for a limited time, after
which the address may sign up and confirm again. A complaint suppresses permanently.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from django.conf import settings
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber
from django.utils.crypto import salted_hmac

from subscriptions.models import DeliveryEvent, Digest, Subscriber, Subscription, Suppression

Kind = DeliveryEvent.Kind
Reason = Suppression.Reason
EventKinds = Sequence[tuple[date, str]]
"""The day of a mail and the kind of an event about it, for each event of a reader."""


def reason_for(kinds: Collection[str]) -> str | None:
    """Return the reason for which one of these events suppresses at once, the strongest first."""
    if Kind.COMPLAINT in kinds:
        return Reason.COMPLAINT
    return Reason.HARD if Kind.HARD_BOUNCE in kinds else None


def has_repeated_soft_bounces(events: EventKinds, days: Collection[date], limit: int) -> bool:
    """Return whether `limit` of the last mails, sent on `days`, bounced softly.

    A mail that bounced softly and arrived later does not count.

    >>> monday, tuesday = date(2026, 4, 27), date(2026, 4, 28)
    >>> has_repeated_soft_bounces([(monday, "soft"), (tuesday, "soft")], [monday, tuesday], 2)
    True
    >>> arrived = (tuesday, "delivered")
    >>> has_repeated_soft_bounces([(monday, "soft"), (tuesday, "soft"), arrived], [monday], 2)
    False
    """
    if not days:
        return False
    first = min(days)
    bounced = {day for day, kind in events if kind == Kind.SOFT_BOUNCE and day >= first}
    arrived = {day for day, kind in events if kind in (Kind.DELIVERED, Kind.OPENED, Kind.CLICKED)}
    return len(bounced - arrived) >= limit


def soft_bounced_out(pks: Collection[int]) -> list[int]:
    """Return those of these readers whose last mails bounced softly too often."""
    handed_over = Digest.objects.filter(subscriber__in=pks, claimed_at__isnull=False).annotate(
        rank=Window(RowNumber(), partition_by=F("subscriber"), order_by=F("day").desc())
    )
    days: dict[int, list[date]] = {pk: [] for pk in pks}
    latest = handed_over.filter(rank__lte=settings.SOFT_BOUNCES_OF)
    for reader, day in latest.values_list("subscriber_id", "day"):
        days[reader].append(day)
    kinds: dict[int, list[tuple[date, str]]] = {pk: [] for pk in pks}
    since_confirmed = Q(subscriber__confirmed_at=None) | Q(
        occurred_at__gt=F("subscriber__confirmed_at")
    )
    events = DeliveryEvent.objects.filter(since_confirmed, subscriber__in=pks)
    events = events.only("subscriber", "day", "occurred_at", "kind")
    for row in events:
        kinds[row.subscriber_id or 0].append((row.day or row.occurred_at.date(), row.kind))
    return [
        pk for pk in pks if has_repeated_soft_bounces(kinds[pk], days[pk], settings.SOFT_BOUNCES)
    ]


def suppress_readers(reasons: dict[int, str], now: datetime) -> None:
    """Suppress these readers, given as primary key and reason. Safe to repeat."""
    readers = dict(Subscriber.objects.filter(pk__in=reasons).values_list("pk", "email_key"))
    _store_hashes({readers[pk]: reason for pk, reason in reasons.items() if pk in readers}, now)
    Subscriber.objects.filter(pk__in=readers).exclude(status=Subscriber.Status.SUPPRESSED).update(
        status=Subscriber.Status.SUPPRESSED
    )
    Subscription.objects.unschedule(readers)
    complained = [pk for pk, reason in reasons.items() if reason == Reason.COMPLAINT]
    Subscriber.objects.filter(pk__in=complained, unsubscribed_at=None).update(unsubscribed_at=now)


def _store_hashes(reasons: dict[str, str], now: datetime) -> None:
    """Store the hashes. A stronger reason replaces a weaker one; a new bounce restarts the time."""
    hashes = {address_hashes(email_key)[0]: reason for email_key, reason in reasons.items()}
    stored = (
        Suppression.objects.select_for_update()
        .order_by("pk")
        .in_bulk(list(hashes), field_name="address_hash")
    )
    for address_hash, row in stored.items():
        row.reason = max(row.reason, hashes[address_hash], key=Reason.values.index)
        row.until = None if row.until is None else _until(row.reason, now)
    Suppression.objects.bulk_update(stored.values(), ["reason", "until"])
    Suppression.objects.bulk_create(
        (
            Suppression(
                address_hash=address_hash, reason=reason, created_at=now, until=_until(reason, now)
            )
            for address_hash, reason in sorted(hashes.items())
            if address_hash not in stored
        ),
        ignore_conflicts=True,
    )


def _until(reason: str, now: datetime) -> datetime | None:
    return None if reason == Reason.COMPLAINT else now + settings.BOUNCE_SUPPRESSION


def address_hashes(email_key: str) -> list[str]:
    """Return the hashes of an address under the current and the previous keys."""
    keys = dict.fromkeys(
        (settings.SUPPRESSION_KEY, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )
    return [
        salted_hmac("paperboy.suppression", email_key, secret=key, algorithm="sha256").hexdigest()
        for key in keys
    ]


def is_suppressed(reader: Subscriber, now: datetime) -> bool:
    """Return whether no mail, including confirmations, may go to this reader's address.

    A reader suppressed by hand in the admin has no stored hash and stays suppressed.
    """
    rows = Suppression.objects.filter(address_hash__in=address_hashes(reader.email_key))
    if rows.in_force(now).exists():
        return True
    return reader.status == Subscriber.Status.SUPPRESSED and not rows.exists()


def lift_suppression(readers: Iterable[Subscriber]) -> int:
    """Lift the suppression of these readers by hand, so that they may sign up and confirm again."""
    pks = []
    for reader in readers:
        Suppression.objects.filter(address_hash__in=address_hashes(reader.email_key)).delete()
        pks.append(reader.pk)
    suppressed = Subscriber.objects.filter(pk__in=pks, status=Subscriber.Status.SUPPRESSED)
    return suppressed.update(status=Subscriber.Status.UNSUBSCRIBED)
