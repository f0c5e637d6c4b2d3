"""What became of a mail: from what a provider or a mail system says to rows and consequences.

An event is written down once, by a key made of what it says; only a new one has consequences, in
the same transaction. What a digest's events add up to is worked out from all of them, so that
neither order nor repetition matters. Consequences reach only readers we handed mail over for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from papers.text.markup import one_line
from subscriptions.feedback.bounce_severity import (
    Verdict,
    is_called_hard,
    is_hard,
    names_another_cause,
    provider_verdict,
)
from subscriptions.mail import suppression
from subscriptions.mail.addresses import email_key
from subscriptions.models import CLOCK_SKEW, DeliveryEvent, Digest, Message, Subscriber
from subscriptions.readers import lifecycle

Kind = DeliveryEvent.Kind
Status = Digest.Status

CAME_BACK_KEPT = timedelta(days=365)  # bounces and complaints are few, and what policy rests on
HAND_OVER = "hand-over"  # as the provider of an event
REFUSALS_READ_FOR = timedelta(days=2)
AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it is a row. It names a digest or message by our own `public_id` or key,
    else by what the provider calls it, and a reader by the address mail went to."""

    key: str
    provider: str
    kind: str
    at: datetime
    said: str = ""
    detail: str = ""
    public_id: UUID | None = None
    digest: int | None = None
    message: int | None = None
    message_id: str = ""
    recipient: str = ""


# --- From anymail -------------------------------------------------------------------------------

KINDS = {
    EventType.QUEUED: Kind.ACCEPTED,
    EventType.SENT: Kind.ACCEPTED,
    EventType.DEFERRED: Kind.DEFERRED,
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.REJECTED: Kind.REJECTED,
    EventType.FAILED: Kind.REJECTED,
    EventType.BOUNCED: Kind.SOFT_BOUNCE,  # or hard, see `kind_of`
    EventType.AUTORESPONDED: Kind.AUTO_REPLY,
    EventType.OPENED: Kind.OPENED,
    EventType.CLICKED: Kind.CLICKED,
    EventType.COMPLAINED: Kind.COMPLAINT,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
}
# Why a provider did not send, where its own table (see `severity`) does not say. anymail's "spam"
# is not here: it is as often about the message as about a reader's complaint.
REJECTED_BECAUSE = {
    RejectReason.INVALID: Verdict.HARD,
    RejectReason.BOUNCED: Verdict.HARD,
    RejectReason.UNSUBSCRIBED: Verdict.UNSUBSCRIBED,
}
VERDICTS = {
    Verdict.HARD: Kind.HARD_BOUNCE,
    Verdict.COMPLAINT: Kind.COMPLAINT,
    Verdict.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
    Verdict.NOTHING: Kind.UNKNOWN,
}
# Only these may turn out to be something else than anymail says.
_LOOKED_INTO = frozenset(
    (EventType.BOUNCED, EventType.COMPLAINED, EventType.FAILED, EventType.REJECTED)
)
# Mailgun signs its token and not the event: one token is one event, whatever else is said.
ONE_EVENT_A_TOKEN = frozenset({"mailgun"})


def from_tracking(event: AnymailTrackingEvent, provider: str, now: datetime) -> Event:
    """An event as anymail gives it; any of its fields may be missing."""
    return Event(
        key=_key(event, provider),
        provider=provider[:40],
        kind=kind_of(event, provider),
        at=_moment(event.timestamp, now),
        said=_storable(_said(event))[:100],
        detail=without_addresses(event.mta_response or event.description),
        public_id=_public_id(event.metadata, event.message_id),
        message_id=_storable(event.message_id),
        recipient=_storable(event.recipient),
    )


def kind_of(event: AnymailTrackingEvent, provider: str) -> str:
    """What an event is: by the provider's own word, unless the answer to it rules that out."""
    kind = KINDS.get(event.event_type, Kind.UNKNOWN)
    if event.event_type not in _LOOKED_INTO:
        return kind
    verdict = provider_verdict(provider, event.esp_event) or _verdict(event)
    answer = str(event.mta_response or "")
    if verdict == Verdict.HARD and names_another_cause("", answer):
        verdict = Verdict.SOFT
    if verdict == Verdict.SOFT and kind == Kind.COMPLAINT:
        return Kind.SOFT_BOUNCE
    return VERDICTS.get(verdict, kind) if verdict else kind


