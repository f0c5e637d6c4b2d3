"""Recovery from lost workers, lost tasks, missed cut-offs and wrong clocks; resending by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.db.models.functions import Least

from subscriptions.editions import states
from subscriptions.models import (
    CLOCK_SKEW,
    Digest,
    DigestQuerySet,
    Edition,
    Message,
    Subscriber,
)

Status = Digest.Status

# Retries and warm-up never wait longer: Retry-After is limited to a day, warm-up ends at midnight.
MAX_WAIT = timedelta(hours=25)
MAX_REQUEUED = 20_000  # per run; the next run follows half a minute later
LOST = "The worker was lost while sending."
TOO_LATE = "Too late: not sent before the cut-off."


def recover_digests(now: datetime) -> list[int]:
    """Settle lost, late and cancelled digests. Return the digests to queue again."""
    states.resume_after_pause(now)
    states.hold_unapproved(now)
    states.pause_after_feedback(now)
    _settle_lost(Digest.objects.all(), now)
    pending = Digest.objects.filter(status=Status.PENDING)
    cancelled = Edition.objects.filter(state=Edition.State.CANCELLED, closed_at=None).values("day")
    pending.filter(day__in=cancelled).update(status=Status.SKIPPED, reason=states.CANCELLED)
    pending.filter(expires_at__lte=now).update(status=Status.FAILED, reason=TOO_LATE)
    return _queue_again(pending.exclude(day__in=Edition.objects.blocked(now).values("day")), now)


def recover_messages(now: datetime) -> list[int]:
    """Settle lost and late messages. Return the messages to queue again."""
    _settle_lost(Message.objects.all(), now)
    pending = Message.objects.filter(status=Message.Status.PENDING)
    late = pending.filter(expires_at__lte=now)
    late.filter(reason="").update(reason=TOO_LATE)
    late.update(status=Message.Status.EXPIRED)
    return _queue_again(pending, now)


def _settle_lost(mails: QuerySet[Any], now: datetime) -> None:
    """Mark mail as uncertain if its claim is older than sending can take.

    It may have been accepted. The same applies to claims by a clock that was ahead.
    """
    sending = mails.filter(status=Status.SENDING)
    ahead = sending.filter(claimed_at__gt=now + settings.UNCERTAIN_AFTER)
    # Delivery events count from the time of the claim.
    ahead.update(status=Status.UNCERTAIN, reason=LOST, claimed_at=Least(F("created_at"), now))
    lost = sending.filter(claimed_at__lt=now - settings.UNCERTAIN_AFTER)
    lost.update(status=Status.UNCERTAIN, reason=LOST)


@transaction.atomic
def _queue_again(pending: QuerySet[Any], now: datetime) -> list[int]:
    """Return due mail without a queued task, longest waiting first, and mark it as queued."""
    _reset_future_times(pending, now)
    not_queued = Q(queued_at=None) | Q(queued_at__lt=F("next_attempt_at"))
    task_lost = Q(queued_at__lt=now - settings.RECOVER_AFTER)
    due = pending.filter(not_queued | task_lost, next_attempt_at__lte=now)
    locked = due.select_for_update(skip_locked=True).order_by("next_attempt_at")
    pks = list(locked.values_list("pk", flat=True)[:MAX_REQUEUED])
    pending.model._default_manager.filter(pk__in=pks).update(queued_at=now)
    return pks


def _reset_future_times(pending: QuerySet[Any], now: datetime) -> None:
    """Make mail due whose times were set by a clock that was ahead."""
    ahead = Q(queued_at__gt=now + CLOCK_SKEW) | Q(claimed_at__gt=now + CLOCK_SKEW)
    ahead |= Q(next_attempt_at__gt=now + MAX_WAIT)
    pending.filter(ahead).update(
        queued_at=None,
        next_attempt_at=Least(F("next_attempt_at"), now),
        claimed_at=Case(When(claimed_at__gt=now, then=now), default=F("claimed_at")),
    )


def send_again(digests: DigestQuerySet, now: datetime) -> list[int]:
    """Resend these failed or uncertain digests by hand. Return the ones that were queued.

    Only the last digest of an active reader is resent: papers of older ones may have been in a
    later one. Readers are locked as when building, so no digest is built meanwhile. An uncertain
    digest may arrive twice.
    """
    unsent = digests.filter(status__in=(Status.FAILED, Status.UNCERTAIN)).exclude(items=[])
    with transaction.atomic():
        readers = Subscriber.objects.active().filter(digests__in=unsent)
        locked = list(readers.order_by("pk").select_for_update(of=("self",)))
        later = Digest.objects.filter(subscriber=OuterRef("subscriber"), day__gt=OuterRef("day"))
        last = unsent.filter(~Exists(later), subscriber__in=locked)
        pks = list(last.values_list("pk", flat=True))
        Digest.objects.filter(pk__in=pks, status__in=(Status.FAILED, Status.UNCERTAIN)).update(
            status=Status.PENDING,
            attempts=0,
            next_attempt_at=now,
            queued_at=now,
            expires_at=now + settings.DIGEST_CUTOFF,
            settled_at=None,
        )
    return pks


def pending_chunks(day: date) -> Iterator[list[int]]:
    """Yield chunks of the pending digests of an edition."""
    return _chunks(Digest.objects.filter(day=day, status=Status.PENDING))


def failed_chunks(day: date) -> Iterator[list[int]]:
    """Yield chunks of the failed digests of an edition."""
    return _chunks(Digest.objects.filter(day=day, status=Status.FAILED))


def _chunks(digests: DigestQuerySet) -> Iterator[list[int]]:
    size = settings.SUBSCRIBERS_PER_TASK
    pks = digests.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=size)
    while chunk := list(islice(pks, size)):
        yield chunk
