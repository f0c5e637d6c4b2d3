"""Record delivery events: find the reader and mail, store a row once, apply the consequences.

An event has a key made from its content. Only a new key has consequences, in the same transaction.
Events affect only readers whose mail was handed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from subscriptions.feedback.consequences import CONSEQUENTIAL_KINDS, apply_consequences
from subscriptions.feedback.normalize import Event
from subscriptions.feedback.settle import (
    BATCH_SIZE,
    Mail,
    lock_open_mails,
    lock_readers,
    settle_locked,
)
from subscriptions.mail.addresses import email_key
from subscriptions.models import DeliveryEvent, Digest, Message, Subscriber

MIN_FEEDBACK_KEPT = timedelta(days=365)
"""Bounces and complaints are few, and suppression rests on them."""

MailKey = UUID | int | None
Subject = tuple[Subscriber | None, Mail | None]
"""The reader and the mail that an event is about."""

NO_SUBJECT: Subject = (None, None)
MAIL_FIELDS = ("public_id", "claimed_at", "subscriber__email_key", "subscriber__confirmed_at")


@transaction.atomic
def record_events(events: Sequence[Event], now: datetime) -> int:
    """Store these events and apply their consequences; return how many were new."""
    by_key = {event.key: event for event in events}
    stored = DeliveryEvent.objects.filter(key__in=by_key).values_list("key", flat=True)
    new = [by_key[key] for key in sorted(set(by_key) - set(stored))]
    rows = _build_rows(new, now)
    DeliveryEvent.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    consequential = [row for row in rows if row.kind in CONSEQUENTIAL_KINDS and row.subscriber_id]
    digests = lock_open_mails(Digest, (row.digest_id for row in rows if row.digest_id))
    messages = lock_open_mails(Message, (row.message_id for row in rows if row.message_id))
    readers = {mail.subscriber_id or 0 for mail in (*digests, *messages)}
    lock_readers(readers | {row.subscriber_id or 0 for row in consequential})
    settle_locked(Digest, digests, now)
    settle_locked(Message, messages, now)
    apply_consequences(consequential, now)
    return len(rows)


def _build_rows(events: Sequence[Event], now: datetime) -> list[DeliveryEvent]:
    subjects = _subjects_by_mail(events)
    subjects |= _subjects_by_address([event for event in events if event.key not in subjects])
    return [_build_row(event, subjects.get(event.key, NO_SUBJECT), now) for event in events]


def _build_row(event: Event, subject: Subject, now: datetime) -> DeliveryEvent:
    reader, mail = subject
    digest = mail if isinstance(mail, Digest) else None
    return DeliveryEvent(
        key=event.key,
        provider=event.provider,
        kind=event.kind,
        provider_word=event.provider_word,
        detail=event.detail,
        occurred_at=event.at,
        received_at=now,
        subscriber=reader,
        digest=digest,
        message=mail if isinstance(mail, Message) else None,
        day=digest.day if digest else None,
    )


def _subjects_by_mail(events: Sequence[Event]) -> dict[str, Subject]:
    """Return subjects of events that name a digest or message, by event key.

    An event for another address than the reader's is left out; a test mail names a digest but goes
    to a curator.
    """
    digests, messages = _digests(events), _messages(events)
    mails: dict[str, Mail | None] = {
        event.key: digests.get(event.public_id)
        or messages.get(event.public_id)
        or digests.get(event.digest)
        or messages.get(event.message)
        for event in events
    }
    return {
        event.key: (mail.subscriber, mail)
        for event in events
        if (mail := mails[event.key]) and mail.subscriber and _is_for(event, mail.subscriber)
    }


def _subjects_by_address(events: Sequence[Event]) -> dict[str, Subject]:
    """Return subjects of events that name a reader and perhaps the provider's message ID."""
    readers = _readers_by_address(events)
    mails = _mails_by_provider_id(events, readers)
    return {
        event.key: (reader, mails.get((reader.pk, event.message_id)))
        for event in events
        if (reader := readers.get(email_key(event.recipient)))
    }


def _digests(events: Sequence[Event]) -> dict[MailKey, Digest]:
    """Return digests that were handed over, by public ID and by primary key."""
    named = _is_named(events, {event.digest for event in events if event.digest})
    digests = Digest.objects.filter(named, claimed_at__isnull=False).select_related("subscriber")
    rows = digests.only("day", *MAIL_FIELDS)
    return {key: digest for digest in rows for key in (digest.public_id, digest.pk)}


def _messages(events: Sequence[Event]) -> dict[MailKey, Message]:
    """Return messages to readers that were handed over, by public ID and by primary key."""
    named = _is_named(events, {event.message for event in events if event.message})
    messages = Message.objects.filter(named, claimed_at__isnull=False, subscriber__isnull=False)
    rows = messages.select_related("subscriber").only("kind", *MAIL_FIELDS)
    return {key: message for message in rows for key in (message.public_id, message.pk)}


def _is_named(events: Sequence[Event], pks: set[int]) -> Q:
    public_ids = {event.public_id for event in events if event.public_id}
    return Q(public_id__in=public_ids) | Q(pk__in=pks)


def _readers_by_address(events: Sequence[Event]) -> dict[str, Subscriber]:
    keys = {email_key(event.recipient) for event in events if event.recipient}
    if not keys:
        return {}
    # Only mail that was handed over can come back.
    has_message, has_digest = (
        Exists(rows.filter(subscriber=OuterRef("pk"), claimed_at__isnull=False))
        for rows in (Message.objects.all(), Digest.objects.all())
    )
    readers: Iterable[Subscriber] = Subscriber.objects.filter(
        has_message | has_digest, email_key__in=keys
    ).only("email_key", "confirmed_at")
    return {reader.email_key: reader for reader in readers}


def _mails_by_provider_id(
    events: Sequence[Event], readers: Mapping[str, Subscriber]
) -> dict[tuple[int, str], Mail]:
    """Return digests and messages by reader and by the provider's ID of the message."""
    provider_ids = {event.message_id for event in events if event.message_id}
    if not (provider_ids and readers):
        return {}
    wanted = Q(
        subscriber__in=readers.values(), provider_id__in=provider_ids, claimed_at__isnull=False
    )
    columns = ("provider_id", "claimed_at", "subscriber")
    mails: list[Mail] = [*Message.objects.filter(wanted).only("kind", *columns)]
    mails += Digest.objects.filter(wanted).only("day", *columns)
    return {(mail.subscriber_id or 0, mail.provider_id): mail for mail in mails}


def _is_for(event: Event, reader: Subscriber) -> bool:
    return not event.recipient or email_key(event.recipient) == email_key(reader.email_key)


def delete_old_events(now: datetime) -> int:
    """Delete events past their retention; return how many rows."""
    feedback_kept = max(settings.EVENTS_KEPT, MIN_FEEDBACK_KEPT)
    expired = DeliveryEvent.objects.exclude(kind__in=DeliveryEvent.NEGATIVE_KINDS).filter(
        received_at__lt=now - settings.EVENTS_KEPT
    )
    expired_feedback = DeliveryEvent.objects.filter(received_at__lt=now - feedback_kept)
    return _delete_in_batches(expired) + _delete_in_batches(expired_feedback)


def _delete_in_batches(rows: QuerySet[Any]) -> int:
    total = 0
    while pks := list(rows.order_by().values_list("pk", flat=True)[:BATCH_SIZE]):
        total += DeliveryEvent.objects.filter(pk__in=pks).delete()[0]
    return total