def _verdict(event: AnymailTrackingEvent) -> Verdict | None:
    """What anymail's reading and the words make of an event; None leaves it at anymail's kind."""
    if event.event_type == EventType.COMPLAINED:
        return None
    if event.event_type == EventType.REJECTED:
        return REJECTED_BECAUSE.get(event.reject_reason)
    described = str(event.description or "")
    hard = event.reject_reason == RejectReason.INVALID or is_called_hard(described)
    hard = hard or is_hard("", f"{event.mta_response or ''} {described}")
    return Verdict.HARD if hard else None


def _said(event: AnymailTrackingEvent) -> str:
    """What the provider calls it, for a kind that is not known here."""
    raw = event.esp_event if isinstance(event.esp_event, dict) else {}
    names = ("RecordType", "event", "eventType", "notificationType", "type", "status")
    own = next((raw[name] for name in names if isinstance(raw.get(name), str)), "")
    return f"{event.event_type or ''} {own}".strip()


def _key(event: AnymailTrackingEvent, provider: str) -> str:
    name = provider.lower()
    if event.event_id and name in ONE_EVENT_A_TOKEN:
        return key_of(name, event.event_id)
    recipient = str(event.recipient or "").lower()
    if event.event_id:
        return key_of(name, event.event_id, event.event_type, recipient)
    parts = (event.message_id, event.event_type, event.timestamp, recipient, event.click_url)
    return key_of(name, *parts, _said(event))


def key_of(*parts: object) -> str:
    """The same for the same parts: 64 hexadecimal digits."""
    return hashlib.sha256(repr([str(part) for part in parts]).encode()).hexdigest()


def _moment(value: object, now: datetime) -> datetime:
    """A provider's time, made aware; now, where there is none or one that cannot be."""
    if not isinstance(value, datetime):
        return now
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return min(moment, now)


_ADDRESS = re.compile(r"[^\s<>,;:\"'()\[\]]+@[^\s<>,;:\"'()\[\]]+")


def without_addresses(text: object) -> str:
    """A provider's explanation in one line; addresses are kept in the reader's row alone."""
    return _ADDRESS.sub("…", _storable(text))[:500]


def _storable(value: object) -> str:
    """In one line, without what PostgreSQL cannot hold: NUL and halves of surrogates."""
    text = str(value or "")[:2000].encode("utf-8", "ignore").decode()
    return one_line(text.replace("\x00", ""))


def _public_id(metadata: object, message_id: object) -> UUID | None:
    given = metadata if isinstance(metadata, dict) else {}
    named = given.get("digest") or given.get("message")
    return as_uuid(named) or of_message_id(str(message_id or ""))


def of_message_id(message_id: str) -> UUID | None:
    """The digest or message that one of our own Message-IDs names."""
    name, _, domain = message_id.strip("<> ").partition("@")
    return as_uuid(name) if domain.lower() == settings.MAIL_DOMAIN.lower() else None


def as_uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


# --- Into rows ----------------------------------------------------------------------------------

Mail = Digest | Message
Key = UUID | int | None
About = tuple[Subscriber | None, Mail | None]  # whom an event is about


@transaction.atomic
def record_events(events: Sequence[Event], now: datetime) -> int:
    """Write down these events and draw the consequences; returns how many were new."""
    wanted = {event.key: event for event in events}
    known = DeliveryEvent.objects.filter(key__in=wanted).values_list("key", flat=True)
    new = [wanted[key] for key in sorted(set(wanted) - set(known))]
    rows = _rows(new, now)
    DeliveryEvent.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    telling = [row for row in rows if row.kind in CONSEQUENTIAL and row.subscriber_id]
    digests = _open(Digest, (row.digest_id for row in rows if row.digest_id))
    messages = _open(Message, (row.message_id for row in rows if row.message_id))
    about = [one.subscriber_id or 0 for one in (*digests, *messages)]
    _lock({*about, *(row.subscriber_id or 0 for row in telling)})
    _settle(Digest, digests, now)
    _settle(Message, messages, now)
    _consequences(telling, now)
    return len(rows)


def _rows(events: Sequence[Event], now: datetime) -> list[DeliveryEvent]:
    about = _by_mail(events)
    about |= _by_reader([event for event in events if event.key not in about])
    return [_row(event, about.get(event.key, (None, None)), now) for event in events]


