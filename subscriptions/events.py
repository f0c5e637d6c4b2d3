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

from papers.text import one_line
from subscriptions import readers, suppression
from subscriptions.models import DeliveryEvent, Digest, Subscriber
from subscriptions.severity import (
    Verdict,
    is_called_hard,
    is_hard,
    names_another_cause,
    provider_verdict,
)

Kind = DeliveryEvent.Kind
Status = Digest.Status

# Clocks differ: an event of a hand-over may bear a time a little before it.
CLOCK_SKEW = timedelta(minutes=5)
CAME_BACK_KEPT = timedelta(days=365)  # bounces and complaints are few, and what policy rests on
HAND_OVER = "hand-over"  # as the provider of an event
REFUSALS_READ_FOR = timedelta(days=2)
AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it is a row. It names a digest by our own `public_id`, else by what the
    provider calls the message, and a reader by the address mail went to or by `reader`, our key."""

    key: str
    provider: str
    kind: str
    at: datetime
    said: str = ""
    detail: str = ""
    public_id: UUID | None = None
    digest: int | None = None
    message_id: str = ""
    recipient: str = ""
    reader: int | None = None


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
    named = metadata.get("digest") if isinstance(metadata, dict) else None
    return as_uuid(named) or of_message_id(str(message_id or ""))


def of_message_id(message_id: str) -> UUID | None:
    """The digest that one of our own Message-IDs names."""
    name, _, domain = message_id.strip("<> ").partition("@")
    return as_uuid(name) if domain.lower() == settings.MAIL_DOMAIN.lower() else None


def as_uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


# --- Into rows ----------------------------------------------------------------------------------

About = tuple[Subscriber | None, Digest | None]  # whom an event is about


@transaction.atomic
def record(events: Sequence[Event], now: datetime) -> int:
    """Write down these events and draw the consequences; returns how many were new."""
    wanted = {event.key: event for event in events}
    known = DeliveryEvent.objects.filter(key__in=wanted).values_list("key", flat=True)
    new = [wanted[key] for key in sorted(set(wanted) - set(known))]
    rows = _rows(new, now)
    DeliveryEvent.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    telling = [row for row in rows if row.kind in CONSEQUENTIAL and row.subscriber_id]
    digests = _open(row.digest_id for row in rows if row.digest_id)
    _lock({one.subscriber_id for one in digests} | {row.subscriber_id or 0 for row in telling})
    _settle(digests, now)
    _consequences(telling, now)
    return len(rows)


def _rows(events: Sequence[Event], now: datetime) -> list[DeliveryEvent]:
    about = _by_digest(events)
    about |= _by_reader([event for event in events if event.key not in about])
    return [_row(event, about.get(event.key, (None, None)), now) for event in events]


def _row(event: Event, about: About, now: datetime) -> DeliveryEvent:
    reader, digest = about
    return DeliveryEvent(
        key=event.key,
        provider=event.provider,
        kind=event.kind,
        said=event.said,
        detail=event.detail,
        at=event.at,
        received_at=now,
        subscriber=reader,
        digest=digest,
        day=digest.day if digest else None,
    )


def _by_digest(events: Sequence[Event]) -> dict[str, About]:
    """Events that name a digest; those of a test mail, say, name one and went to another."""
    digests = _digests(events)
    named = {one.key: digests.get(one.public_id) or digests.get(one.digest) for one in events}
    return {
        event.key: (digest.subscriber, digest)
        for event in events
        if (digest := named[event.key]) and _is_for(event, digest.subscriber)
    }


def _by_reader(events: Sequence[Event]) -> dict[str, About]:
    """Events that name no digest of ours, but a reader; perhaps the provider's name for it."""
    by_address, by_pk = _readers_by_address(events), _readers(events)
    by_provider_id = _by_provider_id(events, by_address)
    found: dict[str, About] = {}
    for event in events:
        if reader := by_pk.get(event.reader) or by_address.get(folded(event.recipient)):
            digest = by_provider_id.get((reader.pk, event.message_id))
            found[event.key] = reader, digest
    return found


