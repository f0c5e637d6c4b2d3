"""How far an edition has come, and why a reader did or did not get it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import Left

from subscriptions.mail.addresses import email_key
from subscriptions.models import DeliveryEvent, Digest, Edition, Subscriber

Status = Digest.Status

DONE = (Status.SENT, Status.SKIPPED, Status.SUPPRESSED, Status.FAILED, Status.UNCERTAIN)
TROUBLED = (Status.FAILED, Status.UNCERTAIN)
MOST_KINDS, MOST_LISTED = 12, 20


@dataclass(frozen=True, slots=True)
class Trouble:
    """Digests that came to the same end, by how their reasons begin."""

    status: str
    outcome: str
    begins: str
    count: int


@dataclass(frozen=True)
class Progress:
    """What the edition's page shows. `rate` is digests sent in the last minute."""

    totals: dict[str, int]
    rate: int
    oldest: datetime | None
    troubles: list[Trouble]
    listed: list[Digest]

    @classmethod
    def of(cls, edition: Edition, now: datetime) -> Progress:
        mine = Digest.objects.filter(day=edition.day)
        waiting = mine.filter(status=Status.PENDING).order_by("next_attempt_at")
        recent = mine.filter(status=Status.SENT, sent_at__gt=now - timedelta(minutes=1))
        troubled = mine.filter(status__in=TROUBLED).select_related("subscriber")
        return cls(
            totals=mine.totals(),
            rate=recent.count(),
            oldest=waiting.values_list("next_attempt_at", flat=True).first(),
            troubles=list_troubles(edition.day),
            listed=list(
                troubled.defer("items", "paper_ids").order_by("-status", "pk")[:MOST_LISTED]
            ),
        )

    @property
    def made(self) -> int:
        return sum(self.totals.values())

    @property
    def done(self) -> int:
        return sum(self.totals[status] for status in DONE)

    @property
    def percent(self) -> int:
        return self.done * 100 // self.made if self.made else 0

    @property
    def minutes_left(self) -> int | None:
        """At the rate of the last minute; None while nothing is sent."""
        left = self.totals[Status.PENDING]
        return -(-left // self.rate) if self.rate else None


def list_troubles(day: date) -> list[Trouble]:
    """The most frequent ends but good ones."""
    rows = Digest.objects.filter(day=day, status__in=TROUBLED)
    kinds = rows.values_list("status", "outcome", Left("reason", 40)).annotate(n=Count("pk"))
    return [Trouble(*row) for row in kinds.order_by("-n", "status", "outcome")[:MOST_KINDS]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a reader got an edition or not: what is known, in sentences; the digest if there is one;
    what came back."""

    said: list[str]
    digest: Digest | None = None
    events: tuple[DeliveryEvent, ...] = ()


def explain_digest(day: date, address: str) -> Answer:
    """A handful of look-ups by key, however many rows there are."""
    reader = Subscriber.objects.filter(email_key=email_key(address)).first()
    if reader is None:
        return Answer([f"Nobody signed up as {address}."])
    digest = Digest.objects.filter(subscriber=reader, day=day).first()
    if digest is None:
        return Answer([f"No digest was made for this day. {_of_reader(reader)}"])
    events = tuple(
        DeliveryEvent.objects.filter(digest=digest).order_by("-occurred_at")[:MOST_LISTED]
    )
    return Answer([*_of_digest(digest), _of_reader(reader)], digest, events)


def _of_reader(reader: Subscriber) -> str:
    state = f"The reader is {reader.get_status_display()}"
    if reader.next_digest_at is None:
        return f"{state} and gets no digests ({reader.get_frequency_display().lower()})."
    return f"{state}; the next digest is due at {reader.next_digest_at:%Y-%m-%d %H:%M} UTC."


def _of_digest(digest: Digest) -> list[str]:
    said = [f"The digest is {digest.status}. {digest.reason}".strip()]
    said.append(
        f"Made at {digest.created_at:%Y-%m-%d %H:%M} UTC with {len(digest.paper_ids)} papers."
    )
    if digest.claimed_at:
        said.append(
            f"Attempts: {digest.attempts}; the last at {digest.claimed_at:%Y-%m-%d %H:%M:%S} UTC."
        )
    if digest.status == Status.PENDING:
        said.append(f"To be handed over from {digest.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC.")
    return said