def _row(event: Event, about: About, now: datetime) -> DeliveryEvent:
    reader, mail = about
    digest = mail if isinstance(mail, Digest) else None
    return DeliveryEvent(
        key=event.key,
        provider=event.provider,
        kind=event.kind,
        provider_word=event.said,
        detail=event.detail,
        occurred_at=event.at,
        received_at=now,
        subscriber=reader,
        digest=digest,
        message=mail if isinstance(mail, Message) else None,
        day=digest.day if digest else None,
    )


def _by_mail(events: Sequence[Event]) -> dict[str, About]:
    """Events that name a digest or message; those of a test mail, say, name one and went to
    another."""
    named = {
        event.key: digests.get(event.public_id)
        or messages.get(event.public_id)
        or digests.get(event.digest)
        or messages.get(event.message)
        for digests, messages in [(_digests(events), _messages(events))]
        for event in events
    }
    return {
        event.key: (mail.subscriber, mail)
        for event in events
        if (mail := named[event.key]) and mail.subscriber and _is_for(event, mail.subscriber)
    }


def _by_reader(events: Sequence[Event]) -> dict[str, About]:
    """Events that name no mail of ours, but a reader; perhaps the provider's name for it."""
    by_address = _readers_by_address(events)
    by_provider_id = _by_provider_id(events, by_address)
    found: dict[str, About] = {}
    for event in events:
        if reader := by_address.get(email_key(event.recipient)):
            found[event.key] = reader, by_provider_id.get((reader.pk, event.message_id))
    return found


SHOWN = ("public_id", "claimed_at", "subscriber__email_key", "subscriber__confirmed_at")


def _digests(events: Sequence[Event]) -> dict[Key, Digest]:
    """Digests that were handed over, by public id and by primary key."""
    named = _named(events, {event.digest for event in events if event.digest})
    found = Digest.objects.filter(named, claimed_at__isnull=False).select_related("subscriber")
    return {key: one for one in found.only("day", *SHOWN) for key in (one.public_id, one.pk)}


def _messages(events: Sequence[Event]) -> dict[Key, Message]:
    """Messages to readers that were handed over, by public id and by primary key."""
    named = _named(events, {event.message for event in events if event.message})
    found = Message.objects.filter(named, claimed_at__isnull=False, subscriber__isnull=False)
    found = found.select_related("subscriber").only("kind", *SHOWN)
    return {key: one for one in found for key in (one.public_id, one.pk)}


def _named(events: Sequence[Event], pks: set[int]) -> Q:
    public_ids = {event.public_id for event in events if event.public_id}
    return Q(public_id__in=public_ids) | Q(pk__in=pks)


def _readers_by_address(events: Sequence[Event]) -> dict[str, Subscriber]:
    wanted = {email_key(event.recipient) for event in events if event.recipient}
    found = _written_to(email_key__in=wanted) if wanted else ()
    return {reader.email_key: reader for reader in found}


def _written_to(**which: Any) -> Iterable[Subscriber]:
    return Subscriber.objects.with_sent_mail().filter(**which).only("email_key", "confirmed_at")


def _by_provider_id(
    events: Sequence[Event], readers_: dict[str, Subscriber]
) -> dict[tuple[int, str], Mail]:
    """Digests and messages by reader and by what the provider calls them."""
    named = {event.message_id for event in events if event.message_id}
    if not (named and readers_):
        return {}
    mine = Q(subscriber__in=readers_.values(), provider_id__in=named, claimed_at__isnull=False)
    columns = ("provider_id", "claimed_at", "subscriber")
    found: list[Mail] = [*Message.objects.filter(mine).only("kind", *columns)]
    found += Digest.objects.filter(mine).only("day", *columns)
    return {(one.subscriber_id or 0, one.provider_id): one for one in found}


def _is_for(event: Event, reader: Subscriber) -> bool:
    return not event.recipient or email_key(event.recipient) == email_key(reader.email_key)


# --- Consequences -------------------------------------------------------------------------------

SETTLES = {
    Kind.DEFERRED: Status.SENT,  # somebody has it and goes on trying: never hand it over again
    Kind.ACCEPTED: Status.SENT,
    Kind.SOFT_BOUNCE: Status.FAILED,
    Kind.AUTO_REPLY: Status.SENT,
    Kind.DELIVERED: Status.SENT,
    Kind.OPENED: Status.SENT,
    Kind.CLICKED: Status.SENT,
    Kind.REJECTED: Status.FAILED,
    Kind.HARD_BOUNCE: Status.FAILED,
    Kind.UNSUBSCRIBED: Status.SENT,
    Kind.COMPLAINT: Status.SENT,
}


