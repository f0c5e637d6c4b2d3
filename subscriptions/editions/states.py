"""Editions: all digests of one local day. Pausing them, closing their totals, noticing trouble.

Whoever notices trouble here reads PostgreSQL alone, so that it is noticed also when beat, the
workers or Redis are what failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from subscriptions.mail import transactional
from subscriptions.models import (
    CLOCK_SKEW,
    DeliveryEvent,
    Digest,
    Edition,
    Message,
    OperatorAlert,
    Subscriber,
)

State, Status = Edition.State, Digest.Status

CANCELLED = "The edition was cancelled."
NOT_APPROVED = "No curator approved it in time."
ITSELF = "Paperboy"  # who paused or resumed, where nobody did
DAY_IS_OVER = timedelta(hours=36)  # after its midnight in UTC, a day has ended everywhere
TOO_MUCH_BACK = {"bounces": 0.05, "complaints": 0.001}  # of what was sent
ENOUGH_SENT = 20  # of fewer, one or two say nothing
MANY_SENT = 1000  # of so many, a single one does
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
MISSING_AFTER = timedelta(hours=2)
NO_SUCCESS_FOR = timedelta(minutes=30)
TOLD_AGAIN = timedelta(hours=6)  # of what is still so
IN_HAND_FOR = timedelta(minutes=30)
ALARMS_SHOWN_FOR = timedelta(days=7)


def begin(days: Iterable[date], now: datetime) -> None:
    """Have a row for each of these editions; whoever is first decides nothing."""
    new = [Edition(day=day, state=initial_state(day, now)) for day in days]
    Edition.objects.bulk_create(new, ignore_conflicts=True)


def enter(made: Mapping[date, int], now: datetime) -> None:
    """Count digests just made as due, in the transaction that makes them."""
    days = sorted(made)  # always in this order: two workers never wait for each other
    begin(days, now)
    for day in days:
        Edition.objects.filter(day=day).update(due=F("due") + made[day])


def pause_edition(
    day: date, why: str, by: str, now: datetime, until: datetime | None = None
) -> bool:
    """Claim nothing of this edition from now on; False if it is not open.

    Of many workers that meet the same trouble one pauses, so the operator is told once. With
    `until`, it is tried again by itself then.
    """
    Edition.objects.get_or_create(day=day)
    told = {"notified_at": None, "changed_at": now, "paused_until": until}
    here = Edition.objects.filter(day=day, state=State.OPEN)
    return bool(here.update(state=State.PAUSED, reason=why, changed_by=by, **told))


def approve_by(day: date) -> datetime:
    """The cut-off: from then on, what nobody approved is sent or held as the settings say."""
    return datetime.combine(day, time(), UTC) + settings.APPROVE_BY


def initial_state(day: date, now: datetime) -> str:
    return State.OPEN if _goes_by_itself(day, now) else State.WAITING


def _goes_by_itself(day: date, now: datetime) -> bool:
    return settings.UNAPPROVED_EDITIONS == "send" and now >= approve_by(day)


def describe_outlook(edition: Edition, now: datetime) -> str:
    """Say what happens to an edition, for curators; every page says the same."""
    cut_off = _utc(approve_by(edition.day))
    if edition.closed_at:
        return "It is over."
    if edition.state in (State.PAUSED, State.CANCELLED):
        return f"{edition.get_state_display().capitalize()}. {edition.reason}".strip()
    if edition.approved_at:
        return f"Approved by {edition.approved_by}. Sent at each reader's delivery time."
    if edition.state == State.HELD:
        return f"On hold. {edition.reason} Nothing is sent until a curator approves it."
    if edition.state == State.OPEN:
        return "Will be sent at each reader's delivery time, approved or not."
    if settings.UNAPPROVED_EDITIONS == "send":
        return f"Nobody has approved it yet. Will be sent from {cut_off} on, approved or not."
    return f"Nobody has approved it yet. Put on hold at {cut_off} unless a curator approves it."


def approve_edition(day: date, by: str, now: datetime) -> bool:
    """A curator says that it may go out; False if it is open already or over.

    It opens once what was made before the desk last changed is made anew: `may_open`, `open_up`.
    """
    begin([day], now)
    here = Edition.objects.filter(day=day, closed_at=None, approved_at=None)
    states = (State.WAITING, State.HELD, State.OPEN)
    return bool(here.filter(state__in=states).update(approved_at=now, approved_by=by))


def hold_edition(day: date, why: str, by: str, now: datetime) -> bool:
    """A curator says that nothing (more) goes out before it is approved; False if it is so."""
    begin([day], now)
    here = Edition.objects.filter(day=day, closed_at=None, state__in=(State.WAITING, State.OPEN))
    values = {
        "reason": why,
        "changed_by": by,
        "changed_at": now,
        "notified_at": now,
    }  # whoever holds it knows
    nobody = {"approved_at": None, "approved_by": ""}
    return bool(here.update(state=State.HELD, **values, **nobody))


def apply_default(now: datetime) -> None:
    """Hold, and tell of it, what nobody approved by the cut-off, where the settings say so."""
    if settings.UNAPPROVED_EDITIONS == "send":
        return
    values = {"reason": NOT_APPROVED, "changed_by": ITSELF, "changed_at": now, "notified_at": None}
    for edition in Edition.objects.filter(state=State.WAITING, approved_at=None, due__gt=0):
        if now >= approve_by(edition.day):
            here = Edition.objects.filter(pk=edition.pk, state=State.WAITING, approved_at=None)
            here.update(state=State.HELD, **values)


def editions_to_open(now: datetime) -> list[date]:
    """Editions that were approved, or that go out by themselves by now, and are not open yet."""
    shut = Edition.objects.filter(state__in=(State.WAITING, State.HELD), closed_at=None)
    return [edition.day for edition in shut if _may_open(edition, now)]


def _may_open(edition: Edition, now: datetime) -> bool:
    if edition.approved_at:
        return True
    return edition.state == State.WAITING and _goes_by_itself(edition.day, now)


@transaction.atomic
def open_edition(day: date, now: datetime) -> bool:
    """Let it go out, unless a curator holds it by now."""
    edition = Edition.objects.select_for_update().filter(day=day, closed_at=None).first()
    if not edition or edition.state not in (State.WAITING, State.HELD):
        return False
    if not _may_open(edition, now):
        return False
    by = edition.approved_by or ITSELF
    values = {"reason": "", "changed_by": by, "changed_at": now, "paused_until": None}
    return bool(Edition.objects.filter(day=day).update(state=State.OPEN, **values))


def pause_open_editions(why: str, now: datetime) -> None:
    """Nothing can be sent at all: pause whatever is under way, until somebody put it right."""
    under_way = Digest.objects.filter(status__in=(Status.PENDING, Status.SENDING))
    for day in under_way.values_list("day", flat=True).distinct().order_by("day"):
        pause_edition(day, why, ITSELF, now)


def pause_after_errors(day: date, why: str, passes: bool, now: datetime) -> None:
    """Too much goes wrong: pause, and where it may pass by itself try again, each time later."""
    before = Edition.objects.filter(day=day).values_list("error_pauses", flat=True).first() or 0
    until = now + min(FIRST_PAUSE * 2**before, LONGEST_PAUSE) if passes else None
    if pause_edition(day, f"Too many hand-overs went wrong; the last: {why}", ITSELF, now, until):
        Edition.objects.filter(day=day).update(error_pauses=F("error_pauses") + 1)


def watch(now: datetime) -> None:
    """Pause open editions of which too much bounces or is complained about.

    Counted from the last time somebody resumed them: they have seen what came before.
    """
    for edition in Edition.objects.filter(state=State.OPEN, closed_at=None):
        if why := too_much_comes_back(edition):
            pause_edition(edition.day, why, ITSELF, now)


def too_much_comes_back(edition: Edition) -> str:
    """What of an edition's mail came back too often; empty if nothing did."""
    since = edition.changed_at or datetime.min.replace(tzinfo=UTC)
    events = DeliveryEvent.objects.filter(received_at__gt=since)
    back = events.feedback_counts(edition.day)
    if not any(back.values()):
        return ""
    sent = Digest.objects.filter(day=edition.day, status=Status.SENT, sent_at__gt=since).count()
    for name, most in TOO_MUCH_BACK.items():
        count = back[name]
        if count >= most * max(sent, ENOUGH_SENT) and (count > 1 or sent >= MANY_SENT):
            return f"{count} {name} after {sent} digests sent."
    return ""