def _digests(events: Sequence[Event]) -> dict[UUID | int | None, Digest]:
    """Digests that were handed over, by public id and by primary key."""
    named = Q(public_id__in={event.public_id for event in events if event.public_id})
    named |= Q(pk__in={event.digest for event in events if event.digest})
    found = Digest.objects.filter(named, claimed_at__isnull=False).select_related("subscriber")
    found = found.only(
        *("day", "public_id", "claimed_at", "subscriber__email_key", "subscriber__confirmed_at")
    )
    return {name: digest for digest in found for name in (digest.public_id, digest.pk)}


def _readers_by_address(events: Sequence[Event]) -> dict[str, Subscriber]:
    wanted = {folded(event.recipient) for event in events if event.recipient}
    found = _written_to(email_key__in=wanted) if wanted else ()
    return {reader.email_key: reader for reader in found}


def _readers(events: Sequence[Event]) -> dict[int | None, Subscriber]:
    wanted = {event.reader for event in events if event.reader}
    found = _written_to(pk__in=wanted) if wanted else ()
    return {reader.pk: reader for reader in found}


def _written_to(**which: Any) -> Iterable[Subscriber]:
    return Subscriber.objects.written_to().filter(**which).only("email_key", "confirmed_at")


def _by_provider_id(
    events: Sequence[Event], readers_: dict[str, Subscriber]
) -> dict[tuple[int, str], Digest]:
    """Digests by reader and by what the provider calls the message."""
    named = {event.message_id for event in events if event.message_id}
    if not (named and readers_):
        return {}
    found = Digest.objects.filter(
        subscriber__in=readers_.values(), provider_id__in=named, claimed_at__isnull=False
    )
    found = found.only("day", "provider_id", "claimed_at", "subscriber")
    return {(one.subscriber_id, one.provider_id): one for one in found}


def folded(address: str) -> str:
    """An address as `Subscriber.email_key` has it; providers write the domain in ASCII."""
    local, at, domain = address.strip().casefold().rpartition("@")
    try:
        return f"{local}{at}{domain.encode('ascii').decode('idna')}"
    except UnicodeError:
        return f"{local}{at}{domain}"


def _is_for(event: Event, reader: Subscriber) -> bool:
    return not event.recipient or folded(event.recipient) == folded(reader.email_key)


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
def settle(pks: Iterable[int], now: datetime) -> int:
    """Let what came back say whether uncertain digests were sent; returns how many it changed."""
    digests = _open(pks)
    _lock({digest.subscriber_id for digest in digests})
    return _settle(digests, now)


def _open(pks: Iterable[int]) -> list[Digest]:
    """Of these, locked, the digests that are uncertain, and those that were until they were
    settled here and that nobody has handed over again."""
    settled_here = Q(status__in=(Status.SENT, Status.FAILED), settled_at__gte=F("claimed_at"))
    found = Digest.objects.filter(Q(status=Status.UNCERTAIN) | settled_here, pk__in=set(pks))
    return list(found.order_by("pk").select_for_update(no_key=True))


def _lock(pks: Collection[int]) -> None:
    """Digests first, then readers, each by key: transactions wait and never for each other."""
    if pks:
        mine = Subscriber.objects.filter(pk__in=pks).order_by("pk")
        list(mine.select_for_update(no_key=True).values_list("pk"))


def _settle(digests: Sequence[Digest], now: datetime) -> int:
    said: dict[int, list[str]] = {digest.pk: [] for digest in digests}
    events = DeliveryEvent.objects.filter(
        digest__in=said, at__gte=F("digest__claimed_at") - CLOCK_SKEW
    )
    for pk, kind in events.values_list("digest_id", "kind"):
        said[pk or 0].append(kind)
    changed = [digest for digest in digests if _judge(digest, verdict(said[digest.pk]))]
    for status, reason in sorted({(one.status, one.reason) for one in changed}):
        alike = [one.pk for one in changed if (one.status, one.reason) == (status, reason)]
        sent_at = F("claimed_at") if status == Status.SENT else None
        Digest.objects.filter(pk__in=alike).update(
            status=status, reason=reason, sent_at=sent_at, settled_at=now
        )
    _cover({digest.subscriber_id for digest in changed})
    return len(changed)


