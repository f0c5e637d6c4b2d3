"""Papers that readers open on the site, recorded with consent and in signed-in browsers only."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from papers.models import Paper
from subscriptions.models import OpenedPaper, Subscriber
from subscriptions.profiles import topic_choice

MAX_KEPT = 200  # newest papers per reader; matching uses fewer


def start_recording(pk: int, now: datetime) -> None:
    """Start recording the papers this reader opens. Repeating it keeps the first start time."""
    disabled = Subscriber.objects.filter(pk=pk, learns_from_opened=False)
    disabled.update(learns_from_opened=True, opened_recorded_since=now)


@transaction.atomic
def stop_and_delete(pk: int) -> None:
    """Stop recording and delete the record. Safe to repeat."""
    Subscriber.objects.filter(pk=pk).update(learns_from_opened=False, opened_recorded_since=None)
    OpenedPaper.objects.filter(subscriber=pk).delete()


@transaction.atomic
def record_opened(pk: int, paper_pk: int, now: datetime) -> bool:
    """Record that a reader opened a paper; return False without consent or after unsubscribing.

    A paper keeps the time it was first opened. Hidden papers are not recorded.
    """
    # Locked, so that nothing is recorded after the consent was withdrawn.
    enabled = Subscriber.objects.active().filter(pk=pk, learns_from_opened=True)
    reader = enabled.select_for_update(no_key=True).first()
    if reader is None:
        return False
    if Paper.objects.visible().filter(pk=paper_pk).exists():
        OpenedPaper.objects.get_or_create(
            subscriber=reader,
            paper_id=paper_pk,
            defaults={"created_at": now, "topic": topic_choice.topic_for_paper(reader, paper_pk)},
        )
        newest = OpenedPaper.objects.filter(subscriber=pk).order_by("-created_at", "-pk")
        OpenedPaper.objects.filter(
            pk__in=list(newest.values_list("pk", flat=True)[MAX_KEPT:])
        ).delete()
    return True
