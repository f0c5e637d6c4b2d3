"""Normalise provider events: one `Event` from each report of anymail.

Fields of a provider's event may be missing or of any type, and texts may hold anything.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.conf import settings

from config.providers import Verdict, find_provider
from papers.text.markup import one_line
from subscriptions.feedback.bounce_severity import (
    has_hard_bounce_wording,
    is_hard,
    names_another_cause,
)
from subscriptions.models import DeliveryEvent

Kind = DeliveryEvent.Kind

MAX_PROVIDER_LENGTH, MAX_WORD_LENGTH, MAX_DETAIL_LENGTH = 40, 100, 500  # characters
KINDS = {
    EventType.QUEUED: Kind.ACCEPTED,
    EventType.SENT: Kind.ACCEPTED,
    EventType.DEFERRED: Kind.DEFERRED,
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.REJECTED: Kind.REJECTED,
    EventType.FAILED: Kind.REJECTED,
    EventType.BOUNCED: Kind.SOFT_BOUNCE,  # or hard, see `classify`
    EventType.AUTORESPONDED: Kind.AUTO_REPLY,
    EventType.OPENED: Kind.OPENED,
    EventType.CLICKED: Kind.CLICKED,
    EventType.COMPLAINED: Kind.COMPLAINT,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
}
REJECT_REASONS = {
    RejectReason.INVALID: Verdict.HARD,
    RejectReason.BOUNCED: Verdict.HARD,
    RejectReason.UNSUBSCRIBED: Verdict.UNSUBSCRIBED,
}
"""Reasons for not sending, where the provider's own rules say nothing. anymail's "spam" is left
out: it is as often about the message as about a reader's complaint."""

VERDICTS = {
    Verdict.HARD: Kind.HARD_BOUNCE,
    Verdict.COMPLAINT: Kind.COMPLAINT,
    Verdict.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
    Verdict.NOTHING: Kind.UNKNOWN,
}
# anymail's types that may turn out to be something else.
_AMBIGUOUS = frozenset(
    (EventType.BOUNCED, EventType.COMPLAINED, EventType.FAILED, EventType.REJECTED)
)
_TYPE_FIELDS = ("RecordType", "event", "eventType", "notificationType", "type", "status")
_ADDRESS = re.compile(r"[^\s<>,;:\"'()\[\]]+@[^\s<>,;:\"'()\[\]]+")


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it is stored.

    It names a digest or message by our `public_id` or primary key, else by the provider's
    `message_id`; it names a reader by the `recipient` address. `provider_word` is the provider's
    name for the event, `detail` its explanation.
    """

    key: str
    provider: str
    kind: str
    at: datetime
    provider_word: str = ""
    detail: str = ""
    public_id: UUID | None = None
    digest: int | None = None
    message: int | None = None
    message_id: str = ""
    recipient: str = ""


def normalize_event(event: AnymailTrackingEvent, provider: str, now: datetime) -> Event:
    """Return the event that anymail reports for this provider."""
    return Event(
        key=_event_key(event, provider),
        provider=provider[:MAX_PROVIDER_LENGTH],
        kind=classify(event, provider),
        at=_event_time(event.timestamp, now),
        provider_word=_clean(_provider_word(event))[:MAX_WORD_LENGTH],
        detail=redact_addresses(event.mta_response or event.description),
        public_id=_public_id(event.metadata, event.message_id),
        message_id=_clean(event.message_id),
        recipient=_clean(event.recipient),
    )


def classify(event: AnymailTrackingEvent, provider: str) -> str:
    """Return the kind of an event.

    The provider's own word decides, unless the SMTP response names another cause.
    """
    kind = KINDS.get(event.event_type, Kind.UNKNOWN)
    if event.event_type not in _AMBIGUOUS:
        return kind
    verdict = find_provider(provider).bounce_verdict(event.esp_event) or _verdict(event)
    response = str(event.mta_response or "")
    if verdict == Verdict.HARD and names_another_cause("", response):
        verdict = Verdict.SOFT
    if verdict == Verdict.SOFT and kind == Kind.COMPLAINT:
        return Kind.SOFT_BOUNCE
    return VERDICTS.get(verdict, kind) if verdict else kind


def _verdict(event: AnymailTrackingEvent) -> Verdict | None:
    """Judge an event by anymail's fields and its texts; None keeps anymail's type."""
    if event.event_type == EventType.COMPLAINED:
        return None
    if event.event_type == EventType.REJECTED:
        return REJECT_REASONS.get(event.reject_reason)
    description = str(event.description or "")
    hard = event.reject_reason == RejectReason.INVALID or has_hard_bounce_wording(description)
    hard = hard or is_hard("", f"{event.mta_response or ''} {description}")
    return Verdict.HARD if hard else None


def _provider_word(event: AnymailTrackingEvent) -> str:
    """Return anymail's type and the provider's own, for kinds that are not known here."""
    raw = event.esp_event if isinstance(event.esp_event, dict) else {}
    word = next((raw[name] for name in _TYPE_FIELDS if isinstance(raw.get(name), str)), "")
    return f"{event.event_type or ''} {word}".strip()


def _event_key(event: AnymailTrackingEvent, provider: str) -> str:
    name = provider.lower()
    if event.event_id and find_provider(provider).signs_token_only:
        return make_key(name, event.event_id)
    recipient = str(event.recipient or "").lower()
    if event.event_id:
        return make_key(name, event.event_id, event.event_type, recipient)
    parts = (event.message_id, event.event_type, event.timestamp, recipient, event.click_url)
    return make_key(name, *parts, _provider_word(event))


def make_key(*parts: object) -> str:
    """Return 64 hexadecimal digits, the same for the same parts."""
    return hashlib.sha256(repr([str(part) for part in parts]).encode()).hexdigest()


def _event_time(value: object, now: datetime) -> datetime:
    """Return a provider's time, made aware; `now` if it is missing or in the future."""
    if not isinstance(value, datetime):
        return now
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return min(moment, now)


def redact_addresses(text: object) -> str:
    """Return a provider's explanation on one line, without email addresses.

    Addresses are stored only in the reader's row.
    """
    return _ADDRESS.sub("…", _clean(text))[:MAX_DETAIL_LENGTH]


def _clean(value: object) -> str:
    """Return text on one line, without characters PostgreSQL cannot store: NUL, lone surrogates."""
    text = str(value or "")[:2000].encode("utf-8", "ignore").decode()
    return one_line(text.replace("\x00", ""))


def _public_id(metadata: object, message_id: object) -> UUID | None:
    values = metadata if isinstance(metadata, dict) else {}
    return _parse_uuid(values.get("digest") or values.get("message")) or parse_message_id(
        str(message_id or "")
    )


def parse_message_id(message_id: str) -> UUID | None:
    """Return the public ID of the digest or message in one of our own Message-IDs."""
    name, _, domain = message_id.strip("<> ").partition("@")
    return _parse_uuid(name) if domain.lower() == settings.MAIL_DOMAIN.lower() else None


def _parse_uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
