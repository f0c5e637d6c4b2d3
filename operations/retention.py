"""What is no longer kept, and what is kept thinner: old observations, digests, documents, sessions.

Rows go in batches, each a transaction of its own over keys already found, so that nothing waits
long for a lock and a task that is stopped has lost nothing. (Events, checks and sign-ups that
nobody confirmed are forgotten by the modules they belong to.)
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
from subscriptions.models import DeliveryEvent, Digest, Edition, Message, SignIn

BATCH = 5000
LOCK_SECONDS = 2  # a batch that waits longer is given up; the next night finds its rows again


def delete_old_rows(now: datetime, stopping: Callable[[], bool] = lambda: False) -> Counter[str]:
    """Delete what is due to go, until nothing is left or we are told to stop; counts by kind."""
    gone: Counter[str] = Counter()
    for name, old, delete in (
        ("observations", observations(now), _plainly),
        ("digests", digests(now), _digests),
        ("messages", messages(now), _messages),
        ("documents", documents(now), _plainly),
        ("sessions", Session.objects.filter(expire_date__lt=now), _plainly),
        ("sign-ins", SignIn.objects.filter(expires_at__lt=now), _plainly),
    ):
        while not stopping() and (count := _batch(old, delete)):
            gone[name] += count
    return gone


def observations(now: datetime) -> QuerySet[Observation]:
    """Those that a later one of the same day makes superfluous, after OBSERVATIONS_DENSE; after
    OBSERVATIONS_KEPT, all but a paper's last of each kind."""
    same = Observation.objects.filter(paper=OuterRef("paper"), kind=OuterRef("kind"))
    later = same.filter(observed_at__gt=OuterRef("observed_at"))
    later_that_day = later.annotate(day=TruncDate("observed_at")).filter(day=OuterRef("day"))
    dense = Observation.objects.annotate(day=TruncDate("observed_at"))
    dense = dense.filter(observed_at__lt=now - settings.OBSERVATIONS_DENSE)
    return dense.filter(Exists(later_that_day)) | dense.filter(
        Exists(later), observed_at__lt=now - settings.OBSERVATIONS_KEPT
    )


def digests(now: datetime) -> QuerySet[Digest]:
    """Of editions whose totals are closed: their counts stay in the edition's row."""
    before = (now - settings.DIGESTS_KEPT).date()
    closed = Edition.objects.filter(closed_at__isnull=False, day__lt=before).values("day")
    return Digest.objects.filter(day__in=closed)


def messages(now: datetime) -> QuerySet[Message]:
    """Those that nothing more is to be done about."""
    return Message.objects.filter(created_at__lt=now - settings.MESSAGES_KEPT)


def documents(now: datetime) -> QuerySet[Document]:
    """Those that no check names any more and that are not their source's last."""
    old = Document.objects.filter(first_seen_at__lt=now - settings.DOCUMENTS_KEPT)
    later = Document.objects.filter(
        source=OuterRef("source"), first_seen_at__gt=OuterRef("first_seen_at")
    )
    return old.filter(~Exists(SourceCheck.objects.filter(document=OuterRef("pk"))), Exists(later))


Delete = Callable[[QuerySet, list], int]


def _batch(old: QuerySet, delete: Delete) -> int:
    keys = list(old.order_by().values_list("pk", flat=True)[:BATCH])
    if not keys:
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        return delete(old.model._default_manager.filter(pk__in=keys), keys)


def _plainly(rows: QuerySet, _keys: list) -> int:
    return rows.delete()[0]


def _messages(rows: QuerySet, keys: list) -> int:
    """What came back of them is kept as long as it is kept, of no message."""
    DeliveryEvent.objects.filter(message__in=keys).update(message=None)
    return rows._raw_delete(rows.db)


def _digests(rows: QuerySet, keys: list) -> int:
    """Without the signal that strikes a digest from open totals: theirs are closed. What came back
    of them is kept as long as it is kept, of no digest."""
    DeliveryEvent.objects.filter(digest__in=keys).update(digest=None)
    return rows._raw_delete(rows.db)
