"""Alerts for the operator: missing, stuck and paused editions, and totals that do not add up.

All checks read PostgreSQL only, so they work when beat, the workers or Redis have failed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from subscriptions.editions.states import PAPERBOY, utc_text
from subscriptions.mail import transactional
from subscriptions.models import CLOCK_SKEW, Digest, Edition, Message, OperatorAlert, Subscription

State, Status = Edition.State, Digest.Status

MISSING_AFTER = timedelta(hours=2)
NO_SUCCESS_FOR = timedelta(minutes=30)
UNSETTLED_AFTER = timedelta(minutes=30)
REPEAT_AFTER = timedelta(hours=6)
TOTALS_SHOWN_FOR = timedelta(days=7)
MAX_FAILURES_SHOWN = 20


def current_problems(now: datetime) -> list[str]:
    """Return all current problems with editions and messages, one sentence each."""
    checks = (*EMAILED_CHECKS.values(), _not_built, _stopped_automatically, _wrong_totals)
    return [sentence for check in checks for sentence in check(now)]


@transaction.atomic
def alert_operator(now: datetime) -> list[str]:
    """Email the operator about new problems, and again every REPEAT_AFTER while they last.

    Return the sentences that were written.
    """
    problems = {
        name: sentences for name, check in EMAILED_CHECKS.items() if (sentences := check(now))
    }
    OperatorAlert.objects.filter(name__in=EMAILED_CHECKS).exclude(name__in=problems).delete()
    unreported = [name for name in problems if OperatorAlert.claim(name, now, REPEAT_AFTER)]
    sentences = [sentence for name in unreported for sentence in problems[name]]
    if sentences:
        transactional.write_message(Message.Kind.STANDSTILL, now, details={"sentences": sentences})
    return sentences


def editions_to_report() -> list[date]:
    """Return editions with a pause or wrong totals that the operator does not know of yet."""
    problem = Q(state__in=(State.PAUSED, State.HELD)) | ~Q(totals_error="")
    return list(Edition.objects.filter(problem, notified_at=None).values_list("day", flat=True))


@transaction.atomic
def report_edition(day: date, now: datetime) -> bool:
    """Email the operator about an edition's problem. Return False if that was done before."""
    unreported = Edition.objects.filter(day=day, notified_at=None)
    if not unreported.update(notified_at=now):
        return False
    transactional.write_message(Message.Kind.EDITION_TROUBLE, now, about=day.isoformat())
    return True


def stopped_by_curators() -> list[str]:
    """Return a sentence for each edition that a person paused or put on hold."""
    return [
        f"The edition of {edition.day} was {_state_text(edition)} by {edition.changed_by}: "
        f"{edition.reason}"
        for edition in _stopped_editions().exclude(changed_by=PAPERBOY)
    ]


def _state_text(edition: Edition) -> str:
    return "paused" if edition.state == State.PAUSED else "put on hold"


def _missing(now: datetime) -> list[str]:
    due = Subscription.objects.due(now - MISSING_AFTER).order_by("next_digest_at")
    first = due.values_list("next_digest_at", flat=True).first()
    if not first:
        return []
    return [
        f"An edition is missing: readers were due at {utc_text(first)} and have no digest. "
        "Are beat and the build workers running?"
    ]


def _standstill(now: datetime) -> list[str]:
    blocked = Edition.objects.blocked(now).values("day")
    pending = Digest.objects.filter(status=Status.PENDING, next_attempt_at__lt=now - NO_SUCCESS_FOR)
    if not pending.exclude(day__in=blocked).exists():
        return []
    sent = Digest.objects.filter(status=Status.SENT, sent_at__lte=now + CLOCK_SKEW)
    last = sent.order_by("-sent_at").values_list("sent_at", flat=True).first()
    if last and last > now - NO_SUCCESS_FOR:
        return []
    since = f"since {utc_text(last)}" if last else "so far"
    return [f"Digests are waiting and none was sent {since}. Are the mail workers running?"]


def _unsettled(now: datetime) -> list[str]:
    claimed = Digest.objects.filter(status=Status.SENDING, claimed_at__lt=now - UNSETTLED_AFTER)
    if not claimed.exists():
        return []
    return ["Digests were claimed and their outcome was never recorded. Is beat running?"]


EMAILED_CHECKS: dict[str, Callable[[datetime], list[str]]] = {
    "missing": _missing,
    "standstill": _standstill,
    "unsettled": _unsettled,
    "messages": transactional.describe_standstill,
}
"""Problems that `alert_operator` emails. `report_edition` does so for pauses and totals."""


def _not_built(now: datetime) -> list[str]:
    """Return digests of the last days that could not be built because of bad data."""
    first = (now - timedelta(days=2)).date()
    failed = Digest.objects.filter(status=Status.FAILED, day__gte=first, items=[])
    failed = failed.order_by("-day", "pk").only("subscriber", "day", "reason")
    return [
        f"The digest of reader {digest.subscriber_id} for {digest.day} is missing. "
        f"{digest.reason.partition(':')[0]}"
        for digest in failed[:MAX_FAILURES_SHOWN]
    ]


def _stopped_automatically(_now: datetime) -> list[str]:
    return [
        f"The edition of {edition.day} was {_state_text(edition)}: {edition.reason}"
        for edition in _stopped_editions().filter(changed_by=PAPERBOY)
    ]


def _stopped_editions() -> QuerySet[Edition]:
    return Edition.objects.filter(state__in=(State.PAUSED, State.HELD), closed_at=None)


def _wrong_totals(now: datetime) -> list[str]:
    closed = Edition.objects.filter(closed_at__gt=now - TOTALS_SHOWN_FOR)
    return [
        f"The totals of {edition.day} do not add up: {edition.totals_error}"
        for edition in closed.exclude(totals_error="")
    ]
