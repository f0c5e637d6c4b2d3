"""The mails at turns of a reader's way: welcome, whether it is too much, goodbye.

Each is claimed by one conditional update before it is sent, so that a task which runs twice, or
beside itself, sends one; a crash in between loses a courtesy and doubles none.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, Subquery

from subscriptions import emails, suppression
from subscriptions.models import Digest, Opened, Reaction, Subscriber, SubscriberQuerySet

Status = Subscriber.Status
QUIET_DIGESTS = 20  # this many with no word from the reader, and we ask whether it is too much
ASKED_A_DAY = 500  # at most, so that the question never crowds out the digests


def welcome(pk: int, now: datetime) -> bool:
    """Say what comes when, once for each time a reader confirms; False if nothing was sent."""
    unwelcomed = Q(welcomed_at=None) | Q(welcomed_at__lt=F("confirmed_at"))
    mine = Subscriber.objects.active().filter(unwelcomed, pk=pk)
    if not mine.update(welcomed_at=now):
        return False
    emails.welcome(Subscriber.objects.get(pk=pk)).send()
    return True


def bid_goodbye(pk: int, now: datetime) -> bool:
    """Say that leaving worked, once for each time a reader leaves; False if nothing was sent."""
    reader = Subscriber.objects.filter(pk=pk, status=Status.UNSUBSCRIBED).first()
    if reader is None or reader.confirmed_at is None or suppression.is_suppressed(reader, now):
        return False
    unsaid = Q(bidden_goodbye_at=None) | Q(bidden_goodbye_at__lt=F("unsubscribed_at"))
    mine = Subscriber.objects.filter(unsaid, pk=pk, status=Status.UNSUBSCRIBED)
    if not mine.update(bidden_goodbye_at=now):
        return False
    emails.goodbye(reader).send()
    return True


def quiet_readers(now: datetime) -> list[int]:
    """Readers to be asked today: never asked before, and of their last QUIET_DIGESTS digests no
    word came. What counts is what they did: a reaction, or a paper opened where they allow that to
    be noted. Whether they open a mail we do not know, and do not want to.
    """
    return list(_quiet(now).order_by("pk").values_list("pk", flat=True)[:ASKED_A_DAY])


def ask_less_often(pk: int, now: datetime) -> bool:
    """Ask, once ever; False if the reader is no longer among the quiet ones."""
    if not _quiet(now).filter(pk=pk).exists():
        return False
    if not Subscriber.objects.filter(pk=pk, asked_less_often_at=None).update(
        asked_less_often_at=now
    ):
        return False
    emails.less_often(Subscriber.objects.get(pk=pk)).send()
    return True


def _quiet(now: datetime) -> SubscriberQuerySet:
    """Those who are paused, or new, are left alone."""
    theirs = Digest.objects.filter(subscriber=OuterRef("pk"), status=Digest.Status.SENT)
    first = theirs.order_by("-day").values("sent_at")[QUIET_DIGESTS - 1 : QUIET_DIGESTS]
    said = [
        Exists(rows.objects.filter(subscriber=OuterRef("pk"), created_at__gte=OuterRef("since")))
        for rows in (Reaction, Opened)
    ]
    old_enough = Subscriber.objects.active().filter(
        asked_less_often_at=None, confirmed_at__lt=now - timedelta(days=QUIET_DIGESTS)
    )
    return (
        old_enough.filter(next_digest_at__isnull=False)
        .exclude(paused_until__gt=now)
        .annotate(since=Subquery(first))
        .filter(~said[0], ~said[1], since__isnull=False)
    )
