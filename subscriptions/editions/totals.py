"""Closing the totals of editions that are over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings

from subscriptions.models import Digest, Edition

Status = Digest.Status

DAY_IS_OVER = timedelta(hours=36)  # after midnight UTC: the local day has ended in all time zones


def close_finished(now: datetime) -> list[Edition]:
    """Close the totals of editions that are over. Return those that do not add up."""
    last = (now - DAY_IS_OVER - settings.DIGEST_CUTOFF - timedelta(hours=1)).date()
    over = Edition.objects.filter(closed_at=None, day__lt=last)
    return [edition for edition in over if not _close(edition, now)]


def _close(edition: Edition, now: datetime) -> bool:
    edition.totals = Digest.objects.filter(day=edition.day).totals()
    edition.totals_error = find_discrepancy(edition, edition.totals)
    edition.closed_at = now
    if edition.totals_error:
        edition.notified_at = None
    edition.save(update_fields=["totals", "totals_error", "closed_at", "notified_at"])
    return not edition.totals_error


def find_discrepancy(edition: Edition, totals: Mapping[str, int]) -> str:
    """Return why the totals of a finished edition do not add up, or an empty string."""
    recorded = sum(totals.values()) + edition.erased
    unsent = totals[Status.PENDING] + totals[Status.SENDING]
    sentences = []
    if recorded != edition.due:
        sentences.append(f"{edition.due} digests were due and {recorded} are on record.")
    if unsent:
        sentences.append(f"{unsent} are still unsent after the cut-off.")
    return " ".join(sentences)
