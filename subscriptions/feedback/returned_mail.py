"""The mail that comes to us: bounces, complaints, and wishes to be left alone.

Anybody can write anything to these addresses. So a mail says whom it is about only by what we
gave out ourselves: a signed return path, a Message-ID, a signed unsubscribe token.
"""

from __future__ import annotations

import hashlib
import logging
import re
from datetime import datetime

from django.db import transaction

from subscriptions import tokens
from subscriptions.feedback import bounce_parser, events
from subscriptions.feedback.bounce_parser import Returned
from subscriptions.feedback.events import Event
from subscriptions.models import DeliveryEvent
from subscriptions.readers import lifecycle
from subscriptions.tokens import BadLink, Purpose, ReturnPath

log = logging.getLogger(__name__)

MAILBOX = "mailbox"  # as the provider of an event
KINDS = {
    bounce_parser.Kind.DELAYED: DeliveryEvent.Kind.DEFERRED,
    bounce_parser.Kind.COMPLAINT: DeliveryEvent.Kind.COMPLAINT,
    bounce_parser.Kind.OPT_OUT: DeliveryEvent.Kind.UNSUBSCRIBED,
    bounce_parser.Kind.DELIVERED: DeliveryEvent.Kind.DELIVERED,
    bounce_parser.Kind.RELAYED: DeliveryEvent.Kind.ACCEPTED,
    bounce_parser.Kind.AUTO_REPLY: DeliveryEvent.Kind.AUTO_REPLY,
}
_UNSUBSCRIBE = re.compile(
    r"\bunsubscribe[\s:+=]+[^\w\s]{0,3}(?P<token>[\w:-][\w:.-]{9,200})", re.IGNORECASE
)

UNSUBSCRIBED = "unsubscribed"
LEFT_ALONE = "left alone"  # nothing in it is ours


def process_mail(raw: bytes, now: datetime, *, sent_to: str = "") -> str:
    """Do what one mail asks or says; returns what it was, in one word or two.

    `sent_to` is the envelope's recipient, where it is known. Twice changes nothing.
    """
    returned = bounce_parser.parse_bounce(raw)
    if leave(returned.subject, now):
        return UNSUBSCRIBED
    event = event_of(returned, raw, now, sent_to)
    if event is None:
        return LEFT_ALONE
    with transaction.atomic():
        events.record_events([event], now)
        known = DeliveryEvent.objects.filter(key=event.key, subscriber__isnull=False)
        if not known.exists():  # a reader who was erased, or a mail that never went out
            DeliveryEvent.objects.filter(key=event.key).delete()
            return LEFT_ALONE
    return str(returned.kind.value)


def leave(subject: str, now: datetime) -> bool:
    """Unsubscribe the reader whose token a subject holds; False if it holds none of ours."""
    if not (found := _UNSUBSCRIBE.search(tokens.percent_decode(subject))):
        return False
    try:
        pk = tokens.read_token(Purpose.UNSUBSCRIBE, found["token"].rstrip(".:"))
    except BadLink:
        log.warning("a mail asks to unsubscribe, and its token is none of ours")
        return False
    lifecycle.unsubscribe_reader(int(pk), now)
    return True


def event_of(returned: Returned, raw: bytes, now: datetime, sent_to: str) -> Event | None:
    """The event that a mail tells of; None if it tells of nothing that we sent."""
    if returned.kind == bounce_parser.Kind.OTHER:
        return None
    path = next(filter(None, map(tokens.read_return_path, (sent_to, *returned.sent_to))), None)
    ids = filter(None, map(events.of_message_id, returned.message_ids))
    public_id = None if path else next(ids, None)
    if path is None and public_id is None:
        return None
    hard = DeliveryEvent.Kind.HARD_BOUNCE if returned.hard else DeliveryEvent.Kind.SOFT_BOUNCE
    return Event(
        key=events.key_of(MAILBOX, path or public_id, hashlib.sha256(raw).hexdigest()),
        provider=MAILBOX,
        kind=KINDS.get(returned.kind, hard),
        at=now,
        said=returned.status,
        detail=events.without_addresses(returned.diagnostic),
        public_id=public_id,
        digest=path.pk if path and path.kind == ReturnPath.DIGEST else None,
        message=path.pk if path and path.kind == ReturnPath.MESSAGE else None,
    )
