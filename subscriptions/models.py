"""Who wants what, what they are sent, and what became of it."""

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

# Clocks differ by less. A stamp later than this came from a clock that ran ahead.
CLOCK_SKEW = timedelta(minutes=5)


def words_field(help_text: str, **options: Any) -> ArrayField:
    return ArrayField(
        models.CharField(max_length=200), default=list, blank=True, help_text=help_text, **options
    )


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def active(self) -> SubscriberQuerySet:
        return self.filter(status=Subscriber.Status.ACTIVE)

    def due(self, now: datetime) -> SubscriberQuerySet:
        """Readers whose digest is due. `next_digest_at` is null for whoever gets none."""
        return self.active().filter(next_digest_at__lte=now)

    def written_to(self) -> SubscriberQuerySet:
        """Readers whom we handed at least one mail for; nobody else's mail can come back."""
        handed_over = [
            models.Exists(rows.filter(subscriber=models.OuterRef("pk"), claimed_at__isnull=False))
            for rows in (Message.objects.all(), Digest.objects.all())
        ]
        return self.filter(handed_over[0] | handed_over[1])


class Subscriber(models.Model):
    """A reader: an address, the consent behind it, and when mail is wanted."""

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

    email = models.EmailField(help_text="As typed; mail goes here.")
    email_key = models.CharField(
        max_length=254, unique=True, editable=False, help_text="Folded to lower case: the identity."
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    timezone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(
        max_length=10,
        choices=settings.LANGUAGES,
        default=settings.LANGUAGE_CODE,
        db_default=settings.LANGUAGE_CODE,
        help_text="Of the mails.",
    )
    hour = models.PositiveSmallIntegerField(default=8, validators=[MaxValueValidator(23)])
    frequency = models.CharField(max_length=10, choices=Frequency, default=Frequency.DAILY)
    weekday = models.PositiveSmallIntegerField(
        choices=Weekday, default=Weekday.MONDAY, help_text="For weekly digests."
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
        help_text="Until when a sent digest covered the news.",
    )
    created_at = models.DateTimeField()
    signup_requested_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When somebody last typed this address."
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="No digest is due before."
    )
    less_often_offered_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Asked once whether it is too much."
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
        help_text="How often the reader has changed the address of their feed.",
    )

    signed_out_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the reader last signed out everywhere; links mailed before are no good.",
    )

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        permissions = [
            ("import_subscriber", "Can import readers"),
            ("export_subscriber", "Can export readers"),
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
        """What the address of the reader's feed is made for; another one when they change it."""
        return f"{self.pk}.{self.feed_key_version}" if self.feed_key_version else f"{self.pk}"

    @property
    def community_key(self) -> str:
        """By which votes and proposals are known, without saying whose they are."""
        return f"reader-{self.pk}"


TOPICS_LENGTH = 2000  # characters


class Interests(models.Model):
    """What a reader says they care about, as they said it; vectors are made from it each time,
    so that a new lexicon never makes a stored profile wrong."""

    class Strictness(models.TextChoices):
        ALL = "all", _("Everything that fits")
        GOOD = "good", _("Good fits only")
        ONLY = "only", _("Only when it is really for me")

    subscriber = models.OneToOneField(Subscriber, on_delete=models.CASCADE, primary_key=True)
    topics = models.TextField(blank=True, help_text="In the reader's own words.")
    words = words_field("Words or phrases that matter.")
    excluded_words = words_field("Papers holding one of these are never sent.")
    categories = words_field("arXiv categories, such as cs.CL.")
    authors = words_field("Authors followed.")
    ignored_words = words_field("Words that tell nothing about the reader.", db_default=[])
    muted_authors = words_field("Papers by one of these are never sent.")
    examples = words_field("arXiv ids of papers the reader likes.")
    references = models.JSONField(
        default=list,
        blank=True,
        help_text="title, arxiv_id and doi of each paper the reader brought and we do not have.",
    )
    shared_authors = models.BooleanField(
        default=False, help_text="Papers by people who wrote the reader's papers count for more."
    )
    learns_from_opened = models.BooleanField(
        default=False,
        editable=False,
        help_text="The reader allowed it to be noted which papers they open on the site.",
    )
    opened_recorded_since = models.DateTimeField(null=True, blank=True, editable=False)
    strictness = models.CharField(max_length=4, choices=Strictness, default=Strictness.ALL)
    author_page = models.CharField(
        max_length=100, blank=True, help_text="arXiv author id or ORCID that examples come from."
    )
    author_page_status = models.CharField(max_length=300, blank=True, editable=False)
    author_page_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    offered = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="What was typed with the address of a reader we knew; theirs to add or not.",
    )

    class Meta:
        verbose_name_plural = "interests"

    def __str__(self) -> str:
        return f"interests of {self.subscriber_id}"


