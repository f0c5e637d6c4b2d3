"""Emails that anyone can request by typing an address: which one is sent, and how often.

The limits count sent and pending messages, not failed ones. Every request runs the same statements,
regardless of the address's state, so that response times reveal nothing.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from subscriptions.mail.addresses import email_key
from subscriptions.mail.transactional import RULES
from subscriptions.models import CLOCK_SKEW, Message, Subscriber
from web import rate_limit

Kind = Message.Kind
Status = Subscriber.Status

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ON_REQUEST = (Kind.CONFIRMATION, Kind.PREFERENCES_LINK, Kind.VOTE_LINK)


class RequestKind(StrEnum):
    """Kind of request. The message sent also depends on the reader's status."""

    SIGN_UP = "sign up"
    PREFERENCES = "preferences"
    VOTE = "vote"


# Unconfirmed readers get only the confirmation. Active readers who sign up again get the link to
# their preferences, since the page promises an email to everyone.
ANSWERS = {
    RequestKind.SIGN_UP: dict.fromkeys(Status, Kind.CONFIRMATION)
    | {Status.ACTIVE: Kind.PREFERENCES_LINK},
    RequestKind.PREFERENCES: dict.fromkeys(Status, Kind.PREFERENCES_LINK)
    | {Status.PENDING: Kind.CONFIRMATION},
    RequestKind.VOTE: dict.fromkeys(Status, Kind.CONFIRMATION) | {Status.ACTIVE: Kind.VOTE_LINK},
}

INSERT = """
WITH answers AS (
    SELECT * FROM jsonb_to_recordset(%(answers)s) AS answer
        (status text, kind text, about text, details jsonb, expires_at timestamptz,
            quiet_since timestamptz)
), counted AS (
    SELECT message.subscriber_id, message.kind, message.about,
        CASE WHEN message.status IN ('pending', 'sending') THEN %(now)s
            ELSE message.claimed_at END AS at
    FROM subscriptions_message AS message
    WHERE message.mailbox = %(mailbox)s
        AND ((message.status = 'pending' AND message.expires_at > %(now)s)
            OR message.status = 'sending'
            OR (message.status IN ('sent', 'uncertain')
                AND message.claimed_at > %(earliest)s AND message.claimed_at <= %(latest)s))
)
INSERT INTO subscriptions_message (public_id, kind, subscriber_id, about, details, mailbox, status,
    reason, created_at, expires_at, queued_at, claimed_by, attempts, next_attempt_at, outcome,
    provider_id)
SELECT gen_random_uuid(), answer.kind, reader.id, answer.about, answer.details, %(mailbox)s,
    'pending', '', %(now)s, answer.expires_at, %(now)s, '', 0, %(now)s, '', ''
FROM subscriptions_subscriber AS reader JOIN answers AS answer ON answer.status = reader.status
WHERE reader.email_key = %(email_key)s
    AND (SELECT count(*) FROM counted WHERE counted.at > %(yesterday)s) < %(a_day)s
    AND NOT EXISTS (SELECT FROM counted WHERE counted.subscriber_id = reader.id
        AND counted.kind = answer.kind AND counted.about = answer.about
        AND counted.at > answer.quiet_since)
    AND (SELECT count(*) FROM counted WHERE counted.subscriber_id = reader.id
        AND counted.kind = answer.kind AND counted.at > %(an_hour_ago)s) < %(an_hour)s
RETURNING id
"""


@transaction.atomic
def request_mail(
    email: str, kind: RequestKind, now: datetime, about: str = "", *, back_to: str = ""
) -> int:
    """Write the message that answers a request, within the limits; return its key, or 0.

    `about` is the paper's key for a vote. `back_to` is the local page to open after signing in.
    """
    key = email_key(email)
    mailbox = rate_limit.pseudonym(mailbox_of(key))
    values: dict[str, Any] = {
        "answers": json.dumps([_answer(kind, status, about, back_to, now) for status in Status]),
        "email_key": key,
        "mailbox": mailbox,
        "now": now,
        "latest": now + CLOCK_SKEW,
        "earliest": now - max(DAY, settings.CONFIRMATION_COOLDOWN),
        "yesterday": now - DAY,
        "an_hour_ago": now - HOUR,
        "a_day": settings.EMAILS_PER_DAY,
        "an_hour": settings.LINKS_PER_HOUR,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [mailbox])
        cursor.execute(INSERT, values)
        row = cursor.fetchone()
    return row[0] if row else 0


def _answer(
    request_kind: RequestKind, status: Subscriber.Status, about: str, back_to: str, now: datetime
) -> dict[str, Any]:
    kind = ANSWERS[request_kind][status]
    return {
        "status": status,
        "kind": kind,
        "about": about if kind == Kind.VOTE_LINK else "",
        "details": {"next": back_to} if back_to and kind == Kind.PREFERENCES_LINK else {},
        "expires_at": (now + RULES[kind].lifetime).isoformat(),
        "quiet_since": (now - cooldown(kind)).isoformat(),
    }


def cooldown(kind: str) -> timedelta:
    """Return the minimum time between two messages of this kind."""
    confirms = kind == Kind.CONFIRMATION
    return settings.CONFIRMATION_COOLDOWN if confirms else settings.LINK_COOLDOWN


def mailbox_limits(email: str) -> list[rate_limit.Limit]:
    """Return the hourly limit for one mailbox, for all clients together.

    Repeated requests for one mailbox therefore do not use up the global limit.
    """
    count, _all = settings.RATE_LIMITS["typed"]
    name = rate_limit.pseudonym(mailbox_of(email_key(email)))
    return [rate_limit.Limit(f"typed:{name}", count)] if count else []


def mailbox_of(key: str) -> str:
    """Return the mailbox of an address key, without +tags and dots in the local part."""
    local, _, domain = key.rpartition("@")
    folded = local.partition("+")[0].replace(".", "") or local
    host = "gmail.com" if domain == "googlemail.com" else domain
    return f"{folded}@{host}"
