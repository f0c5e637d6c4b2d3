"""Editions, their papers' placements, and alerts to the operator."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

from papers.models import Paper
from subscriptions.models.readers import CLOCK_SKEW


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