def resume_edition(day: date, by: str, now: datetime) -> bool:
    """Let the rest of a paused edition go out; False if it is not paused."""
    return bool(_reopen(Q(day=day), by, now))


def cancel_edition(day: date, why: str, by: str, now: datetime) -> bool:
    """Nothing more of this edition goes out; False if that is so already or all is over.

    The sweep makes what is pending `skipped`, so its papers stay eligible.
    """
    here = Edition.objects.filter(day=day, closed_at=None).exclude(state=State.CANCELLED)
    values = {
        "reason": why,
        "changed_by": by,
        "changed_at": now,
        "paused_until": None,
        "notified_at": now,
    }
    return bool(here.update(state=State.CANCELLED, **values))


def try_again(now: datetime) -> int:
    """Reopen the editions whose pause is over; returns how many."""
    ahead = Q(paused_until__gt=now + LONGEST_PAUSE + CLOCK_SKEW)  # by a clock that ran ahead
    return _reopen(Q(paused_until__lte=now) | ahead, ITSELF, now)


def _reopen(which: Q, by: str, now: datetime) -> int:
    paused = Edition.objects.filter(which, state=State.PAUSED)
    values = {"reason": "", "changed_by": by, "changed_at": now, "paused_until": None}
    return paused.update(state=State.OPEN, **values)


