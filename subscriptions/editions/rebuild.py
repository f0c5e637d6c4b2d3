"""Rebuild unsent digests before they go out, so that they contain the last changes at the desk."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import date, datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from subscriptions.editions import digests
from subscriptions.models import CLOCK_SKEW, Digest, Edition, Subscription

REBUILT_FIELDS = (
    *("status", "reason", "subject", "items", "paper_ids", "notices", "profile_key"),
    "created_at",
)


def rebuild_waiting(day: date, now: datetime) -> int:
    """Rebuild pending digests built before the last change at the desk. Return their number.

    The edition is not open yet, so no digest can be claimed meanwhile. After a crash, a second run
    continues with the remaining digests.
    """
    desk_changed_at = (
        Edition.objects.filter(day=day).values_list("desk_changed_at", flat=True).first()
    )
    total = 0
    while desk_changed_at and (count := _rebuild_chunk(day, desk_changed_at, now)):
        total += count
    return total


@transaction.atomic
def _rebuild_chunk(day: date, desk_changed_at: datetime, now: datetime) -> int:
    pending = Digest.objects.filter(
        day=day, status=Digest.Status.PENDING, attempts=0, subscription__isnull=False
    )
    is_older = Q(created_at__lte=desk_changed_at, created_at__lt=now)
    is_ahead = Q(created_at__gt=now + CLOCK_SKEW)  # built by a clock that was ahead
    outdated = pending.filter(is_older | is_ahead).select_related("subscription__subscriber")
    locked = outdated.select_for_update(of=("self",), skip_locked=True).order_by("pk")
    old = list(locked[: settings.SUBSCRIBERS_PER_TASK])
    _rebuild(day, old, now)
    return len(old)


def _rebuild(day: date, old: Sequence[Digest], now: datetime) -> None:
    """Replace the content of these digests. They are skipped first to release their papers."""
    rows = Digest.objects.filter(pk__in=[digest.pk for digest in old])
    rows.update(status=Digest.Status.SKIPPED)
    for digest, new in zip(old, digests.make_digests(day, _due_now(old, now), now), strict=True):
        for name in REBUILT_FIELDS:
            setattr(digest, name, getattr(new, name))
    Digest.objects.bulk_update(old, REBUILT_FIELDS)


def _due_now(old: Sequence[Digest], now: datetime) -> list[Subscription]:
    """Return the subscriptions as if due now. The cut-off of each digest is unchanged."""
    due = [copy(digest.subscription) for digest in old if digest.subscription]
    for subscription in due:
        subscription.next_digest_at = now
    return due
