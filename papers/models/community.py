"""Submissions, reports and votes of readers; blocks and merges of curators."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from papers.models.papers import Paper


class Submission(models.Model):
    """A paper proposed by a reader, to be accepted or rejected by a curator."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting for a curator")
        FETCHING = "fetching", _("accepted, waiting for arXiv")
        ACCEPTED = "accepted", _("accepted")
        REFUSED = "refused", _("rejected")

    arxiv_id = models.CharField(max_length=30, unique=True)
    note = models.CharField("reason", max_length=500, blank=True)
    created_by = models.CharField(
        max_length=64, editable=False, help_text="The reader, as a pseudonymous key."
    )
    created_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    outcome = models.CharField(max_length=300, blank=True, help_text="Result of fetching it.")
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    next_try_at = models.DateTimeField(null=True, editable=False)
    paper = models.ForeignKey(Paper, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.arxiv_id} ({self.get_status_display()})"


class Report(models.Model):
    """A reader's complaint about a paper, to be decided by a curator."""

    class Status(models.TextChoices):
        WAITING = "waiting", "waiting for a curator"
        UPHELD = "upheld", "upheld: the paper is hidden"
        DISMISSED = "dismissed", "dismissed"

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="reports")
    created_by = models.CharField(
        max_length=64, editable=False, help_text="The reader, as a pseudonymous key."
    )
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["paper", "created_by"], name="report_unique")
        ]

    def __str__(self) -> str:
        return f"report on {self.paper_id} ({self.get_status_display()})"


class Block(models.Model):
    """A curator's rule: matching papers are hidden, now and in future."""

    class Kind(models.TextChoices):
        TITLE = "title", "words in the title"
        AUTHOR = "author", "an author's name"
        SITE = "site", "the site of the paper's page"

    kind = models.CharField(max_length=10, choices=Kind)
    value = models.CharField(max_length=300, help_text="As typed.")
    key = models.CharField(max_length=300, editable=False, help_text="As compared.")
    reason = models.CharField(max_length=500, blank=True)
    created_by = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(editable=False)
    hidden_papers = ArrayField(models.BigIntegerField(), default=list, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="block_unique")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.value}"


class Merge(models.Model):
    """Two rows for the same paper; `kept` represents both."""

    kept = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="merges")
    merged = models.OneToOneField(Paper, on_delete=models.CASCADE, related_name="merged_into")
    was_hidden = models.BooleanField(default=False)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.merged_id} into {self.kept_id}"


class Vote(models.Model):
    """A reader's vote for a paper; one per reader and paper."""

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="site_vote_rows")
    created_by = models.CharField(max_length=64, help_text="The reader, as a pseudonymous key.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["paper", "created_by"], name="vote_unique")]

    def __str__(self) -> str:
        return f"vote on {self.paper_id}"
