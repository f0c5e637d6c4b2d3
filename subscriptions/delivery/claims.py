"""Record each delivery in PostgreSQL: claim before sending, settle afterwards.

Settling the last mail and claiming the next are one statement, and so one round trip and one
commit. A claim is on disk before the message leaves, and no connection has more than one.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from subscriptions.delivery import fault_injection
from subscriptions.delivery.outcomes import Kind, Outcome
from subscriptions.models import Digest, Message, Subscriber

log = logging.getLogger(__name__)

Outbound = Digest | Message
Status = Digest.Status
MAX_OUTAGE = 45.0  # seconds that a result waits in memory; less than a worker's shutdown time
STATUS = {
    Kind.SENT: Status.SENT,
    Kind.RETRY: Status.PENDING,
    Kind.THROTTLED: Status.PENDING,
    Kind.BROKEN: Status.PENDING,
    Kind.REFUSED: Status.FAILED,
    Kind.UNCERTAIN: Status.UNCERTAIN,
}

# `by` identifies one run of one connection: a statement repeated after the connection to PostgreSQL
# broke finds its own claim, and a late result settles an `uncertain` mail. The rows of the
# reader and the subscription are locked, so that unsubscribing either comes first or waits.
SETTLE_AND_CLAIM_SQL = """
WITH settled AS (
    UPDATE {table} SET status = %(status)s, reason = %(reason)s,
        outcome = %(outcome)s, provider_id = %(provider_id)s, sent_at = %(sent_at)s,
        attempts = attempts - %(uncounted)s, next_attempt_at = %(next_attempt_at)s
    WHERE id = %(last)s AND claimed_by = %(by)s AND status IN ('sending', 'uncertain')
    RETURNING {settled}, created_at, status
), {also}
ready AS (
    SELECT mail.id FROM {table} AS mail {reader}
    WHERE mail.id = %(next)s AND mail.expires_at > %(now)s
        AND ((mail.status = 'pending' AND mail.next_attempt_at <= %(now)s)
            OR (mail.status = 'sending' AND mail.claimed_by = %(by)s))
        AND NOT EXISTS (SELECT FROM held)
    FOR NO KEY UPDATE OF mail {lock}
), claimed AS (
    UPDATE {table} AS mail SET status = 'sending', claimed_at = %(now)s,
        claimed_by = %(by)s, attempts = attempts + 1
    FROM ready WHERE mail.id = ready.id
    RETURNING mail.attempts
)
SELECT (SELECT attempts FROM claimed), EXISTS (SELECT FROM held)
"""
WITH_EDITION = """covered AS (
    UPDATE subscriptions_subscription AS subscription
    SET covered_until = GREATEST(subscription.covered_until, settled.created_at)
    FROM settled WHERE subscription.id = settled.subscription_id AND settled.status = 'sent'
), held AS (
    SELECT edition.day FROM subscriptions_edition AS edition
    WHERE edition.day = %(day)s AND edition.state <> 'open'
        AND NOT (edition.state = 'paused' AND COALESCE(edition.paused_until <= %(now)s, false))
), """
WITHOUT_EDITION = "held AS (SELECT WHERE false), "
FOR_READER = {
    "reader": "JOIN subscriptions_subscriber AS reader"
    " ON reader.id = mail.subscriber_id AND reader.status = %(reader_status)s",
    "lock": "FOR SHARE OF reader",
}
FOR_SUBSCRIPTION = {
    "reader": f"{FOR_READER['reader']} JOIN subscriptions_subscription AS subscription"
    " ON subscription.id = mail.subscription_id AND subscription.state = 'active'",
    "lock": "FOR SHARE OF reader, subscription",
}
FOR_OPERATOR = {"reader": "", "lock": ""}
DIGEST_SQL, MESSAGE_SQL, ALERT_SQL = (
    SETTLE_AND_CLAIM_SQL.format(table=table, settled=settled, also=also, **recipient)
    for table, settled, also, recipient in (
        ("subscriptions_digest", "subscription_id", WITH_EDITION, FOR_SUBSCRIPTION),
        ("subscriptions_message", "subscriber_id", WITHOUT_EDITION, FOR_READER),
        ("subscriptions_message", "subscriber_id", WITHOUT_EDITION, FOR_OPERATOR),
    )
)


def statement_for(mail: Outbound) -> str:
    """Return the statement that settles and claims mail of this kind."""
    if isinstance(mail, Digest):
        return DIGEST_SQL
    return MESSAGE_SQL if mail.subscriber_id else ALERT_SQL


@dataclass(frozen=True, slots=True)
class Claim:
    """The result of a claim: ours or not. `held` means that the edition sends nothing now."""

    ours: bool
    attempts: int = 0
    held: bool = False


class ClaimHolder:
    """The claim of one connection: at most one mail, claimed and not yet settled."""

    def __init__(self, by: str, clock: Callable[[], datetime]) -> None:
        self.by, self.clock = by, clock
        self.mail: Outbound | None = None
        self.outcome: Outcome | None = None

    def claim(self, mail: Outbound) -> Claim:
        """Settle the current mail, then claim this one and update its `attempts`."""
        claim = self._settle_and_claim(statement_for(mail), mail)
        if claim.ours:
            mail.attempts = claim.attempts
            self.mail = mail
        return claim

    def settle(self) -> None:
        """Settle the current mail, if there is one."""
        if self.mail and self.outcome:
            self._settle_and_claim(statement_for(self.mail), None)

    def _settle_and_claim(self, sql: str, following: Outbound | None) -> Claim:
        now = self.clock()
        values: dict[str, Any] = {
            **settlement(self.mail, self.outcome, now),
            **_claim_parameters(following),
            "by": self.by,
            "now": now,
        }
        fault_injection.point("before commit")
        self.mail = self.outcome = None  # if this raises, the recovery task finds the claimed mail
        attempts, held = _execute(sql, values)
        fault_injection.point("after commit")
        return Claim(attempts is not None, attempts or 0, held)


def _claim_parameters(following: Outbound | None) -> dict[str, Any]:
    """Return the parameters of a claim.

    A message is sent only if the reader's state has not changed since it was read.
    """
    status = None
    if isinstance(following, Digest):
        status = Subscriber.Status.ACTIVE
    elif following and following.subscriber:
        status = Subscriber.Status(following.subscriber.status)
    return {
        "next": following.pk if following else None,
        "day": following.day if isinstance(following, Digest) else None,
        "reader_status": status,
    }


def settlement(mail: Outbound | None, outcome: Outcome | None, now: datetime) -> dict[str, Any]:
    """Return the columns that record the outcome of a mail."""
    if mail is None or outcome is None:
        names = ("last", "status", "reason", "outcome", "provider_id", "sent_at")
        return dict.fromkeys((*names, "uncounted", "next_attempt_at"))
    retry_at = now + max(delay(mail), outcome.retry_after or timedelta())
    at_once = outcome.kind is Kind.BROKEN and isinstance(
        mail, Digest
    )  # when the edition is resumed
    return {
        "last": mail.pk,
        "status": status_after(mail, outcome, retry_at),
        "reason": outcome.why,
        "outcome": outcome.kind,
        "provider_id": outcome.provider_id[:200],
        "sent_at": now if outcome.kind is Kind.SENT else None,
        "uncounted": int(outcome.kind in mail.UNCOUNTED_OUTCOMES),
        "next_attempt_at": now if at_once else retry_at,
    }


def status_after(mail: Outbound, outcome: Outcome, retry_at: datetime) -> str:
    """Return the status after an outcome; throttling is never a failure."""
    exhausted = mail.attempts >= mail.MAX_ATTEMPTS or retry_at >= mail.expires_at
    if outcome.kind is Kind.RETRY and exhausted:
        return Status.FAILED
    return STATUS[outcome.kind]


def delay(mail: Outbound) -> timedelta:
    """Return an exponential delay, with jitter so that a chunk is not retried all at once."""
    doublings = min(max(mail.attempts - 1, 0), 20)
    maximum = min(settings.FIRST_RETRY * 2**doublings, mail.MAX_DELAY)
    return maximum * random.uniform(0.5, 1.0)  # noqa: S311 - not for cryptography


def _execute(sql: str, values: dict[str, Any]) -> tuple[int | None, bool]:
    """Run the statement, repeatedly during an outage: the result exists only in memory."""
    give_up = time.monotonic() + MAX_OUTAGE
    while True:
        try:
            return _execute_once(sql, values)
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() > give_up:
                raise
            log.warning(
                "PostgreSQL is down (%s); a delivery result is waiting", type(error).__name__
            )
            connection.close()
            time.sleep(0.2)


def _execute_once(sql: str, values: dict[str, Any]) -> tuple[int | None, bool]:
    """Run it as a prepared statement: planning took four times as long as executing.

    Behind a pooler without prepared statements (see the settings), it is not prepared.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        row = cursor.execute(sql, values, prepare=True).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return row[0], row[1]


def postpone(mails: Sequence[Outbound], until: datetime, why: str) -> None:
    """Postpone mails that were not claimed; the recovery task finds them when they are due."""
    for model in {type(mail) for mail in mails}:
        pks = [mail.pk for mail in mails if isinstance(mail, model)]
        waiting = model._default_manager.filter(pk__in=pks, status=Status.PENDING)
        waiting.update(next_attempt_at=until, reason=why)
