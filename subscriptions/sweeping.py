"""What was left behind is put right: by lost workers, lost tasks, passed cut-offs, and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from subscriptions import editions
from subscriptions.models import Digest, DigestQuerySet, Edition, Subscriber

Status = Digest.Status

SWEEP = 20_000  # digests queued again by one sweep; the next comes half a minute later
LOST = "The worker was lost during the hand-over."
TOO_LATE = "Too late: not handed over before the cut-off."


def sweep(now: datetime) -> list[int]:
    """Put right what was left behind; returns the digests to hand over again."""
    editions.try_again(now)
    editions.apply_default(now)
    editions.watch(now)
    in_hand = Digest.objects.filter(status=Status.SENDING)
    lost = in_hand.filter(claimed_at__lt=now - settings.IN_DOUBT_AFTER)
    lost.update(status=Status.UNCERTAIN, reason=LOST)
    pending = Digest.objects.filter(status=Status.PENDING)
    cancelled = Edition.objects.filter(state=Edition.State.CANCELLED, closed_at=None).values("day")
    pending.filter(day__in=cancelled).update(status=Status.SKIPPED, reason=editions.CANCELLED)
    pending.filter(expires_at__lte=now).update(status=Status.FAILED, reason=TOO_LATE)
    return _queue_again(pending, now)


@transaction.atomic
def _queue_again(pending: DigestQuerySet, now: datetime) -> list[int]:
    """Those that no task is on its way for, who waited longest first; each once in a while."""
    unheard = Q(queued_at=None) | Q(queued_at__lt=F("next_attempt_at"))
    forgotten = Q(queued_at__lt=now - settings.LEFT_BEHIND_AFTER)
    late = pending.filter(unheard | forgotten, next_attempt_at__lte=now)
    late = late.exclude(day__in=Edition.objects.held(now).values("day"))
    mine = late.select_for_update(skip_locked=True).order_by("next_attempt_at")
    pks = list(mine.values_list("pk", flat=True)[:SWEEP])
    Digest.objects.filter(pk__in=pks).update(queued_at=now)
    return pks


def send_again(digests: DigestQuerySet, now: datetime) -> list[int]:
    """By hand: hand these failed or uncertain digests over once more; returns which.

    Only a reader's last digest, and not once the reader is gone: the papers of an older one may
    have come with a later one since. Readers are locked as for building, so that no digest is
    made meanwhile. Whoever does this to an `uncertain` one takes it on themselves that it may
    come twice.
    """
    wanted = digests.filter(status__in=(Status.FAILED, Status.UNCERTAIN))
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


def waiting(day: date) -> Iterator[list[int]]:
    """The pending digests of an edition, a chunk at a time."""
    return _chunks(Digest.objects.filter(day=day, status=Status.PENDING))


def failed(day: date) -> Iterator[list[int]]:
    """The failed digests of an edition, a chunk at a time."""
    return _chunks(Digest.objects.filter(day=day, status=Status.FAILED))


def _chunks(digests: DigestQuerySet) -> Iterator[list[int]]:
    size = settings.SUBSCRIBERS_PER_TASK
    walk = digests.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=size)
    while chunk := list(islice(walk, size)):
        yield chunk