class SignIn(models.Model):
    """A browser in which a reader is signed in; without its row, its cookie is worth nothing."""

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
            models.UniqueConstraint(fields=["subscriber", "paper"], name="one_reaction_a_paper")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id}: {self.get_kind_display()} {self.paper_id}"


class OpenedPaperQuerySet(models.QuerySet["OpenedPaper"]):
    def allowed(self) -> OpenedPaperQuerySet:
        """Of readers who allow it still, the newest first."""
        allowing = self.filter(subscriber__interests__learns_from_opened=True)
        return allowing.order_by("-created_at", "-pk")


class OpenedPaper(models.Model):
    """A paper that a reader who allowed this looked at on the site."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="opened")
    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="opened")
    created_at = models.DateTimeField()

    objects = OpenedPaperQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "opened papers"
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "paper"], name="opened_once_a_paper")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id}: opened {self.paper_id}"


class OperatorAlert(models.Model):
    """A trouble that no edition's row can hold and of which the operator was told; gone with it."""

    name = models.CharField(max_length=20, primary_key=True)
    notified_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def claim(cls, name: str, now: datetime, again: timedelta) -> bool:
        """Take the right to tell, so that two who watch tell once; `again` says after how long it
        is told once more. What was told by a clock that ran ahead is told once more, too."""
        _alarm, is_new = cls.objects.get_or_create(name=name, defaults={"notified_at": now})
        old = models.Q(notified_at__lte=now - again) | models.Q(notified_at__gt=now + CLOCK_SKEW)
        return is_new or bool(cls.objects.filter(old, name=name).update(notified_at=now))


class EditionQuerySet(models.QuerySet["Edition"]):
    def held(self, now: datetime) -> EditionQuerySet:
        """Of these nothing is claimed: cancelled, or paused and not yet to be tried again."""
        over = models.Q(state=Edition.State.PAUSED, paused_until__lte=now)
        return self.exclude(models.Q(state=Edition.State.OPEN) | over)


