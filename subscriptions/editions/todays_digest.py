"""Today's digest on request, before its usual time.

There is still one digest per day. An unsent digest is rebuilt from the current interests. On the
day a reader confirmed, a second one is built if their interests have changed. No paper is sent
twice.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from subscriptions.editions import digests, states
from subscriptions.editions.rebuild import REBUILT_FIELDS
from subscriptions.models import Digest, Edition, Subscriber, Subscription
from subscriptions.readers.scheduling import is_first_day
from subscriptions.schedule import local_day, local_due, local_time

Status = Digest.Status
UNSENT_STATUSES = (Status.SKIPPED, Status.FAILED, Status.SUPPRESSED)


class State(Enum):
    """The result of a request."""

    QUEUED = auto()
    WAITS_FOR_EDITION = auto()
    NOTHING_MATCHES = auto()
    ALREADY_SENDING = auto()
    ALREADY_SENT = auto()  # and no second digest is possible today
    UNCHANGED = auto()  # already sent; a second one needs other interests
    CANCELLED = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """The result, with today's last digest if there is one."""

    state: State
    digest: Digest | None = None


@transaction.atomic
def request_digest(pk: int, now: datetime) -> Answer:
    """Build or rebuild today's digest of a subscription for sending.

    Raise Subscription.DoesNotExist if it is not active.
    """
    rows = Subscription.objects.active().select_related("subscriber")
    subscription = rows.select_for_update(no_key=True).get(pk=pk)
    day = local_day(subscription.subscriber.timezone, now)
    last = last_digest_today(subscription, now)
    if Edition.objects.filter(day=day, state=Edition.State.CANCELLED).exists():
        return Answer(State.CANCELLED, last)
    if last is None:
        return _build_first(subscription, day, now)
    if last.status in UNSENT_STATUSES:
        return _replace(last, _make(subscription, day, now), now)
    if last.status == Status.PENDING:
        return _rebuild_waiting(subscription, last, now)
    if last.status == Status.SENDING:
        return Answer(State.ALREADY_SENDING, last)
    return _build_second(subscription, last, now)


def last_digest_today(subscription: Subscription, now: datetime) -> Digest | None:
    """Return the last digest of the reader's local day."""
    reader = subscription.subscriber
    today = subscription.digests.filter(subscriber=reader.pk, day=local_day(reader.timezone, now))
    return today.order_by("-sequence").first()


def _make(subscription: Subscription, day: date, now: datetime) -> Digest:
    due_now = copy(subscription)
    due_now.next_digest_at = now
    return digests.make_digests(day, [due_now], now)[0]


def _build_first(subscription: Subscription, day: date, now: datetime) -> Answer:
    """Build today's digest and schedule the next one for tomorrow.

    If nothing matches, today's digest may still be built at its usual time.
    """
    digest = _make(subscription, day, now)
    if digest.status == Status.SKIPPED:
        return Answer(State.NOTHING_MATCHES)
    subscription.next_digest_at = now
    digests.advance_schedule([subscription], now)
    return _store(digest, now)


def _store(digest: Digest, now: datetime) -> Answer:
    digest.save()
    digests.record_matches([digest])
    states.add_due({digest.day: 1}, now)
    return _describe_state(digest, now)


def _describe_state(digest: Digest, now: datetime) -> Answer:
    is_blocked = Edition.objects.blocked(now).filter(day=digest.day).exists()
    return Answer(State.WAITS_FOR_EDITION if is_blocked else State.QUEUED, digest)


def _replace(digest: Digest, new: Digest, now: datetime) -> Answer:
    """Replace the content of an unsent digest."""
    for name in REBUILT_FIELDS:
        setattr(digest, name, getattr(new, name))
    digest.attempts, digest.next_attempt_at, digest.queued_at = 0, now, now
    digest.expires_at = new.expires_at
    digest.save()
    if digest.status == Status.SKIPPED:
        return Answer(State.NOTHING_MATCHES, digest)
    return _describe_state(digest, now)


