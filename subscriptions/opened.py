"""Papers that readers open on the site: noted only for who allowed it, and only in the browsers in
which they did."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from papers.models import Paper
from subscriptions.models import Interests, Opened, Subscriber

KEPT = 200  # of a reader, the newest; matching looks at fewer


def allow(pk: int, now: datetime) -> None:
    """Note from now on what this reader opens. Twice changes nothing: the first time is kept."""
    forbidding = Interests.objects.filter(pk=pk, learns_from_opened=False)
    forbidding.update(learns_from_opened=True, opened_allowed_at=now)


@transaction.atomic
def forget(pk: int) -> None:
    """Note nothing any more, and forget what was noted. Twice changes nothing."""
    Interests.objects.filter(pk=pk).update(learns_from_opened=False, opened_allowed_at=None)
    Opened.objects.filter(subscriber=pk).delete()


@transaction.atomic
def note(pk: int, paper_pk: int, now: datetime) -> bool:
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
        Opened.objects.get_or_create(
            subscriber_id=pk, paper_id=paper_pk, defaults={"created_at": now}
        )
        newest = Opened.objects.filter(subscriber=pk).order_by("-created_at", "-pk")
        Opened.objects.filter(pk__in=list(newest.values_list("pk", flat=True)[KEPT:])).delete()
    return True
