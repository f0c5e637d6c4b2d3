"""The library: papers that readers keep."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxLengthValidator
from django.db import models

from papers.models import Paper
from papers.text.identity import title_key
from subscriptions.models.readers import Subscriber
from subscriptions.models.topics import Topic

NOTE_LENGTH, TAG_LENGTH = 2000, 40  # characters
IDENTITY_LENGTH = 300  # characters
MAX_ENTRIES = 20_000  # of a reader
MAX_TAGS = 20  # of an entry


class LibraryEntryQuerySet(models.QuerySet["LibraryEntry"]):
    def unread(self) -> LibraryEntryQuerySet:
        return self.filter(read_at=None)

    def paper_pks(self) -> set[int]:
        """Return the primary keys of the stored papers."""
        stored = self.filter(paper__isnull=False).order_by()
        return set(stored.values_list("paper_id", flat=True))

    def examples(self) -> LibraryEntryQuerySet:
        """Return stored papers that count in profiles, newest first."""
        learning = self.filter(subscriber__learns_from_kept=True, paper__isnull=False)
        return learning.order_by("-kept_at", "-pk")


class LibraryEntry(models.Model):
    """A paper that a reader keeps, with their note and tags.

    `paper` is empty for a paper that is not in our sources, such as one from an upload. The
    bibliographic fields are those of the day it was kept; they outlive the paper's row.
    """

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="library", db_index=False
    )
    paper = models.ForeignKey(
        Paper, on_delete=models.SET_NULL, null=True, blank=True, related_name="kept"
    )
    topic = models.ForeignKey(
        Topic,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="kept",
        help_text="The topic that brought it, for which it is a light example.",
    )
    identity = models.CharField(
        max_length=IDENTITY_LENGTH,
        editable=False,
        help_text="arXiv ID, DOI or normalised title. One entry per reader has it.",
    )
    title = models.TextField()
    authors = models.JSONField(default=list, blank=True)
    arxiv_id = models.CharField(max_length=30, blank=True)
    doi = models.CharField(max_length=300, blank=True)
    venue = models.CharField(max_length=500, blank=True)
    url = models.URLField(max_length=2000, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    citation_key = models.CharField(
        max_length=100,
        blank=True,
        db_default="",
        help_text="Key in the uploaded file, or that of exports before it had a paper.",
    )
    note = models.TextField(
        blank=True, validators=[MaxLengthValidator(NOTE_LENGTH)], help_text="Markdown."
    )
    tags = ArrayField(
        models.CharField(max_length=TAG_LENGTH), default=list, db_default=[], blank=True
    )
    kept_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True, help_text="Empty: not read yet.")

    objects = LibraryEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "library entries"
        ordering = ["-kept_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "identity"], name="one_entry_per_work"),
            models.UniqueConstraint(fields=["subscriber", "paper"], name="one_entry_per_paper"),
        ]
        indexes = [models.Index(fields=["subscriber", "-kept_at"], name="library_newest")]

    def __str__(self) -> str:
        return f"{self.subscriber_id}: {self.title}"

    @property
    def is_annotated(self) -> bool:
        """Return True if the reader wrote a note or tags."""
        return bool(self.note or self.tags)


class LibraryRemoval(models.Model):
    """Entries that a reader removed in one step, kept for a while so that it can be undone."""

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="library_removals"
    )
    removed_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()
    entries = models.TextField(help_text="The rows, as Django serializes them to JSON.")

    def __str__(self) -> str:
        return f"{self.subscriber_id}: {self.count} at {self.removed_at:%Y-%m-%d %H:%M}"


def work_identity(arxiv_id: str, doi: str, title: str) -> str:
    """Return the key by which two entries are the same work: arXiv ID, DOI or title."""
    if arxiv_id:
        return f"arxiv:{arxiv_id}"
    text = f"doi:{doi}" if doi else f"title:{title_key(title)}"
    return text[:IDENTITY_LENGTH]
