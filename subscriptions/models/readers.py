"""Readers, signed-in browsers, and addresses that must not be mailed."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from subscriptions.models.subscriptions import Subscription
    from subscriptions.models.topics import Topic

# Allowed clock difference between servers. A later timestamp came from a clock that was ahead.
CLOCK_SKEW = timedelta(minutes=5)


def string_list_field(help_text: str) -> ArrayField:
    return ArrayField(
        models.CharField(max_length=200),
        default=list,
        db_default=[],
        blank=True,
        help_text=help_text,
    )


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def active(self) -> SubscriberQuerySet:
        return self.filter(status=Subscriber.Status.ACTIVE)


class Subscriber(models.Model):
    """A reader: email address, consent, and settings that hold for all topics."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting for confirmation")
        ACTIVE = "active", _("active")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        SUPPRESSED = "suppressed", _("suppressed (bounced or complained)")

    email = models.EmailField(help_text="As typed. Emails are sent to this address.")
    email_key = models.CharField(
        max_length=254,
        unique=True,
        editable=False,
        help_text="The address in lower case. Identifies the reader.",
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    timezone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(
        max_length=10,
        choices=settings.LANGUAGES,
        default=settings.LANGUAGE_CODE,
        db_default=settings.LANGUAGE_CODE,
        help_text="Language of emails.",
    )
    created_at = models.DateTimeField()
    signup_requested_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Last sign-up request for this address."
    )
    less_often_offered_at = models.DateTimeField(
        "“Less often?” email sent",
        null=True,
        blank=True,
        editable=False,
        help_text="Sent once, to a reader who doesn't react.",
    )
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    unsubscribed_at = models.DateTimeField(null=True, blank=True, editable=False)
    consent_text = models.TextField(blank=True, editable=False)
    consent_page = models.CharField(max_length=200, blank=True, editable=False)
    consent_ip = models.GenericIPAddressField(null=True, blank=True, editable=False)
    consent_at = models.DateTimeField(null=True, blank=True, editable=False)
    feed_key_version = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="How many times the reader has changed their feed address.",
    )

    signed_out_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Last sign-out from all browsers. Links emailed before it are invalid.",
    )

    muted_words = string_list_field("Papers that contain one of these are never sent.")
    muted_authors = string_list_field("Papers by one of these are never sent.")
    shared_authors = models.BooleanField(
        default=False,
        help_text="Rank papers higher if they share an author with the reader's papers.",
    )
    learns_from_opened = models.BooleanField(
        default=False,
        editable=False,
        help_text="The reader agreed that papers they open on the site are recorded.",
    )
    learns_from_kept = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Kept papers are light examples for the topics that brought them.",
    )
    opened_recorded_since = models.DateTimeField(null=True, blank=True, editable=False)
    suggestion = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="Interests typed into the sign-up form with the address of an existing reader. "
        "The reader decides whether to add them.",
    )

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        permissions = [
            ("import_subscriber", "Can import subscribers"),
            ("export_subscriber", "Can export subscribers"),
        ]
        indexes = [
            BrinIndex(fields=["created_at"], name="subscriber_created", autosummarize=True),
            models.Index(
                fields=["created_at"],
                name="subscriber_unconfirmed",
                condition=models.Q(status="pending"),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def first_topic(self) -> Topic:
        """Return the first topic. Every reader has one."""
        return self.topics.get(position=0)

    @property
    def has_interests(self) -> bool:
        """Return True if one of the topics looks for something."""
        return not all(topic.is_blank for topic in self.topics.all())

    @property
    def default_subscription(self) -> Subscription:
        """Return the first subscription. Every reader has one."""
        return self.subscriptions.get(position=0)

    @property
    def community_key(self) -> str:
        """Return the pseudonym that votes, reports and proposals are stored under."""
        return f"reader-{self.pk}"


class SignIn(models.Model):
    """A signed-in browser. Deleting the row invalidates the cookie."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="sign_ins")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.subscriber_id}: signed in until {self.expires_at:%Y-%m-%d}"


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def in_force(self, now: datetime) -> SuppressionQuerySet:
        return self.filter(models.Q(until=None) | models.Q(until__gt=now))


class Suppression(models.Model):
    """An address that must not be mailed, as a keyed hash. Kept when the reader is deleted."""

    class Reason(models.TextChoices):
        """Reasons, weakest first. A stronger one replaces a weaker one."""

        SOFT = "soft", "repeated soft bounces"
        HARD = "hard", "hard bounce"
        COMPLAINT = "complaint", "complaint"

    address_hash = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=10, choices=Reason)
    created_at = models.DateTimeField()
    until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="The address can sign up again after this time. Empty: never.",
    )

    objects = SuppressionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.address_hash[:8]} ({self.reason})"


class Erasure(models.Model):
    """A record that an address was erased, as a keyed hash."""

    class RequestedBy(models.TextChoices):
        READER = "reader", "the reader"
        OPERATOR = "operator", "the operator"

    address_hash = models.CharField(max_length=64, unique=True)
    erased_at = models.DateTimeField()
    requested_by = models.CharField(max_length=10, choices=RequestedBy)

    def __str__(self) -> str:
        return f"{self.address_hash[:8]}, requested by {self.get_requested_by_display()}"


class SignUpSwitch(models.Model):
    """The operator's switch that opens and closes sign-up. One row."""

    open = models.BooleanField("sign-up is open", default=True)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "sign-up switch"

    def __str__(self) -> str:
        return "sign-up is open" if self.open else "sign-up is closed"

    @classmethod
    def is_open(cls) -> bool:
        """Return whether sign-up is open. It is open when no row exists."""
        return not cls.objects.filter(open=False).exists()

    @classmethod
    def set_open(cls, is_open: bool, now: datetime) -> None:
        cls.objects.update_or_create(pk=1, defaults={"open": is_open, "changed_at": now})


class ReaderImport(models.Model):
    """A CSV file of subscribers: checked, imported after confirmation, then deleted."""

    class State(models.TextChoices):
        CHECKING = "checking", "being checked; nothing is imported yet"
        CHECKED = "checked", "checked; nothing is imported yet"
        IMPORTING = "importing", "being imported"
        DONE = "done"
        DISCARDED = "discarded"

    name = models.CharField(max_length=200)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.CHECKING)
    text = models.TextField(help_text="Content of the file. Empty when the import has ended.")
    lines = models.PositiveIntegerField(default=0, help_text="Number of lines with a subscriber.")
    processed = models.PositiveIntegerField(default=0, help_text="Number of processed lines.")
    accepted = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    rejections = models.JSONField(
        default=list, help_text="Line number and reason of rejected lines."
    )

    class Meta:
        verbose_name = "import"

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"
