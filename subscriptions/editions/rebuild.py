"""Digests that wait for a curator are made anew before they go out, as the desk stands by then."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import date, datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from subscriptions.editions import digests
from subscriptions.models import CLOCK_SKEW, Digest, Edition, Subscriber

MADE = (
    *("status", "reason", "subject", "items", "paper_ids", "notices", "profile_key"),
    "created_at",
)


def rebuild_waiting(day: date, now: datetime) -> int:
    """Make anew what waits and was made before the desk last changed; returns how many.

    Nothing of it may be claimed meanwhile: the edition is not open yet. Run again after a crash,
    it goes on where it stopped.
    """
    desk_changed_at = (
        Edition.objects.filter(day=day).values_list("desk_changed_at", flat=True).first()
    )
    made = 0
    while desk_changed_at and (count := _chunk(day, desk_changed_at, now)):
        made += count
    return made


@transaction.atomic
def _chunk(day: date, desk_changed_at: datetime, now: datetime) -> int:
    waiting = Digest.objects.filter(day=day, status=Digest.Status.PENDING, attempts=0)
    before = Q(created_at__lte=desk_changed_at, created_at__lt=now)
    older = waiting.filter(before | Q(created_at__gt=now + CLOCK_SKEW))  # a clock ran ahead
    mine = older.select_related("subscriber").select_for_update(of=("self",), skip_locked=True)
    old = list(mine.order_by("pk")[: settings.SUBSCRIBERS_PER_TASK])
    _anew(day, old, now)
    return len(old)


def _anew(day: date, old: Sequence[Digest], now: datetime) -> None:
    """What these hold does not count as on its way while they are chosen for once more."""
    rows = Digest.objects.filter(pk__in=[digest.pk for digest in old])
    rows.update(status=Digest.Status.SKIPPED)
    for digest, new in zip(old, digests.make_digests(day, _due(old, now), now), strict=True):
        for name in MADE:
            setattr(digest, name, getattr(new, name))
    Digest.objects.bulk_update(old, MADE)


def _due(old: Sequence[Digest], now: datetime) -> list[Subscriber]:
    """Their readers as if due now; when each digest is too late stays as it was."""
    readers = [copy(digest.subscriber) for digest in old]
    for reader in readers:
        reader.next_digest_at = now
    return readers