def verdict(kinds: Iterable[str]) -> tuple[str, str] | None:
    """The status that these events of one digest add up to, and the strongest of them.

    >>> verdict(["delivered", "deferred", "accepted"]) == (Status.SENT, "delivered")
    True
    >>> verdict(["hard", "delivered"]) == verdict(["delivered", "hard"]) == (Status.FAILED, "hard")
    True
    """
    strongest = max(kinds, key=Kind.values.index, default=Kind.UNKNOWN)
    status = SETTLES.get(Kind(strongest))
    return (status, str(strongest)) if status else None


@transaction.atomic
def settle(model: type[Mail], pks: Iterable[int], now: datetime) -> int:
    """Let what came back say whether uncertain mails were sent; returns how many it changed."""
    mails = _open(model, pks)
    _lock({mail.subscriber_id or 0 for mail in mails})
    return _settle(model, mails, now)


def _open(model: type[Mail], pks: Iterable[int]) -> list[Any]:
    """Of these, locked, the mails that are uncertain, and those that were until they were
    settled here and that nobody has handed over again."""
    settled_here = Q(status__in=(Status.SENT, Status.FAILED), settled_at__gte=F("claimed_at"))
    unsettled = Q(status=Status.UNCERTAIN)
    found = model._default_manager.filter(unsettled | settled_here, pk__in=set(pks))
    return list(found.order_by("pk").select_for_update(no_key=True))


def _lock(pks: Collection[int]) -> None:
    """Digests first, then readers, each by key: transactions wait and never for each other."""
    if pks:
        mine = Subscriber.objects.filter(pk__in=pks).order_by("pk")
        list(mine.select_for_update(no_key=True).values_list("pk"))


def _settle(model: type[Mail], mails: Sequence[Mail], now: datetime) -> int:
    name = model._meta.model_name
    kinds: dict[int, list[str]] = {mail.pk: [] for mail in mails}
    of_these = {f"{name}__in": kinds, "occurred_at__gte": F(f"{name}__claimed_at") - CLOCK_SKEW}
    events = DeliveryEvent.objects.filter(**of_these)
    for pk, kind in events.values_list(f"{name}_id", "kind"):
        kinds[pk or 0].append(kind)
    changed = [mail for mail in mails if _judge(mail, verdict(kinds[mail.pk]))]
    for status, reason in sorted({(one.status, one.reason) for one in changed}):
        alike = [one.pk for one in changed if (one.status, one.reason) == (status, reason)]
        sent_at = F("claimed_at") if status == Status.SENT else None
        model._default_manager.filter(pk__in=alike).update(
            status=status, reason=reason, sent_at=sent_at, settled_at=now
        )
    _cover({mail.subscriber_id for mail in changed if isinstance(mail, Digest)})
    return len(changed)


def _judge(mail: Mail, found: tuple[str, str] | None) -> bool:
    """Put the verdict into the mail (not saved); False if it stands there already."""
    before = mail.status, mail.reason
    if found:
        mail.status = found[0]
        mail.reason = f"Settled by what came back: {Kind(found[1]).label.lower()}."
    return before != (mail.status, mail.reason)


def _cover(pks: set[int]) -> None:
    """Until when sent digests cover the news, for readers of whom one was settled."""
    sent = Digest.objects.filter(subscriber=OuterRef("pk"), status=Status.SENT)
    newest = sent.order_by("-created_at").values("created_at")[:1]
    Subscriber.objects.filter(pk__in=pks).update(covered_until=Subquery(newest))


def settle_waiting_events(now: datetime) -> None:
    """What no request brings: events that came too early, and refusals at the hand-over."""
    settle_waiting(now)
    learn_from_refusals(now)


def settle_waiting(now: datetime) -> int:
    """Mails that became uncertain after their events had come; returns how many it changed."""
    return sum(
        settle(model, waiting(model).values_list("pk", flat=True)[:AT_ONCE], now)
        for model in (Digest, Message)
    )


def waiting(model: type[Mail] = Digest) -> QuerySet[Any]:
    """Uncertain mails that something was said of."""
    about = {str(model._meta.model_name): OuterRef("pk")}
    told = DeliveryEvent.objects.filter(**about).exclude(kind=Kind.UNKNOWN)
    return model._default_manager.filter(Exists(told), status=Status.UNCERTAIN)


