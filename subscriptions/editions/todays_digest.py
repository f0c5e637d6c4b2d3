"""Today's digest when a reader asks for it, instead of at their hour.

It is one a day all the same. What has not left yet is made again from what the reader says now;
on the day a reader confirmed, one more is made once they changed what they care about. No paper
comes twice.
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
from subscriptions.models import Digest, Edition, Subscriber
from subscriptions.readers.lifecycle import is_first_day
from subscriptions.schedule import local_day, local_due, local_time

Status = Digest.Status
NEVER_LEFT = (Status.SKIPPED, Status.FAILED, Status.SUPPRESSED)


class State(Enum):
    """What became of a request."""

    LEAVES = auto()
    WAITS = auto()  # for its edition
    NOTHING_FITS = auto()
    UNDER_WAY = auto()  # before the request
    SENT = auto()  # before the request, and there is no other today
    UNCHANGED = auto()  # sent, and a change would allow another
    CALLED_OFF = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """`digest` is today's last one, if there is one."""

    state: State
    digest: Digest | None = None


@transaction.atomic
def request_digest(pk: int, now: datetime) -> Answer:
    """Make today's digest of an active reader ready to leave; raises Subscriber.DoesNotExist."""
    reader = Subscriber.objects.active().select_for_update(no_key=True).get(pk=pk)
    day = local_day(reader.timezone, now)
    last = todays(reader, now)
    if Edition.objects.filter(day=day, state=Edition.State.CANCELLED).exists():
        return Answer(State.CALLED_OFF, last)
    if last is None:
        return _first(reader, day, now)
    if last.status in NEVER_LEFT:
        return _instead(last, _make(reader, day, now), now)
    if last.status == Status.PENDING:
        return _again(reader, last, now)
    if last.status == Status.SENDING:
        return Answer(State.UNDER_WAY, last)
    return _second(reader, last, now)


def todays(reader: Subscriber, now: datetime) -> Digest | None:
    """The last digest of the reader's day."""
    today = reader.digests.filter(day=local_day(reader.timezone, now))
    return today.order_by("-sequence").first()


def _make(reader: Subscriber, day: date, now: datetime) -> Digest:
    due_now = copy(reader)
    due_now.next_digest_at = now
    return digests.make_digests(day, [due_now], now)[0]


def _first(reader: Subscriber, day: date, now: datetime) -> Answer:
    """The next one is then tomorrow's; where nothing fits, today's may still come at its hour."""
    digest = _make(reader, day, now)
    if digest.status == Status.SKIPPED:
        return Answer(State.NOTHING_FITS)
    reader.next_digest_at = now
    digests.advance_schedule([reader], now)
    return _entered(digest, now)


def _entered(digest: Digest, now: datetime) -> Answer:
    digest.save()
    states.add_due({digest.day: 1}, now)
    return _ready(digest, now)


def _ready(digest: Digest, now: datetime) -> Answer:
    held = Edition.objects.blocked(now).filter(day=digest.day).exists()
    return Answer(State.WAITS if held else State.LEAVES, digest)


def _instead(digest: Digest, new: Digest, now: datetime) -> Answer:
    """Put what was made now in the place of a digest that never left."""
    for name in REBUILT_FIELDS:
        setattr(digest, name, getattr(new, name))
    digest.attempts, digest.next_attempt_at, digest.queued_at = 0, now, now
    digest.expires_at = new.expires_at
    digest.save()
    if digest.status == Status.SKIPPED:
        return Answer(State.NOTHING_FITS, digest)
    return _ready(digest, now)


def _again(reader: Subscriber, digest: Digest, now: datetime) -> Answer:
    """Make anew what waits for its edition; with that locked, nobody releases it meanwhile. What
    waits for nothing else may be in a worker's hands."""
    edition = Edition.objects.blocked(now).select_for_update(no_key=True).filter(day=digest.day)
    if not edition.exists() or digest.attempts:
        return Answer(State.UNDER_WAY, digest)
    Digest.objects.filter(pk=digest.pk).update(status=Status.SKIPPED)  # its papers may come again
    return _instead(digest, _make(reader, digest.day, now), now)


def _second(reader: Subscriber, first: Digest, now: datetime) -> Answer:
    """On the first day one more, of what the first did not hold, if the profile is another now."""
    if not may_have_second(reader, first):
        return Answer(State.SENT, first)
    whole_day = copy(reader)
    whole_day.covered_until = None  # what was new for the first one still is
    second = _make(whole_day, first.day, now)
    if second.profile_key == first.profile_key:
        return Answer(State.UNCHANGED, first)
    if second.status == Status.SKIPPED:
        return Answer(State.NOTHING_FITS, first)
    second.sequence = 1
    return _entered(second, now)


def may_have_second(reader: Subscriber, digest: Digest) -> bool:
    """Whether one more may follow this digest on its day."""
    return is_first_day(reader, digest.day) and not digest.sequence


def describe_answer(answer: Answer, reader: Subscriber) -> str:
    """What a reader is told of their request, and when the next digest comes."""
    return " ".join(filter(None, [_outcome(answer, reader), describe_next(reader)]))


def _outcome(answer: Answer, reader: Subscriber) -> str:
    digest = answer.digest
    if answer.state is State.CALLED_OFF:
        return _("Today's edition was called off, so no digest goes out today.")
    if digest is None or answer.state is State.NOTHING_FITS:
        return _nothing_fits(digest)
    if answer.state is State.LEAVES:
        return _leaves(len(digest.items))
    if answer.state is State.WAITS:
        return _("Today's digest is ready. It leaves when today's edition is released.")
    if answer.state is State.UNDER_WAY:
        return _("Today's digest was already on its way. Your changes count from the next one.")
    return before(reader, digest)


def _leaves(number: int) -> str:
    return ngettext(
        "Today's digest is on its way: %(number)s paper. It should be in your inbox within a few "
        "minutes.",
        "Today's digest is on its way: %(number)s papers. It should be in your inbox within a few "
        "minutes.",
        number,
    ) % {"number": number}


def _nothing_fits(digest: Digest | None) -> str:
    if digest and digest.sent_at:
        return _("None of today's other papers fits, so there is no second email.")
    return _("Nothing new fits what you asked for, so no email comes now.")


def before(reader: Subscriber, digest: Digest) -> str:
    """What left today, and whether more may follow."""
    if digest.sequence:
        return _("You have had today's digest twice. From now on there is one a day.")
    told = {
        "time": date_format(local_time(digest.sent_at or digest.created_at, reader.timezone), "H:i")
    }
    if may_have_second(reader, digest):
        return (
            _(
                "Today's digest was sent at %(time)s. Change what you care about, and you can have "
                "one more today."
            )
            % told
        )
    return _("Today's digest was sent at %(time)s. There is one a day.") % told


def describe_next(reader: Subscriber) -> str:
    """When the next digest comes."""
    if reader.frequency == Subscriber.Frequency.PAUSED:
        return _("Your digests are paused. Choose another frequency to go on.")
    if not (due := local_due(reader.next_digest_at, reader.timezone)):
        return ""
    return _("Your next digest comes on %(day)s, at %(time)s.") % {
        "day": date_format(due, _("l, j F")),
        "time": date_format(due, "H:i"),
    }


def describe_outlook(reader: Subscriber, now: datetime) -> str:
    """What the preferences say of today's and the next digest."""
    last = todays(reader, now)
    left = last and last.status in (Status.SENT, Status.UNCERTAIN)
    return " ".join(
        filter(None, [before(reader, last) if left and last else "", describe_next(reader)])
    )
