"""The one-time email that offers fewer digests to readers who do not react."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery

from subscriptions.mail import transactional
from subscriptions.models import (
    Digest,
    LibraryEntry,
    Message,
    OpenedPaper,
    Reaction,
    Subscriber,
    SubscriberQuerySet,
    Subscription,
)

QUIET_DIGESTS = 20  # after this many without a reaction we offer fewer
MAX_OFFERS_PER_DAY = 500  # so that offers do not delay digests


def quiet_readers(now: datetime) -> list[int]:
    """Return the readers to ask today: never asked, and silent for QUIET_DIGESTS digests.

    Only reactions, kept papers and recorded opened papers count. We do not track whether emails
    are opened.
    """
    return list(_quiet(now).order_by("pk").values_list("pk", flat=True)[:MAX_OFFERS_PER_DAY])


@transaction.atomic
def offer_fewer_emails(pk: int, now: datetime) -> int:
    """Write the offer, once per reader; return the message's key, or 0 if no longer applicable."""
    if not _quiet(now).filter(pk=pk).exists():
        return 0
    unasked = Subscriber.objects.filter(pk=pk, less_often_offered_at=None)
    if not unasked.update(less_often_offered_at=now):
        return 0
    reader = Subscriber.objects.get(pk=pk)
    return transactional.write_message(Message.Kind.LESS_OFTEN, now, reader).pk


def _quiet(now: datetime) -> SubscriberQuerySet:
    """Return the quiet readers, without paused and new ones."""
    sent = Digest.objects.filter(subscriber=OuterRef("pk"), status=Digest.Status.SENT)
    first = sent.order_by("-day").values("sent_at")[QUIET_DIGESTS - 1 : QUIET_DIGESTS]
    own = {"subscriber": OuterRef("pk")}
    activity = (
        Reaction.objects.filter(**own, created_at__gte=OuterRef("since")),
        OpenedPaper.objects.filter(**own, created_at__gte=OuterRef("since")),
        LibraryEntry.objects.filter(**own, kept_at__gte=OuterRef("since")),
    )
    old_enough = Subscriber.objects.active().filter(
        less_often_offered_at=None, confirmed_at__lt=now - timedelta(days=QUIET_DIGESTS)
    )
    coming = Subscription.objects.active().filter(
        subscriber=OuterRef("pk"), next_digest_at__isnull=False
    )
    return (
        old_enough.filter(Exists(coming.exclude(paused_until__gt=now)))
        .annotate(since=Subquery(first))
        .filter(*(~Exists(rows) for rows in activity), since__isnull=False)
    )