def _judge(digest: Digest, found: tuple[str, str] | None) -> bool:
    """Put the verdict into the digest (not saved); False if it stands there already."""
    before = digest.status, digest.reason
    if found:
        digest.status = found[0]
        digest.reason = f"Settled by what came back: {Kind(found[1]).label.lower()}."
    return before != (digest.status, digest.reason)


def _cover(pks: set[int]) -> None:
    """Until when sent digests cover the news, for readers of whom one was settled."""
    sent = Digest.objects.filter(subscriber=OuterRef("pk"), status=Status.SENT)
    newest = sent.order_by("-created_at").values("created_at")[:1]
    Subscriber.objects.filter(pk__in=pks).update(covered_until=Subquery(newest))


def catch_up(now: datetime) -> None:
    """What no request brings: events that came too early, and refusals at the hand-over."""
    settle_waiting(now)
    learn_from_refusals(now)


def settle_waiting(now: datetime) -> int:
    """Digests that became uncertain after their events had come; returns how many it changed."""
    return settle(waiting().values_list("pk", flat=True)[:AT_ONCE], now)


def waiting() -> QuerySet[Digest]:
    """Uncertain digests that something was said of."""
    said = DeliveryEvent.objects.filter(digest=OuterRef("pk")).exclude(kind=Kind.UNKNOWN)
    return Digest.objects.filter(Exists(said), status=Status.UNCERTAIN)


def learn_from_refusals(now: datetime) -> int:
    """A mail server that takes no mail for an address says at once what a bounce says later;
    returns how many such there were that are new."""
    new = refused((now - REFUSALS_READ_FOR).date()).only("reason", "claimed_at")[:AT_ONCE]
    return record([_refusal(digest, now) for digest in new], now)


def refused(since: date) -> QuerySet[Digest]:
    """Digests whose recipient the mail server refused, and that have no event for it yet."""
    known = DeliveryEvent.objects.filter(digest=OuterRef("pk"), provider=HAND_OVER)
    failed = Digest.objects.filter(~Exists(known), status=Status.FAILED, day__gte=since)
    return failed.filter(reason__startswith="RCPT: 5")


def _refusal(digest: Digest, now: datetime) -> Event:
    """Only a hard one has consequences: another may be about ourselves."""
    return Event(
        key=key_of(HAND_OVER, digest.pk),
        provider=HAND_OVER,
        kind=Kind.HARD_BOUNCE if is_hard("", digest.reason) else Kind.REJECTED,
        at=digest.claimed_at or now,
        detail=without_addresses(digest.reason),
        digest=digest.pk,
    )


CONSEQUENTIAL = (*DeliveryEvent.CAME_BACK, Kind.UNSUBSCRIBED)


def _consequences(rows: Sequence[DeliveryEvent], now: datetime) -> None:
    """Suppress or unsubscribe whom these new events are about."""
    kinds: dict[int, set[str]] = {}
    for row in rows:
        if row.subscriber and _still_counts(row, row.subscriber):
            kinds.setdefault(row.subscriber.pk, set()).add(row.kind)
    reasons = {pk: reason for pk, said in kinds.items() if (reason := suppression.reason_for(said))}
    soft = sorted(pk for pk, said in kinds.items() if Kind.SOFT_BOUNCE in said if pk not in reasons)
    if soft:
        reasons |= dict.fromkeys(suppression.worn_out(soft), suppression.Reason.SOFT)
    if reasons:
        suppression.suppress(reasons, now)
    if leaving := [pk for pk, said in kinds.items() if Kind.UNSUBSCRIBED in said]:
        readers.unsubscribe_all(leaving, now)


def _still_counts(row: DeliveryEvent, reader: Subscriber) -> bool:
    """Whether it is about mail since the reader confirmed; a complaint counts for ever."""
    if row.kind == Kind.COMPLAINT or not reader.confirmed_at:
        return True
    mailed_at = row.digest.claimed_at if row.digest else None
    return (mailed_at or row.at) > reader.confirmed_at


# --- Forgetting ---------------------------------------------------------------------------------


def forget(now: datetime) -> int:
    """Delete what is older than it is kept; returns how many rows."""
    ordinary = DeliveryEvent.objects.exclude(kind__in=DeliveryEvent.CAME_BACK)
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
