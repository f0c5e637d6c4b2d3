"""Process incoming mail: bounces, complaints, unsubscribe requests.

Anybody can write to these addresses. A reader is identified only by something we issued: a signed
return path, a Message-ID, or a signed unsubscribe token.
"""

from __future__ import annotations

import hashlib
import logging
import re
from datetime import datetime

from django.db import transaction

from subscriptions import tokens
from subscriptions.feedback.bounce_parser import ReturnedMail, parse_bounce
from subscriptions.feedback.normalize import Event, make_key, parse_message_id, redact_addresses
from subscriptions.feedback.record import record_events
from subscriptions.feedback.reports import Kind
from subscriptions.models import DeliveryEvent
from subscriptions.readers import lifecycle
from subscriptions.tokens import BadLink, Purpose, ReturnPath

log = logging.getLogger(__name__)

MAILBOX = "mailbox"
"""The `provider` of these events."""

EVENT_KINDS = {
    Kind.DELAYED: DeliveryEvent.Kind.DEFERRED,
    Kind.COMPLAINT: DeliveryEvent.Kind.COMPLAINT,
    Kind.OPT_OUT: DeliveryEvent.Kind.UNSUBSCRIBED,
    Kind.DELIVERED: DeliveryEvent.Kind.DELIVERED,
    Kind.RELAYED: DeliveryEvent.Kind.ACCEPTED,
    Kind.AUTO_REPLY: DeliveryEvent.Kind.AUTO_REPLY,
}
_UNSUBSCRIBE = re.compile(
    r"\bunsubscribe[\s:+=]+[^\w\s]{0,3}(?P<token>[\w:-][\w:.-]{9,200})", re.IGNORECASE
)

UNSUBSCRIBED = "unsubscribed"
IGNORED = "ignored"  # not about anything we sent


def process_mail(raw: bytes, now: datetime, *, sent_to: str = "") -> str:
    """Process one mail and return its kind as a word. Safe to repeat.

    `sent_to` is the envelope recipient, if known.
    """
    returned = parse_bounce(raw)
    if unsubscribe_by_subject(returned.subject, now):
        return UNSUBSCRIBED
    event = build_event(returned, raw, now, sent_to)
    if event is None:
        return IGNORED
    with transaction.atomic():
        record_events([event], now)
        about_reader = DeliveryEvent.objects.filter(key=event.key, subscriber__isnull=False)
        if not about_reader.exists():  # an erased reader, or a mail that was never sent
            DeliveryEvent.objects.filter(key=event.key).delete()
            return IGNORED
    return str(returned.kind.value)


def unsubscribe_by_subject(subject: str, now: datetime) -> bool:
    """Stop what the token in a subject names; return False if there is no valid token."""
    if not (match := _UNSUBSCRIBE.search(tokens.percent_decode(subject))):
        return False
    try:
        key = tokens.read_token(Purpose.UNSUBSCRIBE, match["token"].rstrip(".:"))
    except BadLink:
        log.warning("unsubscribe mail ignored: invalid token")
        return False
    lifecycle.stop_email(*tokens.read_unsubscribe_key(key), now)
    return True


def build_event(returned: ReturnedMail, raw: bytes, now: datetime, sent_to: str) -> Event | None:
    """Return the event that a mail reports; None if it is not about a mail we sent."""
    if returned.kind == Kind.OTHER:
        return None
    path = next(filter(None, map(tokens.read_return_path, (sent_to, *returned.sent_to))), None)
    ids = filter(None, map(parse_message_id, returned.message_ids))
    public_id = None if path else next(ids, None)
    if path is None and public_id is None:
        return None
    bounce = DeliveryEvent.Kind.HARD_BOUNCE if returned.hard else DeliveryEvent.Kind.SOFT_BOUNCE
    return Event(
        key=make_key(MAILBOX, path or public_id, hashlib.sha256(raw).hexdigest()),
        provider=MAILBOX,
        kind=EVENT_KINDS.get(returned.kind, bounce),
        at=now,
        provider_word=returned.status,
        detail=redact_addresses(returned.diagnostic),
        public_id=public_id,
        digest=path.pk if path and path.kind == ReturnPath.DIGEST else None,
        message=path.pk if path and path.kind == ReturnPath.MESSAGE else None,
    )
