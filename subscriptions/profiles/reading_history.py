"""Papers that readers open on the site: noted only for who allowed it, and only in the browsers in
which they did."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from papers.models import Paper
from subscriptions.models import Interests, OpenedPaper, Subscriber

KEPT = 200  # of a reader, the newest; matching looks at fewer


def start_recording(pk: int, now: datetime) -> None:
    """Note from now on what this reader opens. Twice changes nothing: the first time is kept."""
    forbidding = Interests.objects.filter(pk=pk, learns_from_opened=False)
    forbidding.update(learns_from_opened=True, opened_recorded_since=now)


@transaction.atomic
def stop_and_delete(pk: int) -> None:
    """Note nothing any more, and forget what was noted. Twice changes nothing."""
    Interests.objects.filter(pk=pk).update(learns_from_opened=False, opened_recorded_since=None)
    OpenedPaper.objects.filter(subscriber=pk).delete()


@transaction.atomic
def record_opened(pk: int, paper_pk: int, now: datetime) -> bool:
    """Note that a reader opened a paper; False where they do not allow it, or have left.

    A paper opened before keeps its first moment; one that we do not show is not noted.
    """
    # Locked, so that nothing is noted after it was forbidden.
    allowing = Interests.objects.select_for_update(of=("self",)).filter(
        pk=pk, learns_from_opened=True, subscriber__status=Subscriber.Status.ACTIVE
    )
    if not allowing.first():
        return False
    if Paper.objects.visible().filter(pk=paper_pk).exists():
        OpenedPaper.objects.get_or_create(
            subscriber_id=pk, paper_id=paper_pk, defaults={"created_at": now}
        )
        newest = OpenedPaper.objects.filter(subscriber=pk).order_by("-created_at", "-pk")
        OpenedPaper.objects.filter(pk__in=list(newest.values_list("pk", flat=True)[KEPT:])).delete()
    return True
