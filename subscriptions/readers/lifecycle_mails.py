"""The question to quiet readers whether the digest comes too often, asked once ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery

from subscriptions.mail import transactional
from subscriptions.models import (
    Digest,
    Message,
    OpenedPaper,
    Reaction,
    Subscriber,
    SubscriberQuerySet,
)

QUIET_DIGESTS = 20  # this many with no word from the reader, and we ask whether it is too much
ASKED_A_DAY = 500  # at most, so that the question never crowds out the digests


def quiet_readers(now: datetime) -> list[int]:
    """Readers to be asked today: never asked before, and of their last QUIET_DIGESTS digests no
    word came. What counts is what they did: a reaction, or a paper opened where they allow that to
    be noted. Whether they open a mail we do not know, and do not want to.
    """
    return list(_quiet(now).order_by("pk").values_list("pk", flat=True)[:ASKED_A_DAY])


@transaction.atomic
def offer_fewer_emails(pk: int, now: datetime) -> int:
    """Write the question, once ever; returns the message's key, or 0 if the reader is no longer
    among the quiet ones."""
    if not _quiet(now).filter(pk=pk).exists():
        return 0
    mine = Subscriber.objects.filter(pk=pk, less_often_offered_at=None)
    if not mine.update(less_often_offered_at=now):
        return 0
    reader = Subscriber.objects.get(pk=pk)
    return transactional.write_message(Message.Kind.LESS_OFTEN, now, reader).pk


def _quiet(now: datetime) -> SubscriberQuerySet:
    """Those who are paused, or new, are left alone."""
    theirs = Digest.objects.filter(subscriber=OuterRef("pk"), status=Digest.Status.SENT)
    first = theirs.order_by("-day").values("sent_at")[QUIET_DIGESTS - 1 : QUIET_DIGESTS]
    said = [
        Exists(rows.objects.filter(subscriber=OuterRef("pk"), created_at__gte=OuterRef("since")))
        for rows in (Reaction, OpenedPaper)
    ]
    old_enough = Subscriber.objects.active().filter(
        less_often_offered_at=None, confirmed_at__lt=now - timedelta(days=QUIET_DIGESTS)
    )
    return (
        old_enough.filter(next_digest_at__isnull=False)
        .exclude(paused_until__gt=now)
        .annotate(since=Subquery(first))
        .filter(~said[0], ~said[1], since__isnull=False)
    )
