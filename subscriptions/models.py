"""Readers, their interests, editions, emails, delivery events and suppressed addresses."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils.translation import gettext_lazy as _

from papers.models import Paper

# Allowed clock difference between servers. A later timestamp came from a clock that was ahead.
CLOCK_SKEW = timedelta(minutes=5)


def string_list_field(help_text: str, **options: Any) -> ArrayField:
    return ArrayField(
        models.CharField(max_length=200), default=list, blank=True, help_text=help_text, **options
    )


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def active(self) -> SubscriberQuerySet:
        return self.filter(status=Subscriber.Status.ACTIVE)

    def due(self, now: datetime) -> SubscriberQuerySet:
        """Return readers whose digest is due. `next_digest_at` is null when no digest will come."""
        return self.active().filter(next_digest_at__lte=now)

    def with_sent_mail(self) -> SubscriberQuerySet:
        """Return readers with at least one mail handed over: only their mail can come back."""
        has_mail = [
            models.Exists(rows.filter(subscriber=models.OuterRef("pk"), claimed_at__isnull=False))
            for rows in (Message.objects.all(), Digest.objects.all())
        ]
        return self.filter(has_mail[0] | has_mail[1])


class Subscriber(models.Model):
    """A reader: email address, consent, and delivery settings."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting for confirmation")
        ACTIVE = "active", _("active")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        SUPPRESSED = "suppressed", _("suppressed (bounced or complained)")

    class Frequency(models.TextChoices):
        DAILY = "daily", _("Every day")
        WEEKDAYS = "weekdays", _("Monday to Friday")
        WEEKLY = "weekly", _("Once a week")
        PAUSED = "paused", _("Paused")

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

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
    hour = models.PositiveSmallIntegerField(default=8, validators=[MaxValueValidator(23)])
    frequency = models.CharField(max_length=10, choices=Frequency, default=Frequency.DAILY)
    weekday = models.PositiveSmallIntegerField(
        choices=Weekday, default=Weekday.MONDAY, help_text="Delivery day of weekly digests."
    )
    max_papers = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(30)]
    )
    next_digest_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_digest_day = models.DateField(null=True, blank=True, editable=False)
    covered_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Papers until this time were considered for a digest that was sent.",
    )
    created_at = models.DateTimeField()
    signup_requested_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Last sign-up request for this address."
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="No digest is due before this time."
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

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        permissions = [
            ("import_subscriber", "Can import subscribers"),
            ("export_subscriber", "Can export subscribers"),
        ]
        indexes = [
            models.Index(
                fields=["next_digest_at", "id"],
                name="subscriber_due",
                condition=models.Q(status="active", next_digest_at__isnull=False),
            ),
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
    def feed_key(self) -> str:
        """Return the identifier in the reader's feed address. Increase the version to change it."""
        return f"{self.pk}.{self.feed_key_version}" if self.feed_key_version else f"{self.pk}"

    @property
    def community_key(self) -> str:
        """Return the pseudonym that votes, reports and proposals are stored under."""
        return f"reader-{self.pk}"


TOPICS_LENGTH = 2000  # characters


class Interests(models.Model):
    """The interests of a reader, as entered.

    Profiles are rebuilt from them each time, so a new lexicon never invalidates a stored profile.
    """

    class Strictness(models.TextChoices):
        ALL = "all", _("Everything that fits")
        GOOD = "good", _("Good fits only")
        ONLY = "only", _("Only when it is really for me")

    subscriber = models.OneToOneField(Subscriber, on_delete=models.CASCADE, primary_key=True)
    topics = models.TextField(blank=True, help_text="Free text, as the reader wrote it.")
    words = string_list_field("Words or phrases of interest.")
    excluded_words = string_list_field("Papers that contain one of these are never sent.")
    categories = string_list_field("arXiv categories, such as cs.CL.")
    authors = string_list_field("Followed authors.")
    ignored_words = string_list_field("Words that are ignored in the profile.", db_default=[])
    muted_authors = string_list_field("Papers by one of these are never sent.")
    examples = string_list_field("arXiv IDs of papers the reader likes.")
    references = models.JSONField(
        default=list,
        blank=True,
        help_text="title, arxiv_id and doi of each uploaded paper that is not in the database.",
    )
    shared_authors = models.BooleanField(
        default=False,
        help_text="Rank papers higher if they share an author with the reader's papers.",
    )
    learns_from_opened = models.BooleanField(
        default=False,
        editable=False,
        help_text="The reader agreed that papers they open on the site are recorded.",
    )
    opened_recorded_since = models.DateTimeField(null=True, blank=True, editable=False)
    strictness = models.CharField(max_length=4, choices=Strictness, default=Strictness.ALL)
    author_page = models.CharField(
        max_length=100,
        blank=True,
        help_text="arXiv author ID or ORCID to take example papers from.",
    )
    author_page_status = models.CharField(max_length=300, blank=True, editable=False)
    author_page_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    suggestion = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="Interests typed into the sign-up form with the address of an existing reader. "
        "The reader decides whether to add them.",
    )

    class Meta:
        verbose_name_plural = "interests"

    def __str__(self) -> str:
        return f"interests of {self.subscriber_id}"


class SignIn(models.Model):
    """A signed-in browser. Deleting the row invalidates the cookie."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="sign_ins")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.subscriber_id}: signed in until {self.expires_at:%Y-%m-%d}"


class Reaction(models.Model):
    """A reader's reaction to a paper."""

    class Kind(models.TextChoices):
        MORE = "more", "more like this"
        LESS = "less", "less like this"

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="reactions")
    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="reactions")
    kind = models.CharField(max_length=4, choices=Kind)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "paper"], name="one_reaction_per_paper")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id}: {self.get_kind_display()} {self.paper_id}"


