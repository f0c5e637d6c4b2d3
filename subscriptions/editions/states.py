"""Edition states: approve, hold, pause, resume, cancel, and the rules that do so automatically."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from subscriptions.models import CLOCK_SKEW, DeliveryEvent, Digest, Edition

State, Status = Edition.State, Digest.Status

CANCELLED = "The edition was cancelled."
NOT_APPROVED = "No curator approved it in time."
PAPERBOY = "Paperboy"  # the account on record for automatic changes
MAX_FEEDBACK = {"bounces": 0.05, "complaints": 0.001}  # shares of digests sent
MIN_SENT = 20  # shares are computed from at least this many digests
MANY_SENT = 1000  # from this many on, a single event can exceed a share
FIRST_PAUSE = timedelta(minutes=5)
MAX_PAUSE = timedelta(hours=1)


def ensure_editions(days: Iterable[date], now: datetime) -> None:
    """Create missing edition rows. Safe to call concurrently."""
    editions = [Edition(day=day, state=initial_state(day, now)) for day in days]
    Edition.objects.bulk_create(editions, ignore_conflicts=True)


def add_due(counts: Mapping[date, int], now: datetime) -> None:
    """Add the numbers of new digests to their editions, in the transaction that creates them."""
    days = sorted(counts)  # a fixed lock order avoids deadlocks between workers
    ensure_editions(days, now)
    for day in days:
        Edition.objects.filter(day=day).update(due=F("due") + counts[day])


def approve_by(day: date) -> datetime:
    """Return the cut-off for approval: then an unapproved edition is sent or put on hold."""
    return datetime.combine(day, time(), UTC) + settings.APPROVE_BY


def initial_state(day: date, now: datetime) -> str:
    return State.OPEN if _opens_unapproved(day, now) else State.WAITING


def _opens_unapproved(day: date, now: datetime) -> bool:
    return settings.UNAPPROVED_EDITIONS == "send" and now >= approve_by(day)


def describe_outlook(edition: Edition, now: datetime) -> str:
    """Return a sentence for curators about what will happen to an edition."""
    cut_off = utc_text(approve_by(edition.day))
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
        return f"Not approved yet. Will be sent from {cut_off} on, approved or not."
    return f"Not approved yet. Put on hold at {cut_off} unless a curator approves it."


def utc_text(moment: datetime) -> str:
    """Return a timestamp such as "2026-05-04 07:00 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def approve_edition(day: date, by: str, now: datetime) -> bool:
    """Record a curator's approval. Return False if the edition is approved already or over.

    It opens after digests built before the last change at the desk have been rebuilt.
    """
    ensure_editions([day], now)
    edition = Edition.objects.filter(day=day, closed_at=None, approved_at=None)
    states = (State.WAITING, State.HELD, State.OPEN)
    return bool(edition.filter(state__in=states).update(approved_at=now, approved_by=by))


def hold_edition(day: date, reason: str, by: str, now: datetime) -> bool:
    """Send nothing (more) until a curator approves the edition. Return False if already so."""
    ensure_editions([day], now)
    edition = Edition.objects.filter(day=day, closed_at=None, state__in=(State.WAITING, State.OPEN))
    return bool(
        edition.update(
            state=State.HELD,
            reason=reason,
            changed_by=by,
            changed_at=now,
            notified_at=now,  # no alert: a person did it
            approved_at=None,
            approved_by="",
        )
    )


def hold_unapproved(now: datetime) -> None:
    """Put editions on hold that nobody approved by the cut-off, if the settings say so."""
    if settings.UNAPPROVED_EDITIONS == "send":
        return
    waiting = Edition.objects.filter(state=State.WAITING, approved_at=None)
    for edition in waiting.filter(due__gt=0):
        if now >= approve_by(edition.day):
            waiting.filter(pk=edition.pk).update(
                state=State.HELD,
                reason=NOT_APPROVED,
                changed_by=PAPERBOY,
                changed_at=now,
                notified_at=None,
            )


def editions_to_open(now: datetime) -> list[date]:
    """Return editions that may open now: approved ones, or ones sent without approval."""
    closed = Edition.objects.filter(state__in=(State.WAITING, State.HELD), closed_at=None)
    return [edition.day for edition in closed if _may_open(edition, now)]


def _may_open(edition: Edition, now: datetime) -> bool:
    if edition.approved_at:
        return True
    return edition.state == State.WAITING and _opens_unapproved(edition.day, now)


