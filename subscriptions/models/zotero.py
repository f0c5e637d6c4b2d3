"""Zotero: a reader's account there, the collections they chose, and papers sent there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from subscriptions.models.library import IDENTITY_LENGTH, LibraryEntry
from subscriptions.models.readers import Subscriber
from subscriptions.models.topics import Topic

ZOTERO_KEY_LENGTH = 8  # characters of the key of an item or a collection
CLAIMED_FOR = timedelta(minutes=15)  # longer than a run takes; then the worker is gone
FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=6)


class ZoteroAccountQuerySet(models.QuerySet["ZoteroAccount"]):
    def connected(self) -> ZoteroAccountQuerySet:
        return self.filter(revoked_at=None)

    def due_for_refresh(self, now: datetime) -> ZoteroAccountQuerySet:
        return self.connected().filter(next_refresh_at__lte=now)

    def due_for_upload(self, now: datetime) -> ZoteroAccountQuerySet:
        """Return accounts with papers to send that may be sent now."""
        uploads = ZoteroUpload.objects.filter(account=OuterRef("pk"))
        known = ZoteroUpload.objects.filter(
            account=OuterRef(OuterRef("pk")), identity=OuterRef("identity")
        )
        new = LibraryEntry.objects.filter(~Exists(known), subscriber=OuterRef("subscriber"))
        ready = self.connected().filter(
            may_write=True, out_collection_gone=False, next_upload_at__lte=now
        )
        return ready.exclude(out_collection="").filter(Exists(uploads.due(now)) | Exists(new))

    def claim(self, pk: int, name: str, now: datetime) -> bool:
        """Claim an account's refresh or upload; `name` is the column that says when it is due."""
        due = self.connected().filter(pk=pk, **{f"{name}__lte": now})
        return bool(due.update(**{name: now + CLAIMED_FOR}))


class ZoteroAccount(models.Model):
    """A reader's Zotero account, with what the key allows us to do there."""

    subscriber = models.OneToOneField(Subscriber, on_delete=models.CASCADE, related_name="zotero")
    user_id = models.PositiveBigIntegerField()
    username = models.CharField(max_length=255, blank=True)
    encrypted_key = models.TextField(editable=False)
    from_oauth = models.BooleanField(help_text="The key was made for us when the reader agreed.")
    may_write = models.BooleanField()
    may_write_notes = models.BooleanField()
    connected_at = models.DateTimeField()
    revoked_at = models.DateTimeField(
        null=True, blank=True, help_text="When we learnt that the key is no longer valid."
    )
    collections = models.JSONField(
        default=list, help_text="`key` and `name` of each collection, as of the last refresh."
    )
    out_collection = models.CharField(
        max_length=ZOTERO_KEY_LENGTH,
        blank=True,
        help_text="Key of the collection that gets kept papers. Empty: none.",
    )
    out_collection_gone = models.BooleanField(default=False)
    next_refresh_at = models.DateTimeField(db_index=True)
    next_upload_at = models.DateTimeField(db_index=True)

    objects = ZoteroAccountQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Zotero account of {self.subscriber_id}"

    def new_entries(self) -> models.QuerySet[LibraryEntry]:
        """Return the kept papers that have no upload yet, in the order they were kept."""
        kept = LibraryEntry.objects.filter(subscriber=self.subscriber_id)
        # NOT IN is hashed; an anti-join would be quadratic until the table is analysed.
        new = kept.exclude(identity__in=self.uploads.values("identity"))
        return new.order_by("kept_at", "pk")

    def collection_name(self, key: str) -> str:
        """Return the name of a collection, or "" if it is not there."""
        return next((one["name"] for one in self.collections if one["key"] == key), "")