class Edition(models.Model):
    """All digests of one local day: whether they may go out, and whether the totals add up."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for a curator"
        HELD = "held", "held by a curator"
        OPEN = "open"
        PAUSED = "paused"
        CANCELLED = "cancelled"

    day = models.DateField(primary_key=True, help_text="The readers' local day.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    why = models.TextField(blank=True, help_text="Why it is paused or cancelled.")
    by = models.CharField(max_length=150, blank=True, help_text="Who paused, resumed or cancelled.")
    changed_at = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(
        null=True, blank=True, help_text="Tried again by itself then; empty: only by hand."
    )
    notified_at = models.DateTimeField(
        null=True, blank=True, help_text="When the operator was told of this pause or alarm."
    )
    error_pauses = models.PositiveSmallIntegerField(
        default=0, help_text="How often a burst of errors paused it."
    )
    due = models.PositiveIntegerField(default=0, help_text="Digests made for readers who were due.")
    erased = models.PositiveIntegerField(
        default=0, help_text="Of these, deleted with their readers."
    )
    # With defaults in the database, so that workers of the version before can go on making rows.
    subject = models.CharField(
        max_length=150, blank=True, default="", db_default="", help_text="Of all its digests."
    )
    note = models.TextField("editor's note", blank=True, default="", db_default="")
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    desk_changed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a curator last changed what it holds."
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    totals = models.JSONField(
        default=dict, help_text="Digests by state when the totals were closed."
    )
    totals_error = models.TextField(blank=True, help_text="What did not add up.")

    objects = EditionQuerySet.as_manager()

    class Meta:
        ordering = ["-day"]
        permissions = [("curate_edition", "Can shape, approve and hold an edition")]

    def __str__(self) -> str:
        return f"edition of {self.day} ({self.state})"


class Placement(models.Model):
    """What a curator says of one paper in one edition."""

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="placements")
    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="placements")
    place = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="From the top, for what is pinned."
    )
    hidden = models.BooleanField(default=False, help_text="Left out of this edition.")
    note = models.TextField("editor's note", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edition", "paper"], name="one_placement_a_paper")
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} in {self.edition_id}"


class Mail(models.Model):
    """One email on its way to one recipient: who claimed it, and what came of the hand-over.

    pending -> sending -> sent | failed | uncertain. Only `delivery.claims` writes these columns.
    """

    # Limits of retrying, and the outcomes that do not count as an attempt.
    MOST_ATTEMPTS: ClassVar[int]
    LONGEST_DELAY: ClassVar[timedelta]
    UNCOUNTED: ClassVar[tuple[str, ...]]

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    reason = models.TextField(blank=True, help_text="Why it was skipped, or what went wrong.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="Too late to be sent.")
    queued_at = models.DateTimeField(
        null=True, blank=True, help_text="When workers were last told of it."
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=10, blank=True, help_text="The kind of the last hand-over's outcome."
    )
    provider_id = models.CharField(
        max_length=200, blank=True, help_text="What the mail provider calls the message."
    )
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When what came back settled what was uncertain."
    )

    class Meta:
        abstract = True


class DigestQuerySet(models.QuerySet["Digest"]):
    def failed(self, pks: Collection[int]) -> DigestQuerySet:
        return self.filter(pk__in=pks, status=Digest.Status.FAILED)

    def totals(self) -> dict[str, int]:
        """How many digests stand in each state; they add up to what was due."""
        counts = dict.fromkeys(Digest.Status.values, 0)
        return counts | dict(self.values_list("status").annotate(models.Count("pk")).order_by())


class Digest(Mail):
    """What one reader gets on one day, and how far it has come. One a day; on their first day a
    reader may ask for a second one, after they changed what they care about.

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

    MOST_ATTEMPTS = 10  # an hour or more, however the jitter falls
    LONGEST_DELAY = timedelta(hours=1)
    UNCOUNTED = ("throttled", "broken")  # the edition is paused until somebody resumes it

    # Papers in these are on their way or there: they never come again.
    HOLDS_PAPERS = (Status.PENDING, Status.SENDING, Status.SENT)

    # unique_digest_per_day indexes it already, and every hand-over writes to each index.
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="digests", db_index=False
    )
    day = models.DateField(help_text="The reader's local day.")
    sequence = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="0; 1 for the second digest that a reader may ask for on their first day.",
    )
    weekly = models.BooleanField(
        default=False, db_default=False, help_text="Shown as the round-up of a week."
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    subject = models.CharField(max_length=300, blank=True)
    # A digest is written once and read as a whole: rows of their own for ten papers a reader
    # a day would be ten million rows a day. `paper_ids` repeats the ids for "sent before?".
    items = models.JSONField(default=list, help_text="paper, section, reason and score of each.")
    paper_ids = ArrayField(models.BigIntegerField(), default=list)
    notices = models.JSONField(
        default=list, blank=True, help_text="What it says of the day and of papers sent before."
    )
    profile_key = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text="On a reader's first day, what their profile was when this was made.",
    )

    objects = DigestQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "-pk"]
        constraints = [
            # As expressions, so that it is an index alone, which is built beside the running work.
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
                fields=["claimed_at"], name="digest_in_hand", condition=models.Q(status="sending")
            ),
            models.Index(fields=["day", "status"], name="digest_books"),
            models.Index(
                fields=["status", "day"],
                name="digest_went_wrong",
                condition=models.Q(status__in=["uncertain", "failed"]),
            ),
            models.Index(fields=["sent_at"], name="digest_sent", condition=models.Q(status="sent")),
        ]

    def __str__(self) -> str:
        return f"digest of {self.day} for {self.subscriber_id} ({self.status})"