def editions_to_report() -> list[date]:
    """Editions with a pause or an alarm of which the operator has not been told."""
    trouble = Q(state__in=(State.PAUSED, State.HELD)) | ~Q(totals_error="")
    return list(Edition.objects.filter(trouble, notified_at=None).values_list("day", flat=True))


@transaction.atomic
def tell_operator(day: date, now: datetime) -> bool:
    """Write to the operator about an edition's trouble, once; False if that was done already."""
    mine = Edition.objects.filter(day=day, notified_at=None)
    if not mine.update(notified_at=now):
        return False
    transactional.write_message(Message.Kind.EDITION_TROUBLE, now, about=day.isoformat())
    return True


def close_finished(now: datetime) -> list[Edition]:
    """Close the totals of editions that are over; returns those that do not add up."""
    over = (now - DAY_IS_OVER - settings.DIGEST_CUTOFF - timedelta(hours=1)).date()
    ended = Edition.objects.filter(closed_at=None, day__lt=over)
    return [edition for edition in ended if not _closes(edition, now)]


def _closes(edition: Edition, now: datetime) -> bool:
    edition.totals = Digest.objects.filter(day=edition.day).totals()
    edition.totals_error = discrepancy(edition, edition.totals)
    edition.closed_at = now
    if edition.totals_error:
        edition.notified_at = None
    edition.save(update_fields=["totals", "totals_error", "closed_at", "notified_at"])
    return not edition.totals_error


def discrepancy(edition: Edition, totals: Mapping[str, int]) -> str:
    """What does not add up in the totals of an edition that is over; empty when all does."""
    found = sum(totals.values()) + edition.erased
    under_way = totals[Status.PENDING] + totals[Status.SENDING]
    said = []
    if found != edition.due:
        said.append(f"{edition.due} were due and {found} are on record.")
    if under_way:
        said.append(f"{under_way} are still under way after the cut-off.")
    return " ".join(said)


def current_problems(now: datetime) -> list[str]:
    """What an operator must know now, one sentence each; empty when all is well."""
    checks = (*WATCHED.values(), _not_made, _held, _alarms)
    return [said for check in checks for said in check(now)]