def _rebuild_waiting(subscription: Subscription, digest: Digest, now: datetime) -> Answer:
    """Rebuild a digest that waits for its edition, which is locked meanwhile.

    A pending digest of an open edition may already be claimed by a worker.
    """
    edition = Edition.objects.blocked(now).select_for_update(no_key=True).filter(day=digest.day)
    if not edition.exists() or digest.attempts:
        return Answer(State.ALREADY_SENDING, digest)
    Digest.objects.filter(pk=digest.pk).update(status=Status.SKIPPED)  # releases its papers
    return _replace(digest, _make(subscription, digest.day, now), now)


def _build_second(subscription: Subscription, first: Digest, now: datetime) -> Answer:
    """Build a second digest on the reader's first day, if their profile has changed."""
    if not can_have_second(subscription.subscriber, first):
        return Answer(State.ALREADY_SENT, first)
    whole_day = copy(subscription)
    whole_day.covered_until = None  # papers new for the first one are still new
    second = _make(whole_day, first.day, now)
    if second.profile_key == first.profile_key:
        return Answer(State.UNCHANGED, first)
    if second.status == Status.SKIPPED:
        return Answer(State.NOTHING_MATCHES, first)
    second.sequence = 1
    return _store(second, now)


def can_have_second(reader: Subscriber, digest: Digest) -> bool:
    """Return whether a second digest is possible on the same day."""
    return is_first_day(reader, digest.day) and not digest.sequence


def describe_answer(answer: Answer, subscription: Subscription) -> str:
    """Return a text about the result, and about the time of the next digest."""
    return " ".join(
        filter(None, [_describe_result(answer, subscription), describe_next(subscription)])
    )


def _describe_result(answer: Answer, subscription: Subscription) -> str:
    digest = answer.digest
    if answer.state is State.CANCELLED:
        return _("Today's edition was cancelled, so there's no digest today.")
    if digest is None or answer.state is State.NOTHING_MATCHES:
        return _describe_no_match(digest)
    if answer.state is State.QUEUED:
        return _describe_queued(len(digest.new_items))
    if answer.state is State.WAITS_FOR_EDITION:
        return _("Today's digest is ready. We'll send it when today's edition is released.")
    if answer.state is State.ALREADY_SENDING:
        return _("Today's digest was already on its way. Your changes apply from the next one.")
    return describe_sent(subscription.subscriber, digest)


def _describe_queued(number: int) -> str:
    if not number:
        return _("Nothing new matches. A digest with your unread papers is on its way.")
    return ngettext(
        "Today's digest is on its way: %(number)s paper. It should be in your inbox within a few "
        "minutes.",
        "Today's digest is on its way: %(number)s papers. It should be in your inbox within a few "
        "minutes.",
        number,
    ) % {"number": number}


def _describe_no_match(digest: Digest | None) -> str:
    if digest and digest.sent_at:
        return _("None of today's other papers matches, so there's no second email.")
    return _("Nothing new matches your interests, so there's no email now.")


def describe_sent(reader: Subscriber, digest: Digest) -> str:
    """Return when today's digest was sent, and whether a second one is possible."""
    if digest.sequence:
        return _("You got two digests today. From now on there's one per day.")
    values = {
        "time": date_format(local_time(digest.sent_at or digest.created_at, reader.timezone), "H:i")
    }
    if can_have_second(reader, digest):
        text = _(
            "Today's digest was sent at %(time)s. If you change your interests, you can get one "
            "more today."
        )
        return text % values
    return _("You already got today's digest at %(time)s (one per day).") % values


def describe_next(subscription: Subscription) -> str:
    """Return the time of the next digest as a sentence."""
    if subscription.frequency == Subscription.Frequency.PAUSED:
        return _("Your digests are paused. Choose another frequency to resume.")
    if not (due := local_due(subscription.next_digest_at, subscription.subscriber.timezone)):
        return ""
    return _("Your next digest comes on %(day)s at %(time)s.") % {
        "day": date_format(due, _("l, j F")),
        "time": date_format(due, "H:i"),
    }


def describe_outlook(subscription: Subscription, now: datetime) -> str:
    """Return a text about today's and the next digest, for the preferences page."""
    last = last_digest_today(subscription, now)
    is_sent = last and last.status in (Status.SENT, Status.UNCERTAIN)
    sent = describe_sent(subscription.subscriber, last) if is_sent and last else ""
    return " ".join(filter(None, [sent, describe_next(subscription)]))
