"""Build digests: find due readers, make their digests and store them."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import date, datetime, timedelta
from itertools import groupby, islice
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from papers import bulk
from subscriptions.editions import states
from subscriptions.editions.candidate_pool import CandidatePool, pool_days
from subscriptions.editions.choosing import (
    EMPTY_DESK,
    Matches,
    Order,
    choose_papers,
    seen_papers,
)
from subscriptions.editions.composing import Composer
from subscriptions.editions.desk import Desk
from subscriptions.editions.quiet_topics import record_notices
from subscriptions.models import Digest, Subscriber, Subscription, Topic
from subscriptions.profiles.load import load_profiles, profile_from_topic, topics_of
from subscriptions.readers.scheduling import set_next_digest
from subscriptions.schedule import local_day
from web.language import active_language

log = logging.getLogger(__name__)

BUILD_FAILED = "The digest could not be built."
MAX_REASON_LENGTH = 500  # characters
# If all readers of a chunk fail, retry for this long: the fault may be in the software.
RETRY_CHUNK_FOR = timedelta(hours=1)


def due_readers(now: datetime) -> Iterator[list[int]]:
    """Yield chunks of primary keys of readers with a due subscription, longest waiting first.

    One index scan through a server-side cursor, so that memory use is constant. A reader whose
    subscriptions are due at different times may be in two chunks.
    """
    due = Subscription.objects.due(now).order_by("next_digest_at", "subscriber_id")
    rows = due.values_list("subscriber_id", flat=True).iterator(
        chunk_size=settings.SUBSCRIBERS_PER_TASK
    )
    pks = (pk for pk, _rows in groupby(rows))  # subscriptions due together are built together
    while chunk := list(islice(pks, settings.SUBSCRIBERS_PER_TASK)):
        yield chunk


@transaction.atomic
def build_due_digests(pks: Sequence[int], now: datetime) -> list[int]:
    """Build today's digest of each due subscription of these readers. Return those to send.

    Digests are stored and `next_digest_at` is advanced in one transaction, so a second run or a
    second worker finds none due. Readers are locked, so that two subscriptions of one reader
    never bring the same paper. Bad data of one reader does not affect the others.
    """
    due = _due_subscriptions(_lock_readers(pks), now)
    try:
        with transaction.atomic():
            return _build([copy(one) for one in due], now)  # a failure leaves `due` unchanged
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("Building a chunk of %s digests failed; building one by one", len(due))
        return _build_one_by_one(due, now)


def _lock_readers(pks: Sequence[int]) -> list[Subscriber]:
    """Lock and return the active readers of these, without those another worker has locked."""
    readers = Subscriber.objects.active().filter(bulk.any_of("pk", pks))
    return list(readers.select_for_update(skip_locked=True, no_key=True).order_by("pk"))


def _due_subscriptions(readers: Sequence[Subscriber], now: datetime) -> list[Subscription]:
    """Return the due subscriptions of locked readers, with these readers, in their order."""
    by_pk = {reader.pk: reader for reader in readers}
    rows = Subscription.objects.filter(
        bulk.any_of("subscriber_id", by_pk), state=Subscription.State.ACTIVE
    )
    locked = rows.filter(next_digest_at__lte=now).select_for_update(no_key=True)
    due = list(locked.order_by("subscriber_id", "position"))
    for subscription in due:
        subscription.subscriber = by_pk[subscription.subscriber_id]
    return due


def _build_one_by_one(due: Sequence[Subscription], now: datetime) -> list[int]:
    """Build the digests one at a time, and record those that fail.

    If all fail, raise the error for a while instead, so that the subscriptions stay due.
    """
    ready: list[int] = []
    errors: list[tuple[Subscription, Exception]] = []
    for subscription in due:
        try:
            with transaction.atomic():
                ready += _build([copy(subscription)], now)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # bad data of one reader must not stop the others
            errors.append((subscription, error))
    all_failed = len(errors) == len(due)
    for subscription, failure in errors:
        if all_failed and now - (subscription.next_digest_at or now) < RETRY_CHUNK_FOR:
            raise failure
        _record_failure(subscription, failure, now)
    return ready


def _record_failure(subscription: Subscription, error: Exception, now: datetime) -> None:
    """Store a failed digest, and schedule the next one for tomorrow."""
    reader = subscription.subscriber
    log.error("The digest of reader %s cannot be built: %s", reader.pk, type(error).__name__)
    day = local_day(reader.timezone, subscription.next_digest_at or now)
    digest = Digest(
        subscriber=reader,
        subscription=subscription,
        day=day,
        status=Digest.Status.FAILED,
        reason=f"{BUILD_FAILED} {type(error).__name__}: {error}"[:MAX_REASON_LENGTH],
        created_at=now,
        next_attempt_at=now,
        expires_at=now,
    )
    Digest.objects.bulk_create([digest], ignore_conflicts=True)
    states.add_due({day: 1}, now)
    Subscription.objects.filter(pk=subscription.pk).update(
        next_digest_at=now + timedelta(days=1), last_digest_day=day
    )


@transaction.atomic
def build_digest(pk: int, now: datetime, position: int = 0) -> Digest | None:
    """Build today's digest of an active reader's subscription, by default the first, at once.

    Return None for other readers. If today's digest exists already, return it. The next digest is
    due tomorrow in both cases.
    """
    active = Subscription.objects.active().filter(subscriber=pk, position=position)
    rows = active.select_related("subscriber").select_for_update(no_key=True)
    subscription = rows.first()
    if subscription is None:
        return None
    subscription.next_digest_at = now
    _build([subscription], now)
    today = local_day(subscription.subscriber.timezone, now)
    return subscription.digests.filter(subscriber=pk, day=today).first()


def _build(subscriptions: Sequence[Subscription], now: datetime) -> list[int]:
    digests: list[Digest] = []
    for day, group in _group_by_day(subscriptions).items():
        readers = [one.subscriber_id for one in group]
        existing = Digest.objects.filter(bulk.any_of("subscriber_id", readers), day=day)
        done = set(existing.values_list("subscription_id", flat=True))
        digests += make_digests(day, [one for one in group if one.pk not in done], now)
    bulk.insert(digests)
    record_matches(digests)
    advance_schedule(subscriptions, now)
    states.add_due(Counter(digest.day for digest in digests), now)
    return [digest.pk for digest in digests if digest.status == Digest.Status.PENDING]


def _group_by_day(subscriptions: Sequence[Subscription]) -> dict[date, list[Subscription]]:
    groups: dict[date, list[Subscription]] = defaultdict(list)
    for one in subscriptions:
        if one.next_digest_at:
            groups[local_day(one.subscriber.timezone, one.next_digest_at)].append(one)
    return groups


def advance_schedule(subscriptions: Sequence[Subscription], now: datetime) -> None:
    """Set the next due time of these subscriptions.

    It is the first one whose cut-off is not over, so that after an outage of some hours today's
    digest is still sent.
    """
    for one in subscriptions:
        if one.next_digest_at:
            one.last_digest_day = local_day(one.subscriber.timezone, one.next_digest_at)
        set_next_digest(one, now - settings.DIGEST_CUTOFF)
    bulk.update(subscriptions, ["next_digest_at", "last_digest_day"])


def record_matches(digests: Sequence[Digest]) -> None:
    """Record on their topics the day of these digests, which matched them or gave notice."""
    days: dict[date, set[int]] = defaultdict(set)
    quiet: dict[date, set[int]] = defaultdict(set)
    for digest in digests:
        days[digest.day].update(item["topic"] for item in digest.items if item.get("topic"))
        quiet[digest.day].update(digest.quiet_topics)
    for day, topics in days.items():
        Topic.objects.filter(bulk.any_of("pk", topics)).update(matched_on=day)
        record_notices(quiet[day], day)


def preview_digest(reader: Subscriber, now: datetime, day: date | None = None) -> Digest:
    """Return the digest that a reader's default subscription would bring now, or for `day`.

    Nothing is stored.
    """
    subscription = reader.default_subscription
    subscription.subscriber, subscription.next_digest_at = reader, now
    return make_digests(day or local_day(reader.timezone, now), [subscription], now)[0]


def preview_topic(topic: Topic, day: date, desk: Desk = EMPTY_DESK) -> list[dict[str, Any]]:
    """Return the items of a digest of `day` for this topic, which need not be stored."""
    pool = CandidatePool.of(day)
    subscription = Subscription(subscriber=topic_reader(topic))
    matches = Matches(pool, [topic], [profile_from_topic(topic, subscription.subscriber)])
    [items] = choose_papers(matches, [Order(subscription, matches.topics)], defaultdict(set), desk)
    desk.annotate(items)
    return items


def topic_reader(topic: Topic) -> Subscriber:
    """Return the topic's reader, or a blank one with the active language."""
    return topic.subscriber if topic.subscriber_id else Subscriber(language=active_language())


