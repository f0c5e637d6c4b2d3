"""Handing digests over: claim, send, record; one message in flight per connection.

What was surely not accepted is tried again; what may have been accepted is `uncertain` and never
sent again by itself.
"""

from __future__ import annotations

import logging
import os
import random
import smtplib
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from anymail.exceptions import AnymailRequestsAPIError
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from subscriptions import digests, emails
from subscriptions.models import Digest, Subscriber

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 6
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)
IN_DOUBT_AFTER = timedelta(minutes=10)  # no hand-over takes as long: whoever claimed it is gone
LEFT_BEHIND_AFTER = timedelta(minutes=3)  # its task was lost, or would have come by now
SWEEP = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a hand-over: a status of `Digest`, and why."""

    status: str
    why: str = ""


def outcome_of(error: BaseException) -> Outcome:
    """What an error of the hand-over means: was the message surely not accepted?"""
    why = f"{type(error).__name__}: {error}"[:500]
    if isinstance(error, AnymailRequestsAPIError):
        return _by_code(error.status_code, 429, 400, why)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
        return _by_code(code, range(400, 500), 500, why)
    if isinstance(error, smtplib.SMTPResponseException):
        return _by_code(error.smtp_code, range(400, 500), 500, why)
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        return Outcome(Digest.Status.PENDING, why)
    if isinstance(error, OSError | smtplib.SMTPException):
        return Outcome(Digest.Status.UNCERTAIN, why)
    return Outcome(Digest.Status.FAILED, why)


def _by_code(code: int | None, again: int | range, refused_from: int, why: str) -> Outcome:
    """A provider's answer: try again, refused for good, or (any other) in doubt."""
    retry = code == again if isinstance(again, int) else code in again
    if retry:
        return Outcome(Digest.Status.PENDING, why)
    if code is not None and refused_from <= code < refused_from + 100:
        return Outcome(Digest.Status.FAILED, why)
    return Outcome(Digest.Status.UNCERTAIN, why)


def delay(attempts: int) -> timedelta:
    """Exponential, with jitter so that a chunk does not come back as one wave."""
    longest = min(FIRST_DELAY * 2 ** min(max(attempts - 1, 0), MOST_ATTEMPTS), LONGEST_DELAY)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it


def deliver(pks: Iterable[int], clock: Callable[[], datetime]) -> dict[str, int]:
    """Hand these digests over, one after the other; returns how many came to which state."""
    worker = f"{socket.gethostname()}:{os.getpid()}"
    tally: dict[str, int] = {}
    connection = get_connection()
    try:
        for pk in pks:
            if not Digest.objects.claim(pk, worker, clock()):
                continue
            status = hand_over(Digest.objects.select_related("subscriber").get(pk=pk), connection)
            record(pk, status, clock())
            tally[status.status] = tally.get(status.status, 0) + 1
    finally:
        connection.close()
    return tally


def hand_over(digest: Digest, connection: BaseEmailBackend) -> Outcome:
    """Render and send one message. A broken paper or address fails alone."""
    try:
        message = emails.digest(digest, digests.context(digest))
    except Exception as error:  # whatever a template or a header objects to, the rest goes on
        log.exception("digest %s cannot be rendered", digest.pk)
        return Outcome(Digest.Status.FAILED, f"{type(error).__name__}: {error}"[:500])
    try:
        connection.open()
        connection.send_messages([message])
    except Exception as error:  # each backend has exceptions of its own; `outcome_of` sorts them
        connection.close()
        return outcome_of(error)
    return Outcome(Digest.Status.SENT)


@transaction.atomic
def record(pk: int, outcome: Outcome, now: datetime) -> None:
    """Write down what became of a claimed digest, before the next one is claimed."""
    digest = Digest.objects.select_for_update().get(pk=pk)
    if digest.status != Digest.Status.SENDING:
        return
    digest.status, digest.reason = outcome.status, outcome.why
    if outcome.status == Digest.Status.SENT:
        digest.sent_at = now
        Subscriber.objects.filter(pk=digest.subscriber_id).update(covered_until=digest.created_at)
    if outcome.status == Digest.Status.PENDING:
        _retry_or_fail(digest, now)
    digest.save(update_fields=["status", "reason", "sent_at", "next_attempt_at"])


def _retry_or_fail(digest: Digest, now: datetime) -> None:
    digest.next_attempt_at = now + delay(digest.attempts)
    if digest.attempts >= MOST_ATTEMPTS or digest.next_attempt_at >= digest.expires_at:
        digest.status = Digest.Status.FAILED


def sweep(now: datetime) -> list[int]:
    """Put right what was left behind; returns the digests to hand over again."""
    in_hand = Digest.objects.filter(status=Digest.Status.SENDING)
    in_hand.filter(claimed_at__lt=now - IN_DOUBT_AFTER).update(
        status=Digest.Status.UNCERTAIN, reason="The worker was lost during the hand-over."
    )
    pending = Digest.objects.filter(status=Digest.Status.PENDING)
    pending.filter(expires_at__lte=now).update(
        status=Digest.Status.FAILED, reason="Too late: not handed over before the cut-off."
    )
    pending.exclude(subscriber__status=Subscriber.Status.ACTIVE).update(
        status=Digest.Status.SUPPRESSED, reason="The reader is no longer active."
    )
    late = pending.filter(next_attempt_at__lt=now - LEFT_BEHIND_AFTER) | pending.filter(
        attempts__gt=0, next_attempt_at__lte=now
    )
    return list(late.order_by("next_attempt_at").values_list("pk", flat=True)[:SWEEP])
