"""Recovery: lost workers, lost tasks, passed cut-offs, clocks that ran ahead, and by hand."""

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

# No retry and no warm-up waits longer: Retry-After is cut to a day, and days end at midnight.
LONGEST_WAIT = timedelta(hours=25)
SWEEP = 20_000  # digests queued again by one sweep; the next comes half a minute later
LOST = "The worker was lost during the hand-over."
TOO_LATE = "Too late: not handed over before the cut-off."


def recover_digests(now: datetime) -> list[int]:
    """Put right what was left behind; returns the digests to hand over again."""
    states.resume_after_pause(now)
    states.hold_unapproved(now)
    states.pause_after_feedback(now)
    _give_up_on_lost(Digest.objects.all(), now)
    pending = Digest.objects.filter(status=Status.PENDING)
    cancelled = Edition.objects.filter(state=Edition.State.CANCELLED, closed_at=None).values("day")
    pending.filter(day__in=cancelled).update(status=Status.SKIPPED, reason=states.CANCELLED)
    pending.filter(expires_at__lte=now).update(status=Status.FAILED, reason=TOO_LATE)
    return _queue_again(pending.exclude(day__in=Edition.objects.blocked(now).values("day")), now)


def recover_messages(now: datetime) -> list[int]:
    """The same for messages; returns those to hand over again."""
    _give_up_on_lost(Message.objects.all(), now)
    pending = Message.objects.filter(status=Message.Status.PENDING)
    late = pending.filter(expires_at__lte=now)
    late.filter(reason="").update(reason=TOO_LATE)
    late.update(status=Message.Status.EXPIRED)
    return _queue_again(pending, now)


def _give_up_on_lost(mails: QuerySet[Any], now: datetime) -> None:
    """What was claimed longer ago than a hand-over takes may have been accepted. So may what was
    claimed by a clock that ran ahead and whose worker is not heard of."""
    sending = mails.filter(status=Status.SENDING)
    ahead = sending.filter(claimed_at__gt=now + settings.UNCERTAIN_AFTER)
    # Events of the hand-over count from the claim on.
    ahead.update(status=Status.UNCERTAIN, reason=LOST, claimed_at=Least(F("created_at"), now))
    lost = sending.filter(claimed_at__lt=now - settings.UNCERTAIN_AFTER)
    lost.update(status=Status.UNCERTAIN, reason=LOST)


@transaction.atomic
def _queue_again(pending: QuerySet[Any], now: datetime) -> list[int]:
    """Those that no task is on its way for, who waited longest first; each once in a while."""
    _forget_the_future(pending, now)
    unheard = Q(queued_at=None) | Q(queued_at__lt=F("next_attempt_at"))
    forgotten = Q(queued_at__lt=now - settings.RECOVER_AFTER)
    late = pending.filter(unheard | forgotten, next_attempt_at__lte=now)
    mine = late.select_for_update(skip_locked=True).order_by("next_attempt_at")
    pks = list(mine.values_list("pk", flat=True)[:SWEEP])
    pending.model._default_manager.filter(pk__in=pks).update(queued_at=now)
    return pks


def _forget_the_future(pending: QuerySet[Any], now: datetime) -> None:
    """Stamps later than any clock may be come from one that ran ahead: what bears them is due."""
    ahead = Q(queued_at__gt=now + CLOCK_SKEW) | Q(claimed_at__gt=now + CLOCK_SKEW)
    ahead |= Q(next_attempt_at__gt=now + LONGEST_WAIT)
    pending.filter(ahead).update(
        queued_at=None,
        next_attempt_at=Least(F("next_attempt_at"), now),
        claimed_at=Case(When(claimed_at__gt=now, then=now), default=F("claimed_at")),
    )


def send_again(digests: DigestQuerySet, now: datetime) -> list[int]:
    """By hand: hand these failed or uncertain digests over once more; returns which.

    Only a reader's last digest, and not once the reader is gone: the papers of an older one may
    have come with a later one since. Readers are locked as for building, so that no digest is
    made meanwhile. Whoever does this to an `uncertain` one takes it on themselves that it may
    come twice.
    """
    wanted = digests.filter(status__in=(Status.FAILED, Status.UNCERTAIN)).exclude(paper_ids=[])
    with transaction.atomic():
        readers = Subscriber.objects.active().filter(digests__in=wanted)
        locked = list(readers.order_by("pk").select_for_update(of=("self",)))
        later = Digest.objects.filter(subscriber=OuterRef("subscriber"), day__gt=OuterRef("day"))
        last = wanted.filter(~Exists(later), subscriber__in=locked)
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
    """The pending digests of an edition, a chunk at a time."""
    return _chunks(Digest.objects.filter(day=day, status=Status.PENDING))


def failed_chunks(day: date) -> Iterator[list[int]]:
    """The failed digests of an edition, a chunk at a time."""
    return _chunks(Digest.objects.filter(day=day, status=Status.FAILED))


def _chunks(digests: DigestQuerySet) -> Iterator[list[int]]:
    size = settings.SUBSCRIBERS_PER_TASK
    walk = digests.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=size)
    while chunk := list(islice(walk, size)):
        yield chunk