class ZoteroCollection(models.Model):
    """A collection whose papers are examples of a topic, as of the last refresh."""

    account = models.ForeignKey(
        ZoteroAccount, on_delete=models.CASCADE, related_name="chosen", db_index=False
    )
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="zotero_collections")
    key = models.CharField(max_length=ZOTERO_KEY_LENGTH)
    name = models.CharField(max_length=255)
    references = models.JSONField(
        default=list, help_text="title, arxiv_id, doi and added of each paper, newest first."
    )
    library_version = models.PositiveBigIntegerField(
        default=0, help_text="Version of the Zotero library that the references are from."
    )
    refreshed_at = models.DateTimeField(null=True, blank=True)
    is_gone = models.BooleanField(default=False, help_text="The collection was deleted in Zotero.")

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="one_topic_per_collection")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.account_id})"


class ZoteroUploadQuerySet(models.QuerySet["ZoteroUpload"]):
    def due(self, now: datetime) -> ZoteroUploadQuerySet:
        return self.filter(status=ZoteroUpload.Status.PENDING, next_attempt_at__lte=now)

    def claim(self, pk: int, now: datetime) -> bool:
        """Count an attempt and set the time of the next one, in case the worker dies."""
        claimed = self.due(now).filter(pk=pk)
        return bool(claimed.update(attempts=F("attempts") + 1, next_attempt_at=now + CLAIMED_FOR))


class ZoteroUpload(models.Model):
    """A kept paper on its way to Zotero: pending -> sent | failed.

    `item_key` is chosen before the first attempt, so that a later one can see whether an earlier
    one succeeded. If the paper was in Zotero already, it is the key of that item.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed"

    class Problem(models.TextChoices):
        UNREACHABLE = "unreachable"
        BUSY = "busy"
        CHANGED = "changed"
        REFUSED = "refused"

    MAX_ATTEMPTS = 12  # over about a day

    account = models.ForeignKey(
        ZoteroAccount, on_delete=models.CASCADE, related_name="uploads", db_index=False
    )
    entry = models.ForeignKey(
        LibraryEntry,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="zotero_uploads",
        help_text="Empty if the paper was removed from the library.",
    )
    identity = models.CharField(max_length=IDENTITY_LENGTH, help_text="That of the entry.")
    title = models.TextField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    problem = models.CharField(
        max_length=12, choices=Problem, blank=True, help_text="What went wrong the last time."
    )
    detail = models.CharField(max_length=300, blank=True, help_text="In Zotero's words.")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    write_token = models.CharField(max_length=32, editable=False)
    item_key = models.CharField(max_length=ZOTERO_KEY_LENGTH)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = ZoteroUploadQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["account", "identity"], name="one_upload_per_work")
        ]
        indexes = [
            models.Index(
                fields=["account", "next_attempt_at"],
                name="zotero_upload_pending",
                condition=Q(status="pending"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.status})"

    def record_sent(self, now: datetime, detail: str = "") -> None:
        """Record that the paper is in Zotero; `detail` says which part is not."""
        problem = self.Problem.REFUSED if detail else ""
        self._record(status=self.Status.SENT, sent_at=now, problem=problem, detail=detail)

    def record_problem(
        self, problem: str, detail: str, now: datetime, wait: timedelta = timedelta()
    ) -> None:
        """Record why an attempt failed; try again later, but not without end or if refused."""
        final = problem == self.Problem.REFUSED or self.attempts >= self.MAX_ATTEMPTS
        delay = FIRST_RETRY * 2 ** min(max(self.attempts - 1, 0), 20)
        self._record(
            status=self.Status.FAILED if final else self.Status.PENDING,
            problem=problem,
            detail=detail,
            next_attempt_at=now + max(min(delay, LONGEST_RETRY), wait),
        )

    def release(self, now: datetime) -> None:
        """Make it due at once: the attempt failed for a reason that is not about this paper."""
        self._record(attempts=F("attempts") - 1, next_attempt_at=now)

    def _record(self, *, detail: str = "", **columns: Any) -> None:
        """Update the row, with the decision about its item; nothing if it was deleted."""
        own = ZoteroUpload.objects.filter(pk=self.pk)
        own.update(
            detail=detail[:300], item_key=self.item_key, write_token=self.write_token, **columns
        )