@receiver(post_delete, sender=Digest)
def subtract_from_totals(instance: Digest, **_: object) -> None:
    """A reader who is erased takes their digests along, and the totals still close."""
    still_open = Edition.objects.filter(day=instance.day, closed_at=None)
    still_open.update(erased=models.F("erased") + 1)


class MessageQuerySet(models.QuerySet["Message"]):
    def unsettled(self) -> MessageQuerySet:
        return self.filter(status__in=(Message.Status.PENDING, Message.Status.SENDING))


class Message(Mail):
    """Any email beside the digest: what asks for it writes this row, in the same transaction.

    The text is rendered when it is sent, so that no row holds a link that acts for a reader.
    pending -> sending -> sent | failed | uncertain, or expired | suppressed without sending.
    """

    class Kind(models.TextChoices):
        CONFIRMATION = "confirmation"
        PREFERENCES_LINK = "preferences_link", "link to the preferences"
        VOTE_LINK = "vote_link", "link to vote"
        WELCOME = "welcome"
        LESS_OFTEN = "less_often", "less often?"
        GOODBYE = "goodbye"
        EDITION_TROUBLE = "edition_trouble", "alert: an edition"
        STANDSTILL = "standstill", "alert: mail is not going out"
        SIGNUP_TROUBLE = "signup_trouble", "alert: sign-ups"

    class Status(models.TextChoices):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        UNCERTAIN = "uncertain"
        EXPIRED = "expired"
        SUPPRESSED = "suppressed"

    MOST_ATTEMPTS = 1000  # `expires_at` is the limit
    LONGEST_DELAY = timedelta(minutes=15)
    UNCOUNTED = ("throttled",)

    kind = models.CharField(max_length=20, choices=Kind)
    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="messages",
        help_text="Empty: it goes to the operator.",
    )
    about = models.CharField(
        max_length=100, blank=True, help_text="The paper's key, or the day of the edition."
    )
    details = models.JSONField(default=dict, blank=True, help_text="What the text is made from.")
    mailbox = models.CharField(
        max_length=32, blank=True, editable=False, help_text="A keyed hash, for the daily limit."
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
                fields=["claimed_at"], name="message_in_hand", condition=models.Q(status="sending")
            ),
            models.Index(fields=["created_at", "kind", "status"], name="message_created"),
            models.Index(fields=["mailbox", "claimed_at"], name="message_mailbox"),
            models.Index(
                fields=["status", "created_at"],
                name="message_went_wrong",
                condition=models.Q(status__in=["uncertain", "failed", "expired"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.status})"


class DeliveryEventQuerySet(models.QuerySet["DeliveryEvent"]):
    def came_back(self, day: date) -> dict[str, int]:
        """How many of a day's digests bounced, and how many were complained about."""
        counted = self.filter(day=day, kind__in=DeliveryEvent.CAME_BACK).aggregate(
            bounces=models.Count(
                "digest", distinct=True, filter=models.Q(kind__in=DeliveryEvent.BOUNCES)
            ),
            complaints=models.Count(
                "digest", distinct=True, filter=models.Q(kind=DeliveryEvent.Kind.COMPLAINT)
            ),
        )
        return {name: int(count) for name, count in counted.items()}


class DeliveryEvent(models.Model):
    """One thing a provider or a mail system said of one mail; written once, never changed."""

    class Kind(models.TextChoices):
        """From the weakest to the strongest: what is said of one mail adds up to its strongest."""

        UNKNOWN = "unknown"
        DEFERRED = "deferred", "deferred: the other side goes on trying"
        ACCEPTED = "accepted", "accepted by the provider"
        SOFT_BOUNCE = "soft", "soft bounce"
        AUTO_REPLY = "auto_reply", "automatic answer"
        DELIVERED = "delivered"
        OPENED = "opened"
        CLICKED = "clicked"
        REJECTED = "rejected", "rejected by the provider"
        HARD_BOUNCE = "hard", "hard bounce"
        UNSUBSCRIBED = "left", "unsubscribed"
        COMPLAINT = "complaint"

    BOUNCES = (Kind.SOFT_BOUNCE, Kind.HARD_BOUNCE)
    CAME_BACK = (*BOUNCES, Kind.COMPLAINT)

    key = models.CharField(max_length=64, unique=True, help_text="The same event has the same key.")
    provider = models.CharField(max_length=40)
    kind = models.CharField(max_length=10, choices=Kind)
    said = models.CharField(max_length=100, blank=True, help_text="In the provider's own word.")
    detail = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    # Nobody but our own readers is written down: what cannot be told to be theirs has neither.
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
    day = models.DateField(null=True, help_text="The digest's.")

    objects = DeliveryEventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(
                fields=["day", "kind", "digest"],
                name="event_came_back",
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
        return f"{self.kind} by {self.provider} at {self.at:%Y-%m-%d %H:%M}"


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def in_force(self, now: datetime) -> SuppressionQuerySet:
        return self.filter(models.Q(until=None) | models.Q(until__gt=now))


class Suppression(models.Model):
    """An address that gets nothing: a keyed hash of it, which outlives the reader's row."""

    class Reason(models.TextChoices):
        """From the weakest to the strongest; a stronger one replaces a weaker."""

        SOFT = "soft", "soft bounces again and again"
        HARD = "hard", "hard bounce"
        COMPLAINT = "complaint", "complaint"

    address_hash = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=10, choices=Reason)
    created_at = models.DateTimeField()
    until = models.DateTimeField(
        null=True, blank=True, help_text="From then on the address may sign up anew; empty: never."
    )

    objects = SuppressionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.address_hash[:8]} ({self.reason})"