def make_digests(day: date, subscriptions: Sequence[Subscription], now: datetime) -> list[Digest]:
    """Return one unsaved digest per subscription, whose reader is loaded.

    Each is pending with papers, new or unread, or skipped with a reason.
    """
    if not subscriptions:
        return []
    seen = seen_papers([one.subscriber_id for one in subscriptions], day)
    made: dict[int, Digest] = {}
    spans = [pool_days(one) for one in subscriptions]
    for span in sorted(set(spans)):
        indexes = [index for index, days in enumerate(spans) if days == span]
        group = [subscriptions[index] for index in indexes]
        found = _make_of_one_pool(CandidatePool.of(day, span), group, seen, now)
        made |= dict(zip(indexes, found, strict=True))
    return [made[index] for index in range(len(subscriptions))]


def _make_of_one_pool(
    pool: CandidatePool,
    subscriptions: Sequence[Subscription],
    seen: dict[int, set[int]],
    now: datetime,
) -> list[Digest]:
    topics = topics_of(subscriptions)
    distinct = list({id(topic): topic for carried in topics for topic in carried}.values())
    matches = Matches(pool, distinct, load_profiles(distinct))
    by_topic = {id(one.topic): one for one in matches.topics}
    orders = [
        Order(one, [by_topic[id(topic)] for topic in carried])
        for one, carried in zip(subscriptions, topics, strict=True)
    ]
    desk = Desk.of(pool.day)
    sent_before = {one.subscriber_id: frozenset(seen[one.subscriber_id]) for one in subscriptions}
    composer = Composer(pool.day, desk, now, subscriptions)
    return [
        composer.compose(order, items, sent_before[order.subscription.subscriber_id])
        for order, items in zip(orders, choose_papers(matches, orders, seen, desk), strict=True)
    ]
