"""The progress of an edition, and why a reader did or did not get it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import Left

from subscriptions.mail.addresses import email_key
from subscriptions.models import DeliveryEvent, Digest, Edition, Subscriber, Subscription
from subscriptions.readers.scheduling import describe_subscription

Status = Digest.Status

DONE = (Status.SENT, Status.SKIPPED, Status.SUPPRESSED, Status.FAILED, Status.UNCERTAIN)
UNSUCCESSFUL = (Status.FAILED, Status.UNCERTAIN)
MAX_KINDS, MAX_LISTED = 12, 20


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Digests with the same status and outcome, whose reasons begin alike."""

    status: str
    outcome: str
    begins: str
    count: int


@dataclass(frozen=True)
class Progress:
    """Progress of sending an edition. `rate` is the number of digests sent in the last minute."""

    totals: dict[str, int]
    rate: int
    oldest: datetime | None
    error_kinds: list[ErrorKind]
    listed: list[Digest]

    @classmethod
    def of(cls, edition: Edition, now: datetime) -> Progress:
        digests = Digest.objects.filter(day=edition.day)
        pending = digests.filter(status=Status.PENDING).order_by("next_attempt_at")
        recent = digests.filter(status=Status.SENT, sent_at__gt=now - timedelta(minutes=1))
        unsuccessful = digests.filter(status__in=UNSUCCESSFUL).select_related("subscriber")
        return cls(
            totals=digests.totals(),
            rate=recent.count(),
            oldest=pending.values_list("next_attempt_at", flat=True).first(),
            error_kinds=list_error_kinds(edition.day),
            listed=list(
                unsuccessful.defer("items", "paper_ids").order_by("-status", "pk")[:MAX_LISTED]
            ),
        )

    @property
    def total(self) -> int:
        return sum(self.totals.values())

    @property
    def done(self) -> int:
        return sum(self.totals[status] for status in DONE)

    @property
    def percent(self) -> int:
        return self.done * 100 // self.total if self.total else 0

    @property
    def minutes_left(self) -> int | None:
        """Return the minutes left at the current rate, or None if nothing was sent."""
        left = self.totals[Status.PENDING]
        return -(-left // self.rate) if self.rate else None


def list_error_kinds(day: date) -> list[ErrorKind]:
    """Return the most frequent kinds of errors."""
    rows = Digest.objects.filter(day=day, status__in=UNSUCCESSFUL)
    kinds = rows.values_list("status", "outcome", Left("reason", 40)).annotate(n=Count("pk"))
    return [ErrorKind(*row) for row in kinds.order_by("-n", "status", "outcome")[:MAX_KINDS]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An explanation in sentences, with the digest and its delivery events if there are any."""

    sentences: list[str]
    digest: Digest | None = None
    events: tuple[DeliveryEvent, ...] = ()


def explain_digest(day: date, address: str) -> Answer:
    """Explain why a reader got or did not get the digest of a day, with a few indexed queries."""
    reader = Subscriber.objects.filter(email_key=email_key(address)).first()
    if reader is None:
        return Answer([f"No reader has the address {address}."])
    rows = reader.digests.filter(day=day).select_related("subscription")
    found = list(rows.order_by("subscription__position", "sequence"))
    if not found:
        return Answer([f"No digest was built for this day. {_describe_reader(reader)}"])
    events = DeliveryEvent.objects.filter(digest__in=found).order_by("-occurred_at")
    sentences = [text for digest in found for text in _describe_digest(digest, len(found) > 1)]
    return Answer([*sentences, _describe_reader(reader)], found[0], tuple(events[:MAX_LISTED]))


def _describe_reader(reader: Subscriber) -> str:
    state = f"The reader is {reader.get_status_display()}"
    subscriptions = list(reader.subscriptions.order_by("position"))
    due = [one.next_digest_at for one in subscriptions if one.next_digest_at]
    if due:
        return f"{state}; the next digest is due at {min(due):%Y-%m-%d %H:%M} UTC."
    schedules = ", ".join(_describe_schedule(one) for one in subscriptions)
    return f"{state} and gets no digests ({schedules})."


def _describe_schedule(subscription: Subscription) -> str:
    if not subscription.is_active:
        return subscription.get_state_display()
    return subscription.get_frequency_display().lower()


def _describe_digest(digest: Digest, one_of_several: bool) -> list[str]:
    name = ""
    if one_of_several:
        row = digest.subscription
        name = f" “{describe_subscription(row) if row else 'of a deleted subscription'}”"
    sentences = [f"The digest{name} is {digest.status}. {digest.reason}".strip()]
    sentences.append(
        f"Built at {digest.created_at:%Y-%m-%d %H:%M} UTC with {len(digest.paper_ids)} papers."
    )
    if digest.claimed_at:
        sentences.append(
            f"Attempts: {digest.attempts}, the last at {digest.claimed_at:%Y-%m-%d %H:%M:%S} UTC."
        )
    if digest.status == Status.PENDING:
        sentences.append(f"To be sent from {digest.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC.")
    return sentences
