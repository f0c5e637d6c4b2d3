"""Handing digests over: claim, send, record; one message in flight per connection.

What was surely not accepted is tried again; what may have been accepted is `uncertain` and never
sent again by itself.
"""

from __future__ import annotations

import logging
import os
import random
import socket
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import transaction

from subscriptions import digests, editions, emails
from subscriptions.models import Digest, Edition, Subscriber
from subscriptions.outcomes import LONGEST_WHY, Kind, Outcome
from subscriptions.transports import Transport, open_transport

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 6
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)
IN_DOUBT_AFTER = timedelta(minutes=10)  # no hand-over takes as long: whoever claimed it is gone
LEFT_BEHIND_AFTER = timedelta(minutes=3)  # its task was lost, or would have come by now
SWEEP = 1000
STATUS = {
    Kind.SENT: Digest.Status.SENT,
    Kind.RETRY: Digest.Status.PENDING,
    Kind.THROTTLED: Digest.Status.PENDING,
    Kind.BROKEN: Digest.Status.PENDING,
    Kind.REFUSED: Digest.Status.FAILED,
    Kind.UNCERTAIN: Digest.Status.UNCERTAIN,
}


def delay(attempts: int) -> timedelta:
    """Exponential, with jitter so that a chunk does not come back as one wave."""
    longest = min(FIRST_DELAY * 2 ** min(max(attempts - 1, 0), MOST_ATTEMPTS), LONGEST_DELAY)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it


def deliver(pks: Iterable[int], clock: Callable[[], datetime]) -> dict[str, int]:
    """Hand these digests over, one after the other; returns how many came to which state."""
    worker = f"{socket.gethostname()}:{os.getpid()}"
    tally: dict[str, int] = {}
    transport = open_transport()
    try:
        for pk in pks:
            if not Digest.objects.claim(pk, worker, clock()):
                continue
            digest = Digest.objects.select_related("subscriber").get(pk=pk)
            status = record(pk, hand_over(digest, transport), clock())
            tally[status] = tally.get(status, 0) + 1
    finally:
        transport.close()
    return tally


def hand_over(digest: Digest, transport: Transport) -> Outcome:
    """Render and send one message. A broken paper or address fails alone."""
    try:
        outgoing = emails.outgoing(digest, digests.context(digest))
    except Exception as error:  # whatever a template or a header objects to, the rest goes on
        log.exception("digest %s cannot be rendered", digest.pk)
        return Outcome(Kind.REFUSED, f"{type(error).__name__}: {error}"[:LONGEST_WHY])
    return transport.send(outgoing)


@transaction.atomic
def record(pk: int, outcome: Outcome, now: datetime) -> str:
    """Write down what became of a claimed digest, before the next one is claimed.

    Returns the digest's status.
    """
    digest = Digest.objects.select_for_update().get(pk=pk)
    if digest.status != Digest.Status.SENDING:
        return digest.status
    digest.status, digest.reason = STATUS[outcome.kind], outcome.why
    if outcome.kind is Kind.SENT:
        digest.sent_at = now
        Subscriber.objects.filter(pk=digest.subscriber_id).update(covered_until=digest.created_at)
    if digest.status == Digest.Status.PENDING:
        _retry_or_fail(digest, outcome, now)
    digest.save(update_fields=["status", "reason", "sent_at", "attempts", "next_attempt_at"])
    return digest.status


def _retry_or_fail(digest: Digest, outcome: Outcome, now: datetime) -> None:
    digest.next_attempt_at = now + max(delay(digest.attempts), outcome.retry_after or timedelta())
    if outcome.kind is not Kind.RETRY:  # slowing down is no attempt
        digest.attempts -= 1
    if digest.attempts >= MOST_ATTEMPTS or digest.next_attempt_at >= digest.expires_at:
        digest.status = Digest.Status.FAILED


def sweep(now: datetime) -> list[int]:
    """Put right what was left behind; returns the digests to hand over again."""
    editions.try_again(now)
    in_hand = Digest.objects.filter(status=Digest.Status.SENDING)
    in_hand.filter(claimed_at__lt=now - IN_DOUBT_AFTER).update(
        status=Digest.Status.UNCERTAIN, reason="The worker was lost during the hand-over."
    )
    pending = Digest.objects.filter(status=Digest.Status.PENDING)
    cancelled = Edition.objects.filter(state=Edition.State.CANCELLED)
    pending.filter(day__in=cancelled.values("day")).update(
        status=Digest.Status.SKIPPED, reason="The edition was cancelled."
    )
    pending.filter(expires_at__lte=now).update(
        status=Digest.Status.FAILED, reason="Too late: not handed over before the cut-off."
    )
    pending.exclude(subscriber__status=Subscriber.Status.ACTIVE).update(
        status=Digest.Status.SUPPRESSED, reason="The reader is no longer active."
    )
    late = pending.filter(next_attempt_at__lt=now - LEFT_BEHIND_AFTER) | pending.filter(
        attempts__gt=0, next_attempt_at__lte=now
    )
    late = late.exclude(day__in=Edition.objects.held(now).values("day"))
    return list(late.order_by("next_attempt_at").values_list("pk", flat=True)[:SWEEP])
