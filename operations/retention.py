"""Data retention: delete or thin out old observations, digests, messages, documents and sessions.

Rows are deleted in batches by primary key, each in its own transaction, so locks are short and a
stopped task loses nothing. Events, checks and unconfirmed sign-ups are deleted by their modules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import TruncDate

from papers.models import Document, Observation, SourceCheck
from subscriptions.library.changes import UNDO_FOR
from subscriptions.models import (
    DeliveryEvent,
    Digest,
    Edition,
    LibraryRemoval,
    Message,
    SignIn,
)

BATCH_SIZE = 5000
LOCK_TIMEOUT = 2  # seconds; a batch that waits longer is left for the next night


def delete_old_rows(now: datetime, should_stop: Callable[[], bool] = lambda: False) -> Counter[str]:
    """Delete old rows until none are left or `should_stop()`. Return the counts by kind."""
    deleted: Counter[str] = Counter()
    for name, rows, delete in (
        ("observations", old_observations(now), _delete),
        ("digests", old_digests(now), _delete_digests),
        ("messages", old_messages(now), _delete_messages),
        ("documents", old_documents(now), _delete),
        ("sessions", Session.objects.filter(expire_date__lt=now), _delete),
        ("removals from libraries", old_removals(now), _delete),
        ("sign-ins", SignIn.objects.filter(expires_at__lt=now), _delete),
    ):
        while not should_stop() and (count := _delete_batch(rows, delete)):
            deleted[name] += count
    return deleted


def old_observations(now: datetime) -> QuerySet[Observation]:
    """Return observations to delete.

    After OBSERVATIONS_DENSE, the last one per day is kept. After OBSERVATIONS_KEPT, the last one
    per paper and kind is kept.
    """
    same = Observation.objects.filter(paper=OuterRef("paper"), kind=OuterRef("kind"))
    later = same.filter(observed_at__gt=OuterRef("observed_at"))
    later_that_day = later.annotate(day=TruncDate("observed_at")).filter(day=OuterRef("day"))
    old = Observation.objects.annotate(day=TruncDate("observed_at"))
    old = old.filter(observed_at__lt=now - settings.OBSERVATIONS_DENSE)
    return old.filter(Exists(later_that_day)) | old.filter(
        Exists(later), observed_at__lt=now - settings.OBSERVATIONS_KEPT
    )


def old_digests(now: datetime) -> QuerySet[Digest]:
    """Return old digests of editions with closed totals, which keep the counts."""
    first_kept = (now - settings.DIGESTS_KEPT).date()
    closed = Edition.objects.filter(closed_at__isnull=False, day__lt=first_kept).values("day")
    return Digest.objects.filter(day__in=closed)


def old_messages(now: datetime) -> QuerySet[Message]:
    return Message.objects.filter(created_at__lt=now - settings.MESSAGES_KEPT)


def old_removals(now: datetime) -> QuerySet[LibraryRemoval]:
    """Return removals of kept papers that can no longer be undone."""
    return LibraryRemoval.objects.filter(removed_at__lt=now - UNDO_FOR)


def old_documents(now: datetime) -> QuerySet[Document]:
    """Return old documents that no check refers to and that are not their source's last."""
    old = Document.objects.filter(first_seen_at__lt=now - settings.DOCUMENTS_KEPT)
    later = Document.objects.filter(
        source=OuterRef("source"), first_seen_at__gt=OuterRef("first_seen_at")
    )
    return old.filter(~Exists(SourceCheck.objects.filter(document=OuterRef("pk"))), Exists(later))


Delete = Callable[[QuerySet, list], int]


def _delete_batch(rows: QuerySet, delete: Delete) -> int:
    keys = list(rows.order_by().values_list("pk", flat=True)[:BATCH_SIZE])
    if not keys:
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'")
        return delete(rows.model._default_manager.filter(pk__in=keys), keys)


def _delete(rows: QuerySet, _keys: list) -> int:
    return rows.delete()[0]


def _delete_messages(rows: QuerySet, keys: list) -> int:
    """Delete messages. Their events are kept for their own period."""
    DeliveryEvent.objects.filter(message__in=keys).update(message=None)
    return rows._raw_delete(rows.db)


def _delete_digests(rows: QuerySet, keys: list) -> int:
    """Delete digests. Their events are kept for their own period.

    Bypasses the post_delete signal: the totals of these editions are already closed.
    """
    DeliveryEvent.objects.filter(digest__in=keys).update(digest=None)
    return rows._raw_delete(rows.db)
