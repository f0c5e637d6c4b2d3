"""Digests, other messages, and what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.signals import post_delete
from django.dispatch import receiver

from subscriptions.models.editions import Edition
from subscriptions.models.readers import Subscriber
from subscriptions.models.subscriptions import Subscription


class Mail(models.Model):
    """The delivery state of one email to one recipient.

    pending -> sending -> sent | failed | uncertain. Only `delivery.claims` writes these columns.
    """

    # Retry limits, and outcomes that do not count as an attempt.
    MAX_ATTEMPTS: ClassVar[int]
    MAX_DELAY: ClassVar[timedelta]
    UNCOUNTED_OUTCOMES: ClassVar[tuple[str, ...]]

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    reason = models.TextField(blank=True, help_text="Why it was skipped, or what went wrong.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="Not sent after this time.")
    queued_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was last queued for the workers."
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, blank=True, help_text="Outcome of the last attempt.")
    provider_id = models.CharField(
        max_length=200, blank=True, help_text="The mail provider's ID of the message."
    )
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When a delivery event settled an uncertain outcome."
    )

    class Meta:
        abstract = True


class DigestQuerySet(models.QuerySet["Digest"]):
    def failed(self, pks: Collection[int]) -> DigestQuerySet:
        return self.filter(pk__in=pks, status=Digest.Status.FAILED)

    def totals(self) -> dict[str, int]:
        """Return the number of digests per status. The sum equals the number due."""
        counts = dict.fromkeys(Digest.Status.values, 0)
        return counts | dict(self.values_list("status").annotate(models.Count("pk")).order_by())


class Digest(Mail):
    """One digest of one subscription.

    There is one per local day. On their first day, readers can request a second one after they
    have changed their interests.

    pending -> sending -> sent | failed | uncertain, or skipped | suppressed without sending.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        UNCERTAIN = "uncertain"
        SKIPPED = "skipped"
        SUPPRESSED = "suppressed"

    class Period(models.TextChoices):
        DAY = "day"
        WEEK = "week"
        FORTNIGHT = "fortnight"
        MONTH = "month"

    MAX_ATTEMPTS = 10  # over at least an hour
    MAX_DELAY = timedelta(hours=1)
    UNCOUNTED_OUTCOMES = ("throttled", "broken")  # the edition is paused instead

    UNREAD = "unread"  # section of kept papers; its items are not new papers of the digest

    # Papers in digests of these statuses are never sent again.
    RESERVING_STATUSES = (Status.PENDING, Status.SENDING, Status.SENT)

    # unique_digest_per_day already indexes both, and each index slows every hand-over.
    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.CASCADE,
        related_name="digests",
        db_index=False,
        help_text="The subscription's reader, so that a reader's digests are found by one index.",
    )
    # `delete_subscription` empties it, by the reader's index. A constraint in the database would
    # search the whole table for each subscription that is deleted, also with its reader.
    subscription = models.ForeignKey(
        Subscription,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="digests",
        db_index=False,
        help_text="Empty if it was deleted.",
    )
    day = models.DateField(help_text="The reader's local day.")
    sequence = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="0, or 1 for the second digest that a reader can request on their first day.",
    )
    period = models.CharField(
        max_length=10,
        choices=Period,
        default=Period.DAY,
        db_default=Period.DAY,
        help_text="The time it covers. Longer ones are presented as a round-up.",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    subject = models.CharField(max_length=300, blank=True)
    # JSON, because a digest is written once and read as a whole: one row per paper would be ten
    # million rows per day for a million readers. `paper_ids` serves the query for sent papers.
    items = models.JSONField(
        default=list, help_text="For each paper: paper, section, topic, reason and score."
    )
    paper_ids = ArrayField(models.BigIntegerField(), default=list)
    notices = models.JSONField(
        default=list, blank=True, help_text="Notices about the day and about papers sent earlier."
    )
    profile_key = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text="Hash of the profile it was built from, on a reader's first day.",
    )

    quiet_topics: tuple[int, ...] = ()
    """The topics that a new digest gives notice of; not stored."""

    objects = DigestQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "-pk"]
        constraints = [
            # A subscription has one reader, so this is unique per subscription, day and sequence.
            # Expressions make it an index, which can be created concurrently.
            models.UniqueConstraint(
                *("subscriber", "subscription", "day", "sequence"), name="unique_digest_per_day"
            ),
            models.CheckConstraint(
                condition=models.Q(sequence__lte=1), name="at_most_two_digests_per_day"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="digest_to_send",
                condition=models.Q(status="pending"),
            ),
            models.Index(
                fields=["claimed_at"], name="digest_sending", condition=models.Q(status="sending")
            ),
            models.Index(fields=["day", "status"], name="digest_totals"),
            models.Index(
                fields=["status", "day"],
                name="digest_problems",
                condition=models.Q(status__in=["uncertain", "failed"]),
            ),
            models.Index(fields=["sent_at"], name="digest_sent", condition=models.Q(status="sent")),
        ]

    def __str__(self) -> str:
        return f"digest for {self.subscriber_id}, {self.day} ({self.status})"

    @property
    def is_round_up(self) -> bool:
        return self.period != self.Period.DAY

    @property
    def new_items(self) -> list[dict[str, Any]]:
        """Return the items of the papers that it brings."""
        return [item for item in self.items if item.get("section") != self.UNREAD]

    @property
    def unread_items(self) -> list[dict[str, Any]]:
        """Return the items of kept papers that the reader had not read."""
        return [item for item in self.items if item.get("section") == self.UNREAD]

    @property
    def shown_papers(self) -> list[int]:
        """Return the primary keys of all papers it shows, new and unread."""
        return [*self.paper_ids, *(item["paper"] for item in self.unread_items if item["paper"])]


