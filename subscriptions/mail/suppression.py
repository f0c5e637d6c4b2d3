"""Who gets no mail any more, why, and for how long.

`Subscriber.status` is what selects recipients: it is part of the queries that find who is due and
that claim a digest, and has their indexes. `Suppression` is the memory behind it: a keyed hash of
the address, which outlives the reader's row, so that signing up anew sends no mail either.

A hard bounce suppresses at once, soft ones when they come back again and again, both for a time:
afterwards whoever reads that mailbox may sign up and confirm anew. A complaint is for good.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from django.conf import settings
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber
from django.utils.crypto import salted_hmac

from subscriptions.models import DeliveryEvent, Digest, Subscriber, Suppression

Kind = DeliveryEvent.Kind
Reason = Suppression.Reason
Said = Sequence[tuple[date, str]]  # the day of a mail, and what one event said of it


def reason_for(kinds: Collection[str]) -> str | None:
    """What one event is enough for; the strongest wins."""
    if Kind.COMPLAINT in kinds:
        return Reason.COMPLAINT
    return Reason.HARD if Kind.HARD_BOUNCE in kinds else None


def is_worn_out(said: Said, days: Collection[date], most: int) -> bool:
    """Whether soft bounces came back for `most` of the last mails, which went out on `days`.

    A mail that bounced softly and then arrived does not count.

    >>> monday, tuesday = date(2026, 4, 27), date(2026, 4, 28)
    >>> is_worn_out([(monday, "soft"), (tuesday, "soft")], [monday, tuesday], 2)
    True
    >>> is_worn_out([(monday, "soft"), (tuesday, "soft"), (tuesday, "delivered")], [monday], 2)
    False
    """
    if not days:
        return False
    first = min(days)
    bounced = {day for day, kind in said if kind == Kind.SOFT_BOUNCE and day >= first}
    arrived = {day for day, kind in said if kind in (Kind.DELIVERED, Kind.OPENED, Kind.CLICKED)}
    return len(bounced - arrived) >= most


def soft_bounced_out(pks: Collection[int]) -> list[int]:
    """Of these readers, those whose last mails bounced softly too often."""
    handed_over = Digest.objects.filter(subscriber__in=pks, claimed_at__isnull=False).annotate(
        place=Window(RowNumber(), partition_by=F("subscriber"), order_by=F("day").desc())
    )
    days: dict[int, list[date]] = {pk: [] for pk in pks}
    last = handed_over.filter(place__lte=settings.SOFT_BOUNCES_OF)
    for reader, day in last.values_list("subscriber_id", "day"):
        days[reader].append(day)
    said: dict[int, list[tuple[date, str]]] = {pk: [] for pk in pks}
    since_confirmed = Q(subscriber__confirmed_at=None) | Q(
        occurred_at__gt=F("subscriber__confirmed_at")
    )
    events = DeliveryEvent.objects.filter(since_confirmed, subscriber__in=pks)
    events = events.only("subscriber", "day", "occurred_at", "kind")
    for row in events:
        said[row.subscriber_id or 0].append((row.day or row.occurred_at.date(), row.kind))
    return [pk for pk in pks if is_worn_out(said[pk], days[pk], settings.SOFT_BOUNCES)]


def suppress_readers(reasons: dict[int, str], now: datetime) -> None:
    """Nothing more to these readers, by primary key the reason. Twice changes nothing."""
    readers = dict(Subscriber.objects.filter(pk__in=reasons).values_list("pk", "email_key"))
    _remember({readers[pk]: reason for pk, reason in reasons.items() if pk in readers}, now)
    Subscriber.objects.filter(pk__in=readers).exclude(
        status=Subscriber.Status.SUPPRESSED, next_digest_at=None
    ).update(status=Subscriber.Status.SUPPRESSED, next_digest_at=None)
    complained = [pk for pk, reason in reasons.items() if reason == Reason.COMPLAINT]
    Subscriber.objects.filter(pk__in=complained, unsubscribed_at=None).update(unsubscribed_at=now)


def _remember(reasons: dict[str, str], now: datetime) -> None:
    """Write down the hashes; a stronger reason replaces a weaker, a new bounce starts anew."""
    hashes = {address_hashes(email_key)[0]: reason for email_key, reason in reasons.items()}
    known = (
        Suppression.objects.select_for_update()
        .order_by("pk")
        .in_bulk(list(hashes), field_name="address_hash")
    )
    for address_hash, row in known.items():
        row.reason = max(row.reason, hashes[address_hash], key=Reason.values.index)
        row.until = None if row.until is None else _until(row.reason, now)
    Suppression.objects.bulk_update(known.values(), ["reason", "until"])
    Suppression.objects.bulk_create(
        (
            Suppression(
                address_hash=address_hash, reason=reason, created_at=now, until=_until(reason, now)
            )
            for address_hash, reason in sorted(hashes.items())
            if address_hash not in known
        ),
        ignore_conflicts=True,
    )


def _until(reason: str, now: datetime) -> datetime | None:
    return None if reason == Reason.COMPLAINT else now + settings.BOUNCE_SUPPRESSION


def address_hashes(email_key: str) -> list[str]:
    """An address under today's key and under the older ones, as hexadecimal digits."""
    keys = dict.fromkeys(
        (settings.SUPPRESSION_KEY, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )
    return [
        salted_hmac("paperboy.suppression", email_key, secret=key, algorithm="sha256").hexdigest()
        for key in keys
    ]


def is_suppressed(reader: Subscriber, now: datetime) -> bool:
    """Whether no mail may go to this reader's address, be it a confirmation.

    Who is suppressed and on no record (by hand, in the admin) stays so.
    """
    rows = Suppression.objects.filter(address_hash__in=address_hashes(reader.email_key))
    if rows.in_force(now).exists():
        return True
    return reader.status == Subscriber.Status.SUPPRESSED and not rows.exists()


def lift_suppression(readers: Iterable[Subscriber]) -> int:
    """By hand: these may sign up anew, and get mail again once they have confirmed."""
    pks = []
    for reader in readers:
        Suppression.objects.filter(address_hash__in=address_hashes(reader.email_key)).delete()
        pks.append(reader.pk)
    suppressed = Subscriber.objects.filter(pk__in=pks, status=Subscriber.Status.SUPPRESSED)
    return suppressed.update(status=Subscriber.Status.UNSUBSCRIBED)