class OpenedPaperQuerySet(models.QuerySet["OpenedPaper"]):
    def allowed(self) -> OpenedPaperQuerySet:
        """Return rows of readers who still allow recording, newest first."""
        allowing = self.filter(subscriber__interests__learns_from_opened=True)
        return allowing.order_by("-created_at", "-pk")


class OpenedPaper(models.Model):
    """A paper that a reader opened on the site, recorded with their consent."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="opened")
    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="opened")
    created_at = models.DateTimeField()

    objects = OpenedPaperQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "opened papers"
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "paper"], name="one_opening_per_paper")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id}: opened {self.paper_id}"


class OperatorAlert(models.Model):
    """A reported problem that belongs to no edition. Deleted once the problem is over."""

    name = models.CharField(max_length=20, primary_key=True)
    notified_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def claim(cls, name: str, now: datetime, repeat_after: timedelta) -> bool:
        """Claim the right to send this alert, so that concurrent callers send it once.

        The claim is free again after `repeat_after`, or if it was made by a clock that was ahead.
        """
        _alert, is_new = cls.objects.get_or_create(name=name, defaults={"notified_at": now})
        expired = models.Q(notified_at__lte=now - repeat_after)
        ahead = models.Q(notified_at__gt=now + CLOCK_SKEW)
        return is_new or bool(
            cls.objects.filter(expired | ahead, name=name).update(notified_at=now)
        )


class EditionQuerySet(models.QuerySet["Edition"]):
    def blocked(self, now: datetime) -> EditionQuerySet:
        """Return editions that send nothing now: all but open ones and pauses that are over."""
        pause_over = models.Q(state=Edition.State.PAUSED, paused_until__lte=now)
        return self.exclude(models.Q(state=Edition.State.OPEN) | pause_over)


class Edition(models.Model):
    """All digests of one local day: their sending state and their totals."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for approval"
        HELD = "held", "on hold"
        OPEN = "open"
        PAUSED = "paused"
        CANCELLED = "cancelled"

    day = models.DateField(primary_key=True, help_text="The readers' local day.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    reason = models.TextField(
        blank=True, help_text="Why the edition is paused, on hold or cancelled."
    )
    changed_by = models.CharField(
        max_length=150, blank=True, help_text="Account that last changed the state."
    )
    changed_at = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Resumes automatically then. Empty: an operator must resume it.",
    )
    notified_at = models.DateTimeField(
        null=True, blank=True, help_text="When the operator was notified of this pause or problem."
    )
    error_pauses = models.PositiveSmallIntegerField(
        default=0, help_text="How many times errors have paused it."
    )
    due = models.PositiveIntegerField(
        default=0, help_text="Number of digests built for readers who were due."
    )
    erased = models.PositiveIntegerField(
        default=0, help_text="Number of these digests deleted with their readers."
    )
    # Database defaults let workers of the previous version insert rows during an upgrade.
    subject = models.CharField(
        max_length=150,
        blank=True,
        default="",
        db_default="",
        help_text="Subject line of all digests of this edition.",
    )
    note = models.TextField("editor's note", blank=True, default="", db_default="")
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    desk_changed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a curator last changed its content."
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    totals = models.JSONField(
        default=dict, help_text="Digests per status when the totals were closed."
    )
    totals_error = models.TextField(blank=True, help_text="Why the totals do not add up.")

    objects = EditionQuerySet.as_manager()

    class Meta:
        ordering = ["-day"]
        permissions = [("curate_edition", "Can edit, approve and hold an edition")]

    def __str__(self) -> str:
        return f"edition of {self.day} ({self.state})"


class Placement(models.Model):
    """The curator's settings for one paper in one edition: pinned, hidden, note."""

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="placements")
    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="placements")
    place = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Position among the pinned papers, from 0."
    )
    hidden = models.BooleanField(default=False, help_text="Left out of this edition.")
    note = models.TextField("editor's note", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edition", "paper"], name="one_placement_per_paper")
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} in {self.edition_id}"


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
    """One digest for one reader.

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

    MAX_ATTEMPTS = 10  # over at least an hour
    MAX_DELAY = timedelta(hours=1)
    UNCOUNTED_OUTCOMES = ("throttled", "broken")  # the edition is paused instead

    # Papers in digests of these statuses are never sent again.
    RESERVING_STATUSES = (Status.PENDING, Status.SENDING, Status.SENT)

    # unique_digest_per_day already indexes it, and each index slows every hand-over.
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="digests", db_index=False
    )
    day = models.DateField(help_text="The reader's local day.")
    sequence = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="0, or 1 for the second digest that a reader can request on their first day.",
    )
    weekly = models.BooleanField(
        default=False, db_default=False, help_text="Presented as a weekly round-up."
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    subject = models.CharField(max_length=300, blank=True)
    # JSON, because a digest is written once and read as a whole: one row per paper would be ten
    # million rows per day for a million readers. `paper_ids` serves the query for sent papers.
    items = models.JSONField(
        default=list, help_text="For each paper: paper, section, reason and score."
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

    objects = DigestQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "-pk"]
        constraints = [
            # Expressions make it an index, which can be created concurrently.
            models.UniqueConstraint("subscriber", "day", "sequence", name="unique_digest_per_day"),
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