@transaction.atomic
def alert_operator(now: datetime) -> list[str]:
    """Write to the operator what is missing or stands still, once and every TOLD_AGAIN; what is
    over is forgotten. Returns what was written. Asks PostgreSQL alone: whoever failed, beat,
    workers or Redis, cannot keep this from being noticed.
    """
    troubles = {name: told for name, check in WATCHED.items() if (told := check(now))}
    OperatorAlert.objects.filter(name__in=WATCHED).exclude(name__in=troubles).delete()
    new = [name for name in troubles if OperatorAlert.claim(name, now, TOLD_AGAIN)]
    sentences = [sentence for name in new for sentence in troubles[name]]
    if sentences:
        transactional.write_message(Message.Kind.STANDSTILL, now, details={"sentences": sentences})
    return sentences


def _missing(now: datetime) -> list[str]:
    waiting = Subscriber.objects.due(now - MISSING_AFTER).order_by("next_digest_at")
    first = waiting.values_list("next_digest_at", flat=True).first()
    if not first:
        return []
    return [
        f"An edition is missing: readers were due at {_utc(first)} and have no digest. "
        "Are beat and the build workers running?"
    ]


def _standstill(now: datetime) -> list[str]:
    held = Edition.objects.blocked(now).values("day")
    waiting = Digest.objects.filter(status=Status.PENDING, next_attempt_at__lt=now - NO_SUCCESS_FOR)
    if not waiting.exclude(day__in=held).exists():
        return []
    sent = Digest.objects.filter(status=Status.SENT, sent_at__lte=now + CLOCK_SKEW)
    sent = sent.order_by("-sent_at")
    last = sent.values_list("sent_at", flat=True).first()
    if last and last > now - NO_SUCCESS_FOR:
        return []
    since = f"since {_utc(last)}" if last else "so far"
    return [f"Digests wait and none was sent {since}. Are the mail workers running?"]


def _forgotten(now: datetime) -> list[str]:
    in_hand = Digest.objects.filter(status=Status.SENDING, claimed_at__lt=now - IN_HAND_FOR)
    if not in_hand.exists():
        return []
    return ["Digests were claimed and nobody wrote down what became of them. Is the sweep running?"]


WATCHED: dict[str, Callable[[datetime], list[str]]] = {
    "missing": _missing,
    "standstill": _standstill,
    "forgotten": _forgotten,
    "messages": transactional.describe_standstill,
}
"""What the operator is mailed of by `look_after`; an edition that is held or does not add up, by
`tell_operator`."""


def _not_made(now: datetime) -> list[str]:
    """Digests that failed without a hand-over: the reader's data is bad."""
    recent = (now - timedelta(days=2)).date()
    failed = Digest.objects.filter(status=Status.FAILED, day__gte=recent, paper_ids=[])
    return [
        f"The digest of reader {digest.subscriber_id} for {digest.day} is missing. "
        f"{digest.reason.partition(':')[0]}"
        for digest in failed.order_by("-day", "pk").only("subscriber", "day", "reason")[:20]
    ]


def stopped_by_curators() -> list[str]:
    """Editions that a person paused or held: nothing is wrong, and nothing of them goes out."""
    stopped = _stopped().exclude(changed_by=ITSELF)
    return [
        f"The edition of {edition.day} is {edition.state} by {edition.changed_by}: {edition.reason}"
        for edition in stopped
    ]


def _held(_now: datetime) -> list[str]:
    shut = _stopped().filter(changed_by=ITSELF)
    return [
        f"The edition of {edition.day} is {edition.state}: {edition.reason}" for edition in shut
    ]


def _stopped() -> QuerySet[Edition]:
    return Edition.objects.filter(state__in=(State.PAUSED, State.HELD), closed_at=None)


def _alarms(now: datetime) -> list[str]:
    recent = Edition.objects.filter(closed_at__gt=now - ALARMS_SHOWN_FOR).exclude(totals_error="")
    return [
        f"The totals of {edition.day} do not close: {edition.totals_error}" for edition in recent
    ]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