def learn_from_refusals(now: datetime) -> int:
    """A mail server that takes no mail for an address says at once what a bounce says later;
    returns how many such there were that are new."""
    new: list[Mail] = []
    for rows in (refused((now - REFUSALS_READ_FOR).date()), refused_messages(now)):
        new += rows.only("reason", "claimed_at")[:AT_ONCE]
    return record_events([_refusal(mail, now) for mail in new], now)


def refused(since: date) -> QuerySet[Digest]:
    """Digests whose recipient the mail server refused, and that have no event for it yet."""
    known = DeliveryEvent.objects.filter(digest=OuterRef("pk"), provider=HAND_OVER)
    failed = Digest.objects.filter(~Exists(known), status=Status.FAILED, day__gte=since)
    return failed.filter(reason__startswith="RCPT: 5")


def refused_messages(now: datetime) -> QuerySet[Message]:
    """The same for messages to readers."""
    known = DeliveryEvent.objects.filter(message=OuterRef("pk"), provider=HAND_OVER)
    failed = Message.objects.filter(
        ~Exists(known), status=Status.FAILED, created_at__gte=now - REFUSALS_READ_FOR
    )
    return failed.filter(reason__startswith="RCPT: 5", subscriber__isnull=False)


def _refusal(mail: Mail, now: datetime) -> Event:
    """Only a hard one has consequences: another may be about ourselves."""
    is_digest = isinstance(mail, Digest)
    names = () if is_digest else ("message",)  # keys of digests stay what they were
    return Event(
        key=key_of(HAND_OVER, *names, mail.pk),
        provider=HAND_OVER,
        kind=Kind.HARD_BOUNCE if is_hard("", mail.reason) else Kind.REJECTED,
        at=mail.claimed_at or now,
        detail=without_addresses(mail.reason),
        digest=mail.pk if is_digest else None,
        message=None if is_digest else mail.pk,
    )


CONSEQUENTIAL = (*DeliveryEvent.NEGATIVE_KINDS, Kind.UNSUBSCRIBED)


def _consequences(rows: Sequence[DeliveryEvent], now: datetime) -> None:
    """Suppress or unsubscribe whom these new events are about."""
    kinds: dict[int, set[str]] = {}
    for row in rows:
        if row.subscriber and _still_counts(row, row.subscriber):
            kinds.setdefault(row.subscriber.pk, set()).add(row.kind)
    reasons = {pk: reason for pk, said in kinds.items() if (reason := suppression.reason_for(said))}
    soft = sorted(pk for pk, said in kinds.items() if Kind.SOFT_BOUNCE in said if pk not in reasons)
    if soft:
        reasons |= dict.fromkeys(suppression.soft_bounced_out(soft), suppression.Reason.SOFT)
    if reasons:
        suppression.suppress_readers(reasons, now)
    if leaving := [pk for pk, said in kinds.items() if Kind.UNSUBSCRIBED in said]:
        lifecycle.unsubscribe_readers(leaving, now)


def _still_counts(row: DeliveryEvent, reader: Subscriber) -> bool:
    """Whether it is about mail since the reader confirmed; a complaint counts for ever."""
    if row.kind == Kind.COMPLAINT or not reader.confirmed_at:
        return True
    mail = row.digest or row.message
    mailed_at = mail.claimed_at if mail else None
    return (mailed_at or row.occurred_at) > reader.confirmed_at


# --- Forgetting ---------------------------------------------------------------------------------


def delete_old_events(now: datetime) -> int:
    """Delete what is older than it is kept; returns how many rows."""
    ordinary = DeliveryEvent.objects.exclude(kind__in=DeliveryEvent.NEGATIVE_KINDS)
    old = ordinary.filter(received_at__lt=now - settings.EVENTS_KEPT)
    older = DeliveryEvent.objects.filter(
        received_at__lt=now - max(settings.EVENTS_KEPT, CAME_BACK_KEPT)
    )
    return _delete(old) + _delete(older)


def _delete(rows: Any) -> int:
    total = 0
    while pks := list(rows.order_by().values_list("pk", flat=True)[:AT_ONCE]):
        total += DeliveryEvent.objects.filter(pk__in=pks).delete()[0]
    return total