@receiver(post_delete, sender=Digest)
def subtract_from_totals(instance: Digest, **_kwargs: object) -> None:
    """Count digests deleted with their reader, so that the totals still add up."""
    still_open = Edition.objects.filter(day=instance.day, closed_at=None)
    still_open.update(erased=models.F("erased") + 1)


class MessageQuerySet(models.QuerySet["Message"]):
    def unsettled(self) -> MessageQuerySet:
        return self.filter(status__in=(Message.Status.PENDING, Message.Status.SENDING))


class Message(Mail):
    """Any email other than a digest. Created in the transaction of the event that causes it.

    The text is rendered when it is sent, so that no signed link is stored.
    pending -> sending -> sent | failed | uncertain, or expired | suppressed without sending.
    """

    class Kind(models.TextChoices):
        CONFIRMATION = "confirmation"
        PREFERENCES_LINK = "preferences_link", "preferences link"
        VOTE_LINK = "vote_link", "vote link"
        WELCOME = "welcome"
        LESS_OFTEN = "less_often", "“less often?”"
        GOODBYE = "goodbye"
        EDITION_TROUBLE = "edition_trouble", "alert: edition"
        STANDSTILL = "standstill", "alert: mail is not being sent"
        SIGNUP_TROUBLE = "signup_trouble", "alert: sign-ups"

    class Status(models.TextChoices):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        UNCERTAIN = "uncertain"
        EXPIRED = "expired"
        SUPPRESSED = "suppressed"

    MAX_ATTEMPTS = 1000  # `expires_at` is the limit
    MAX_DELAY = timedelta(minutes=15)
    UNCOUNTED_OUTCOMES = ("throttled",)

    kind = models.CharField(max_length=20, choices=Kind)
    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="messages",
        help_text="Empty for emails to the operator.",
    )
    about = models.CharField(
        max_length=100, blank=True, help_text="ID of the paper, or day of the edition."
    )
    details = models.JSONField(default=dict, blank=True, help_text="Data for the template.")
    mailbox = models.CharField(
        max_length=32,
        blank=True,
        editable=False,
        help_text="Keyed hash of the address, for the daily limit.",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="message_to_send",
                condition=models.Q(status="pending"),
            ),
            models.Index(
                fields=["claimed_at"], name="message_sending", condition=models.Q(status="sending")
            ),
            models.Index(fields=["created_at", "kind", "status"], name="message_created"),
            models.Index(fields=["mailbox", "claimed_at"], name="message_mailbox"),
            models.Index(
                fields=["status", "created_at"],
                name="message_problems",
                condition=models.Q(status__in=["uncertain", "failed", "expired"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.status})"


class DeliveryEventQuerySet(models.QuerySet["DeliveryEvent"]):
    def feedback_counts(self, day: date) -> dict[str, int]:
        """Return how many digests of a day have bounces, and how many have complaints."""
        counts = self.filter(day=day, kind__in=DeliveryEvent.NEGATIVE_KINDS).aggregate(
            bounces=models.Count(
                "digest", distinct=True, filter=models.Q(kind__in=DeliveryEvent.BOUNCES)
            ),
            complaints=models.Count(
                "digest", distinct=True, filter=models.Q(kind=DeliveryEvent.Kind.COMPLAINT)
            ),
        )
        return {name: int(count) for name, count in counts.items()}


class DeliveryEvent(models.Model):
    """A report by a mail provider or mail server about one email. Never changed."""

    class Kind(models.TextChoices):
        """Kinds of events, weakest first. The strongest event of a mail decides its status."""

        UNKNOWN = "unknown"
        DEFERRED = "deferred", "deferred: the server keeps trying"
        ACCEPTED = "accepted", "accepted by the provider"
        SOFT_BOUNCE = "soft", "soft bounce"
        AUTO_REPLY = "auto_reply", "automatic reply"
        DELIVERED = "delivered"
        OPENED = "opened"
        CLICKED = "clicked"
        REJECTED = "rejected", "rejected by the provider"
        HARD_BOUNCE = "hard", "hard bounce"
        UNSUBSCRIBED = "left", "unsubscribed"
        COMPLAINT = "complaint"

    BOUNCES = (Kind.SOFT_BOUNCE, Kind.HARD_BOUNCE)
    NEGATIVE_KINDS = (*BOUNCES, Kind.COMPLAINT)

    key = models.CharField(
        max_length=64, unique=True, help_text="Identifies the event across repeated reports."
    )
    provider = models.CharField(max_length=40)
    kind = models.CharField(max_length=10, choices=Kind)
    provider_word = models.CharField(
        max_length=100, blank=True, help_text="The provider's name for this event."
    )
    detail = models.CharField(max_length=500, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    # Empty when the event cannot be assigned to a reader: other addresses are not stored.
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, null=True, related_name="delivery_events"
    )
    digest = models.ForeignKey(
        Digest, on_delete=models.CASCADE, null=True, related_name="delivery_events"
    )
    message = models.ForeignKey(
        Message,
        on_delete=models.CASCADE,
        null=True,
        related_name="delivery_events",
        db_index=False,
    )
    day = models.DateField(null=True, help_text="Day of the digest.")

    objects = DeliveryEventQuerySet.as_manager()

    class Meta:
        ordering = ["-occurred_at", "-pk"]
        indexes = [
            models.Index(
                fields=["day", "kind", "digest"],
                name="event_feedback",
                condition=models.Q(kind__in=["soft", "hard", "complaint"]),
            ),
            BrinIndex(fields=["received_at"], name="event_received", autosummarize=True),
            models.Index(
                fields=["message"],
                name="event_message",
                condition=models.Q(message__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.provider} at {self.occurred_at:%Y-%m-%d %H:%M}"
