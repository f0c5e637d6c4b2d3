"""What PostgreSQL is told of each hand-over: claimed before it, settled after it.

Settling the last digest and claiming the next are one statement, and so one round trip and one
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

from subscriptions import faults
from subscriptions.models import Digest
from subscriptions.outcomes import Kind, Outcome

log = logging.getLogger(__name__)

Status = Digest.Status
MOST_ATTEMPTS = 6
LONGEST_DELAY = timedelta(hours=1)
DATABASE_AWAY_FOR = 45.0  # seconds that a result is held in memory; less than a worker's grace
STATUS = {
    Kind.SENT: Status.SENT,
    Kind.RETRY: Status.PENDING,
    Kind.THROTTLED: Status.PENDING,
    Kind.BROKEN: Status.PENDING,
    Kind.REFUSED: Status.FAILED,
    Kind.UNCERTAIN: Status.UNCERTAIN,
}

# `by` names one run of one connection: a statement repeated after the connection to PostgreSQL
# broke finds its own claim again, and a result that comes late settles what was `uncertain`.
# The reader's row is locked, so that whoever unsubscribes either comes first or waits.
TURN = """
WITH settled AS (
    UPDATE subscriptions_digest SET status = %(status)s, reason = %(reason)s,
        outcome = %(outcome)s, provider_id = %(provider_id)s, sent_at = %(sent_at)s,
        attempts = attempts - %(uncounted)s, next_attempt_at = %(next_attempt_at)s
    WHERE id = %(last)s AND claimed_by = %(by)s AND status IN ('sending', 'uncertain')
    RETURNING subscriber_id, created_at, status
), covered AS (
    UPDATE subscriptions_subscriber AS reader
    SET covered_until = GREATEST(reader.covered_until, settled.created_at)
    FROM settled WHERE reader.id = settled.subscriber_id AND settled.status = 'sent'
), held AS (
    SELECT edition.day FROM subscriptions_edition AS edition
    WHERE edition.day = %(day)s AND edition.state <> 'open'
        AND NOT (edition.state = 'paused' AND COALESCE(edition.paused_until <= %(now)s, false))
), ready AS (
    SELECT digest.id FROM subscriptions_digest AS digest
    JOIN subscriptions_subscriber AS reader ON reader.id = digest.subscriber_id
    WHERE digest.id = %(next)s AND digest.expires_at > %(now)s AND reader.status = 'active'
        AND ((digest.status = 'pending' AND digest.next_attempt_at <= %(now)s)
            OR (digest.status = 'sending' AND digest.claimed_by = %(by)s))
        AND NOT EXISTS (SELECT FROM held)
    FOR NO KEY UPDATE OF digest FOR SHARE OF reader
), claimed AS (
    UPDATE subscriptions_digest AS digest SET status = 'sending', claimed_at = %(now)s,
        claimed_by = %(by)s, attempts = attempts + 1
    FROM ready WHERE digest.id = ready.id
    RETURNING digest.attempts
)
SELECT (SELECT attempts FROM claimed), EXISTS (SELECT FROM held)
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of asking for a digest: ours or not; `held`: its whole edition is."""

    ours: bool
    attempts: int = 0
    held: bool = False


class Hand:
    """One connection's hand: at most one digest, claimed and not yet settled."""

    def __init__(self, by: str, clock: Callable[[], datetime]) -> None:
        self.by, self.clock = by, clock
        self.holds: Digest | None = None
        self.outcome: Outcome | None = None

    def take(self, digest: Digest) -> Claim:
        """Settle what is in hand, then claim this one. Its `attempts` are brought up to date."""
        claim = self._turn(digest)
        if claim.ours:
            digest.attempts = claim.attempts
            self.holds = digest
        return claim

    def put_down(self) -> None:
        """Settle what is in hand, if anything is."""
        if self.holds and self.outcome:
            self._turn(None)

    def _turn(self, following: Digest | None) -> Claim:
        now = self.clock()
        values: dict[str, Any] = {
            **settlement(self.holds, self.outcome, now),
            "next": following.pk if following else None,
            "day": following.day if following else None,
            "by": self.by,
            "now": now,
        }
        faults.point("before commit")
        self.holds = self.outcome = None  # where this raises, the sweep finds what was claimed
        attempts, held = _execute(values)
        faults.point("after commit")
        return Claim(attempts is not None, attempts or 0, held)


def settlement(digest: Digest | None, outcome: Outcome | None, now: datetime) -> dict[str, Any]:
    """The columns that say what became of a digest."""
    if digest is None or outcome is None:
        names = ("last", "status", "reason", "outcome", "provider_id", "sent_at")
        return dict.fromkeys((*names, "uncounted", "next_attempt_at"))
    again = now + max(delay(digest.attempts), outcome.retry_after or timedelta())
    return {
        "last": digest.pk,
        "status": status_after(digest, outcome, again),
        "reason": outcome.why,
        "outcome": outcome.kind,
        "provider_id": outcome.provider_id[:200],
        "sent_at": now if outcome.kind is Kind.SENT else None,
        "uncounted": int(outcome.kind in (Kind.THROTTLED, Kind.BROKEN)),
        "next_attempt_at": again if outcome.kind is not Kind.BROKEN else now,
    }


def status_after(digest: Digest, outcome: Outcome, again: datetime) -> str:
    """`again` is when it would be tried next. Slowing down is no attempt and never a failure."""
    exhausted = digest.attempts >= MOST_ATTEMPTS or again >= digest.expires_at
    if outcome.kind is Kind.RETRY and exhausted:
        return Status.FAILED
    return STATUS[outcome.kind]


def delay(attempts: int) -> timedelta:
    """Exponential, with jitter so that a chunk does not come back as one wave."""
    first = settings.FIRST_RETRY
    longest = min(first * 2 ** min(max(attempts - 1, 0), MOST_ATTEMPTS), LONGEST_DELAY)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it


def _execute(values: dict[str, Any]) -> tuple[int | None, bool]:
    """Run the statement; while PostgreSQL is away, again and again: the result is only here."""
    give_up = time.monotonic() + DATABASE_AWAY_FOR
    while True:
        try:
            return _execute_once(values)
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() > give_up:
                raise
            log.warning("PostgreSQL is away (%s); a result waits", type(error).__name__)
            connection.close()
            time.sleep(0.2)


def _execute_once(values: dict[str, Any]) -> tuple[int | None, bool]:
    """As a prepared statement, for planning took four times as long as the work; through a pooler
    that cannot have them (see the settings) it is none."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        row = cursor.execute(TURN, values, prepare=True).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return row[0], row[1]


def postpone(pks: Sequence[int], until: datetime, why: str) -> None:
    """Set digests aside that were not claimed; the sweep finds them when it is time."""
    waiting = Digest.objects.filter(pk__in=pks, status=Status.PENDING)
    waiting.update(next_attempt_at=until, reason=why)