class Erasure(models.Model):
    """That an address asked to be forgotten: a keyed hash of it, and nothing else."""

    class By(models.TextChoices):
        READER = "reader", "the reader"
        OPERATOR = "operator", "the operator"

    address_hash = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=10, choices=By)

    def __str__(self) -> str:
        return f"{self.address_hash[:8]}, by {self.get_by_display()}"


class SignUpSwitch(models.Model):
    """The operator's switch: whether anybody may sign up. One row."""

    open = models.BooleanField("sign-up is open", default=True)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "sign-up switch"

    def __str__(self) -> str:
        return "sign-up is open" if self.open else "sign-up is closed"

    @classmethod
    def is_open(cls) -> bool:
        """Open where nobody has closed it."""
        return not cls.objects.filter(open=False).exists()

    @classmethod
    def set_open(cls, open_: bool, now: datetime) -> None:
        cls.objects.update_or_create(pk=1, defaults={"open": open_, "changed_at": now})


class ReaderImport(models.Model):
    """A file of readers from elsewhere: tried, then brought in, and then forgotten."""

    class State(models.TextChoices):
        CHECKING = "checking", "being tried; nothing is brought in"
        CHECKED = "checked", "tried; nothing is brought in so far"
        IMPORTING = "importing", "being brought in"
        DONE = "done"
        DISCARDED = "discarded"

    name = models.CharField(max_length=200)
    by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.CHECKING)
    text = models.TextField(help_text="The file; empty once it is done with.")
    lines = models.PositiveIntegerField(default=0, help_text="Readers it lists.")
    position = models.PositiveIntegerField(default=0, help_text="Lines worked off.")
    accepted = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=list, help_text="Line and reason of those refused.")

    class Meta:
        verbose_name = "import"

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"
