"""Settle uncertain mails from delivery events.

The status is worked out from all events of a mail, so that neither their order nor repetition
matters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from subscriptions.models import (
    CLOCK_SKEW,
    DeliveryEvent,
    Digest,
    Message,
    Subscriber,
    Subscription,
)

Kind = DeliveryEvent.Kind
Status = Digest.Status
Mail = Digest | Message

BATCH_SIZE = 10_000  # rows
STATUS_BY_KIND = {
    Kind.DEFERRED: Status.SENT,  # a server has it and keeps trying: never send it again
    Kind.ACCEPTED: Status.SENT,
    Kind.SOFT_BOUNCE: Status.FAILED,
    Kind.AUTO_REPLY: Status.SENT,
    Kind.DELIVERED: Status.SENT,
    Kind.OPENED: Status.SENT,
    Kind.CLICKED: Status.SENT,
    Kind.REJECTED: Status.FAILED,
    Kind.HARD_BOUNCE: Status.FAILED,
    Kind.UNSUBSCRIBED: Status.SENT,
    Kind.COMPLAINT: Status.SENT,
}


def combine_kinds(kinds: Iterable[str]) -> tuple[str, str] | None:
    """Return the status that the events of one mail add up to, and the strongest kind.

    >>> combine_kinds(["delivered", "deferred", "accepted"]) == (Status.SENT, "delivered")
    True
    >>> combine_kinds(["hard", "delivered"]) == (Status.FAILED, "hard")
    True
    """
    strongest = max(kinds, key=Kind.values.index, default=Kind.UNKNOWN)
    status = STATUS_BY_KIND.get(Kind(strongest))
    return (status, str(strongest)) if status else None


@transaction.atomic
def settle_mails(model: type[Mail], pks: Iterable[int], now: datetime) -> int:
    """Settle these mails from their events; return how many changed."""
    mails = lock_open_mails(model, pks)
    lock_readers({mail.subscriber_id or 0 for mail in mails})
    return settle_locked(model, mails, now)


def lock_open_mails(model: type[Mail], pks: Iterable[int]) -> list[Any]:
    """Lock and return those of these mails whose status may still change.

    These are mails that are uncertain, and mails that were settled here and not sent again since.
    """
    settled_here = Q(status__in=(Status.SENT, Status.FAILED), settled_at__gte=F("claimed_at"))
    uncertain = Q(status=Status.UNCERTAIN)
    mails = model._default_manager.filter(uncertain | settled_here, pk__in=set(pks))
    return list(mails.order_by("pk").select_for_update(no_key=True))


def lock_readers(pks: Collection[int]) -> None:
    """Lock readers by key, after their digests: a fixed order prevents deadlocks."""
    if pks:
        readers = Subscriber.objects.filter(pk__in=pks).order_by("pk")
        list(readers.select_for_update(no_key=True).values_list("pk"))


def settle_locked(model: type[Mail], mails: Sequence[Mail], now: datetime) -> int:
    """Settle locked mails from their events since the last claim; return how many changed."""
    name = model._meta.model_name
    kinds: dict[int, list[str]] = {mail.pk: [] for mail in mails}
    since_claim = {f"{name}__in": kinds, "occurred_at__gte": F(f"{name}__claimed_at") - CLOCK_SKEW}
    events = DeliveryEvent.objects.filter(**since_claim)
    for pk, kind in events.values_list(f"{name}_id", "kind"):
        kinds[pk or 0].append(kind)
    changed = [mail for mail in mails if _apply(mail, combine_kinds(kinds[mail.pk]))]
    for status, reason in sorted({(mail.status, mail.reason) for mail in changed}):
        pks = [mail.pk for mail in changed if (mail.status, mail.reason) == (status, reason)]
        sent_at = F("claimed_at") if status == Status.SENT else None
        model._default_manager.filter(pk__in=pks).update(
            status=status, reason=reason, sent_at=sent_at, settled_at=now
        )
    digests = [mail for mail in changed if isinstance(mail, Digest)]
    _update_coverage({digest.subscription_id for digest in digests if digest.subscription_id})
    return len(changed)


def _apply(mail: Mail, result: tuple[str, str] | None) -> bool:
    """Set the status and reason of a mail without saving; return whether they changed."""
    before = mail.status, mail.reason
    if result:
        mail.status = result[0]
        mail.reason = f"Settled by a delivery event: {Kind(result[1]).label.lower()}."
    return before != (mail.status, mail.reason)


def _update_coverage(pks: set[int]) -> None:
    """Set how far sent digests cover the papers for these subscriptions."""
    sent = Digest.objects.filter(
        # With the reader, the index applies.
        subscriber=OuterRef("subscriber"),
        subscription=OuterRef("pk"),
        status=Status.SENT,
    )
    newest = sent.order_by("-created_at").values("created_at")[:1]
    Subscription.objects.filter(pk__in=pks).update(covered_until=Subquery(newest))


def settle_uncertain(now: datetime) -> int:
    """Settle mails that became uncertain after their events arrived; return how many changed."""
    return sum(
        settle_mails(
            model, uncertain_with_events(model).values_list("pk", flat=True)[:BATCH_SIZE], now
        )
        for model in (Digest, Message)
    )


def uncertain_with_events(model: type[Mail] = Digest) -> QuerySet[Any]:
    """Return uncertain mails that have an event of a known kind."""
    about_mail = {str(model._meta.model_name): OuterRef("pk")}
    events = DeliveryEvent.objects.filter(**about_mail).exclude(kind=Kind.UNKNOWN)
    return model._default_manager.filter(Exists(events), status=Status.UNCERTAIN)
