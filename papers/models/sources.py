"""Sources, their checks, and the documents received from them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from papers.feeds import kinds

MAX_WAIT = timedelta(days=1)  # between two checks, even after failures or a Retry-After


class SourceQuerySet(models.QuerySet["Source"]):
    def due(self, now: datetime) -> SourceQuerySet:
        """Return the sources to check now.

        Includes sources whose next check is further away than any wait, which only a clock that
        ran ahead can have set.
        """
        longest = models.F("check_every") * timedelta(minutes=1) + 2 * MAX_WAIT
        ahead = models.Q(next_check_at__gt=models.Value(now) + longest)
        due = models.Q(next_check_at__lte=now) | ahead
        return self.filter(due, active=True, parked_at=None)

    def claim(self, pk: int, now: datetime) -> bool:
        """Claim a due source for one check; return False if another worker has it.

        This sets the next check before the slow part, so that a crash costs one check at most.
        """
        later = now + models.F("check_every") * timedelta(minutes=1)
        return bool(self.due(now).filter(pk=pk).update(next_check_at=later))


class Source(models.Model):
    """A feed that is checked regularly, and the state of its last check."""

    name = models.CharField(
        max_length=200, blank=True, help_text="If empty, the document's title is used."
    )
    kind = models.CharField(
        max_length=20,
        choices=kinds.choices,
        blank=True,
        help_text="If empty, it is detected from the document.",
    )
    url = models.URLField("address", max_length=2000, unique=True)
    active = models.BooleanField(default=True)
    check_every = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(5)], help_text="Minutes between checks."
    )
    next_check_at = models.DateTimeField(db_index=True, default=timezone.now)
    etag = models.CharField(max_length=500, blank=True, editable=False)
    last_modified = models.CharField(max_length=100, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    succeeded_at = models.DateTimeField(null=True, blank=True, editable=False)
    outcome = models.CharField(max_length=40, blank=True, editable=False)
    error = models.TextField(blank=True, editable=False)
    failures = models.PositiveIntegerField(
        default=0, editable=False, help_text="Consecutive failed checks."
    )
    parked_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When checks were paused after too many failures; “Check now” resumes them.",
    )

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "url"]

    def __str__(self) -> str:
        return self.name or self.url


class Document(models.Model):
    """A received document, identified by its hash, with the counts of its entries."""

    source = models.ForeignKey(Source, null=True, blank=True, on_delete=models.SET_NULL)
    kind = models.CharField(max_length=20)
    location = models.CharField(max_length=2000, help_text="Address or path.")
    title = models.CharField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64, unique=True)
    first_seen_at = models.DateTimeField()
    published_at = models.DateTimeField(
        null=True, blank=True, help_text="The date in the document."
    )
    list_day = models.DateField(null=True, blank=True, help_text="The day of its list.")
    categories = models.JSONField(
        default=dict, help_text="Number of entries and newest day per category."
    )
    entries = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=list, help_text="Why entries were rejected.")

    class Meta:
        ordering = ["-first_seen_at"]

    def __str__(self) -> str:
        return f"{self.location} ({self.first_seen_at:%Y-%m-%d %H:%M})"


class SourceCheck(models.Model):
    """One check of a source: the outcome of the request and the state of the source."""

    class State(models.TextChoices):
        FRESH = "fresh", _("up to date")
        QUIET = "quiet", _("quiet day")
        WAITING = "waiting", _("not out yet")
        STALE = "stale", _("late")
        PARTIAL = "partial", _("incomplete")
        BROKEN = "broken", _("broken")
        POSTPONED = "postponed", _("postponed")

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="checks")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=40, help_text="Outcome of the request.")
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status, if any.")
    detail = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State)
    reason = models.TextField(blank=True, help_text="The reason for the state, in English.")
    messages = models.JSONField(null=True, help_text="The reason, translatable.")
    categories = models.JSONField(default=dict, help_text="State and reason per category.")
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL)
    new = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["source", "-at"], name="check_source_at")]

    def __str__(self) -> str:
        return f"{self.source_id} at {self.at:%Y-%m-%d %H:%M}: {self.outcome}, {self.state}"