@transaction.atomic
def open_edition(day: date, now: datetime) -> bool:
    """Open an edition for sending. Return False if a curator has put it on hold meanwhile."""
    edition = Edition.objects.select_for_update().filter(day=day, closed_at=None).first()
    if not edition or edition.state not in (State.WAITING, State.HELD):
        return False
    if not _may_open(edition, now):
        return False
    return bool(_set_open(Q(day=day), edition.approved_by or PAPERBOY, now))


def _set_open(condition: Q, by: str, now: datetime) -> int:
    return Edition.objects.filter(condition).update(
        state=State.OPEN, reason="", changed_by=by, changed_at=now, paused_until=None
    )


def pause_edition(
    day: date, reason: str, by: str, now: datetime, until: datetime | None = None
) -> bool:
    """Stop claiming digests of this edition. Return False if it is not open.

    If many workers meet the same problem, one of them pauses the edition, so the operator gets
    one alert. With `until`, sending resumes automatically then.
    """
    Edition.objects.get_or_create(day=day)
    edition = Edition.objects.filter(day=day, state=State.OPEN)
    return bool(
        edition.update(
            state=State.PAUSED,
            reason=reason,
            changed_by=by,
            changed_at=now,
            paused_until=until,
            notified_at=None,
        )
    )


def pause_open_editions(reason: str, now: datetime) -> None:
    """Pause all editions with unsent digests, because no mail can be sent."""
    unsent = Digest.objects.filter(status__in=(Status.PENDING, Status.SENDING))
    for day in unsent.values_list("day", flat=True).distinct().order_by("day"):
        pause_edition(day, reason, PAPERBOY, now)


def pause_after_errors(day: date, reason: str, is_temporary: bool, now: datetime) -> None:
    """Pause an edition with too many errors. Retry temporary ones after increasing delays."""
    pauses = Edition.objects.filter(day=day).values_list("error_pauses", flat=True).first() or 0
    until = now + min(FIRST_PAUSE * 2**pauses, MAX_PAUSE) if is_temporary else None
    if pause_edition(day, f"Too many errors while sending. Last: {reason}", PAPERBOY, now, until):
        Edition.objects.filter(day=day).update(error_pauses=F("error_pauses") + 1)


def pause_after_feedback(now: datetime) -> None:
    """Pause open editions with too many bounces or complaints."""
    for edition in Edition.objects.filter(state=State.OPEN, closed_at=None):
        if reason := excess_feedback(edition):
            pause_edition(edition.day, reason, PAPERBOY, now)


def excess_feedback(edition: Edition) -> str:
    """Return which feedback exceeds its share of digests sent, or an empty string.

    Counted from the last change of state: earlier feedback was known when it was resumed.
    """
    since = edition.changed_at or datetime.min.replace(tzinfo=UTC)
    events = DeliveryEvent.objects.filter(received_at__gt=since)
    counts = events.feedback_counts(edition.day)
    if not any(counts.values()):
        return ""
    sent = Digest.objects.filter(day=edition.day, status=Status.SENT, sent_at__gt=since).count()
    for name, share in MAX_FEEDBACK.items():
        count = counts[name]
        if count >= share * max(sent, MIN_SENT) and (count > 1 or sent >= MANY_SENT):
            return f"{count} {name} after {sent} digests sent."
    return ""


def resume_edition(day: date, by: str, now: datetime) -> bool:
    """Send the rest of a paused edition. Return False if it is not paused."""
    return bool(_set_open(Q(day=day, state=State.PAUSED), by, now))


def resume_after_pause(now: datetime) -> int:
    """Resume editions whose pause is over. Return their number."""
    # A pause this long was set by a clock that was ahead.
    ahead = Q(paused_until__gt=now + MAX_PAUSE + CLOCK_SKEW)
    is_over = Q(paused_until__lte=now) | ahead
    return _set_open(is_over & Q(state=State.PAUSED), PAPERBOY, now)


def cancel_edition(day: date, reason: str, by: str, now: datetime) -> bool:
    """Send nothing more of this edition. Return False if it is cancelled already or over.

    `recover_digests` marks pending digests as skipped, so their papers stay eligible.
    """
    edition = Edition.objects.filter(day=day, closed_at=None).exclude(state=State.CANCELLED)
    return bool(
        edition.update(
            state=State.CANCELLED,
            reason=reason,
            changed_by=by,
            changed_at=now,
            paused_until=None,
            notified_at=now,
        )
    )
