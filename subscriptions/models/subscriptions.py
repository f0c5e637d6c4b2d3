"""Subscriptions: where and when readers get digests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from subscriptions.models.readers import Subscriber
from subscriptions.models.topics import TOPIC_NAME_LENGTH, Topic


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def active(self) -> SubscriptionQuerySet:
        """Return subscriptions that bring digests: not stopped, and of active readers."""
        return self.filter(
            state=Subscription.State.ACTIVE, subscriber__status=Subscriber.Status.ACTIVE
        )

    def due(self, now: datetime) -> SubscriptionQuerySet:
        """Return those whose digest is due. `next_digest_at` is null when no digest will come."""
        return self.active().filter(next_digest_at__lte=now)

    def unschedule(self, readers: Iterable[int]) -> None:
        """Make no digest due for these readers."""
        of_readers = self.filter(subscriber__in=list(readers), next_digest_at__isnull=False)
        of_readers.update(next_digest_at=None)


class Subscription(models.Model):
    """Delivery of digests to a reader: a destination, a schedule, and topics."""

    class Destination(models.TextChoices):
        EMAIL = "email", _("Email")

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        STOPPED = "stopped", _("stopped")

    class Frequency(models.TextChoices):
        DAILY = "daily", _("Every day")
        WEEKDAYS = "weekdays", _("Monday to Friday")
        WEEKLY = "weekly", _("Once a week")
        FORTNIGHTLY = "fortnightly", _("Every second week")
        MONTHLY = "monthly", _("Once a month")
        PAUSED = "paused", _("Paused")

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    ROUND_UPS = (Frequency.WEEKLY, Frequency.FORTNIGHTLY, Frequency.MONTHLY)
    """Frequencies whose digests cover more than a few days."""

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="subscriptions", db_index=False
    )
    position = models.PositiveSmallIntegerField(
        default=0, help_text="Order among the reader's subscriptions, from 0 without gaps."
    )
    name = models.CharField(max_length=TOPIC_NAME_LENGTH, blank=True)
    destination = models.CharField(
        max_length=10, choices=Destination, default=Destination.EMAIL, db_default=Destination.EMAIL
    )
    address = models.CharField(
        max_length=254, blank=True, help_text="Empty: the reader's email address."
    )
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    frequency = models.CharField(max_length=12, choices=Frequency, default=Frequency.DAILY)
    weekday = models.PositiveSmallIntegerField(
        choices=Weekday, default=Weekday.MONDAY, help_text="Delivery day of weekly digests."
    )
    month_day = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="Delivery day of monthly digests; the last day in shorter months.",
    )
    first_week = models.DateField(
        null=True,
        blank=True,
        editable=False,
        help_text="A day of the first week of digests every second week.",
    )
    hour = models.PositiveSmallIntegerField(default=8, validators=[MaxValueValidator(23)])
    all_topics = models.BooleanField(default=True, help_text="Carries all topics of the reader.")
    topics = models.ManyToManyField(
        Topic, blank=True, related_name="subscriptions", help_text="If not all."
    )
    trending = models.BooleanField(default=True, help_text="Has a section of trending papers.")
    max_papers = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(30)]
    )
    unread_weekday = models.PositiveSmallIntegerField(
        choices=Weekday,
        null=True,
        blank=True,
        help_text="Day whose digest has a section of kept papers that are not read yet.",
    )
    next_digest_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_digest_day = models.DateField(null=True, blank=True, editable=False)
    covered_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Papers until this time were considered for a digest that was sent.",
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="No digest is due before this time."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    stopped_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber", "position"], name="one_subscription_per_place"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_digest_at", "subscriber"],
                name="subscription_due",
                condition=models.Q(state="active", next_digest_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"subscription {self.position + 1} of {self.subscriber_id}"

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE

    @property
    def is_round_up(self) -> bool:
        """Return True if its digests cover a week or more."""
        return self.frequency in self.ROUND_UPS

    def has_unread_section(self, day: date) -> bool:
        """Return whether the digest of this day has a section of unread papers.

        Every digest of a round-up has it. A digest from Monday to Friday has that of the weekend
        on Friday.
        """
        chosen = self.unread_weekday
        if chosen is None or self.is_round_up:
            return chosen is not None
        if self.frequency == self.Frequency.WEEKDAYS:
            chosen = min(chosen, self.Weekday.FRIDAY)
        return day.weekday() == chosen
