"""Changes to entries of a library: read or unread, tags, notes, removing and restoring them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Func, Value
from django.utils.translation import gettext as _

from papers.models import Paper
from subscriptions.models import (
    MAX_ENTRIES,
    MAX_TAGS,
    TAG_LENGTH,
    LibraryEntry,
    LibraryEntryQuerySet,
    LibraryRemoval,
    Subscriber,
)

UNDO_FOR = timedelta(hours=1)
_SEPARATOR = re.compile(r"[,;\n]")


def mark_read(entries: LibraryEntryQuerySet, now: datetime) -> int:
    """Mark entries as read; return how many were unread."""
    return entries.order_by().filter(read_at=None).update(read_at=now)


def mark_unread(entries: LibraryEntryQuerySet) -> int:
    return entries.order_by().exclude(read_at=None).update(read_at=None)


def split_tags(typed: str) -> list[str]:
    """Return the tags in a text, separated by commas, semicolons or lines.

    Raise ValidationError for a tag that is too long, and for too many.
    """
    tags = [tag for part in _SEPARATOR.split(typed.replace("\0", "")) if (tag := clean_tag(part))]
    too_long = next((tag for tag in tags if len(tag) > TAG_LENGTH), "")
    if too_long:
        values = {"start": too_long[:TAG_LENGTH], "most": TAG_LENGTH}
        raise ValidationError(
            _("“%(start)s…” is too long. The maximum is %(most)s characters.") % values
        )
    distinct = list(dict.fromkeys(tags))
    if len(distinct) > MAX_TAGS:
        raise ValidationError(_("A paper can have %(most)s tags at most.") % {"most": MAX_TAGS})
    return distinct


def clean_tag(text: str) -> str:
    return " ".join(text.split())


def add_tags(entries: LibraryEntryQuerySet, tags: Iterable[str]) -> int:
    """Add tags to entries; return how many got one. Entries with MAX_TAGS tags get no more."""
    return sum(_add_tag(entries, tag) for tag in tags)


def _add_tag(entries: LibraryEntryQuerySet, tag: str) -> int:
    count = Func("tags", function="cardinality")
    rows = entries.order_by().alias(count=count).filter(count__lt=MAX_TAGS)
    new = Func(F("tags"), Value(tag), template="array_append(%(expressions)s::varchar)")
    return LibraryEntry.objects.filter(pk__in=rows.exclude(tags__contains=[tag])).update(tags=new)


def remove_tags(entries: LibraryEntryQuerySet, tags: Iterable[str]) -> int:
    """Remove tags from entries; return how many had one."""
    return sum(_remove_tag(entries, tag) for tag in tags)


def _remove_tag(entries: LibraryEntryQuerySet, tag: str) -> int:
    rest = Func(F("tags"), Value(tag), template="array_remove(%(expressions)s::varchar)")
    return entries.order_by().filter(tags__contains=[tag]).update(tags=rest)


@transaction.atomic
def remove_entries(reader: Subscriber, entries: LibraryEntryQuerySet, now: datetime) -> int:
    """Remove entries of a reader's library; return how many. `restore_entries` undoes it."""
    rows = list(entries.select_for_update(of=("self",)))
    if rows:
        LibraryRemoval.objects.create(
            subscriber=reader,
            removed_at=now,
            count=len(rows),
            entries=serializers.serialize("json", rows),
        )
        LibraryEntry.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def last_removal(reader: Subscriber, now: datetime) -> LibraryRemoval | None:
    """Return the last removal that can still be undone."""
    recent = reader.library_removals.filter(removed_at__gt=now - UNDO_FOR)
    removal: LibraryRemoval | None = recent.defer("entries").order_by("-removed_at", "-pk").first()
    return removal


@transaction.atomic
def restore_entries(reader: Subscriber, pk: int) -> int:
    """Undo a removal; return how many entries are back.

    A paper that was kept again in the meantime stays as it is. A removal that was undone before
    restores nothing.
    """
    removal = reader.library_removals.select_for_update().filter(pk=pk).first()
    if removal is None:
        return 0
    deserialized = serializers.deserialize("json", removal.entries)
    rows = [row.object for row in deserialized if isinstance(row.object, LibraryEntry)]
    _forget_deleted(reader, rows)
    require_room(reader, len(rows))
    before = reader.library.count()
    LibraryEntry.objects.bulk_create(rows, ignore_conflicts=True)
    removal.delete()
    return int(reader.library.count() - before)


def _forget_deleted(reader: Subscriber, rows: list[LibraryEntry]) -> None:
    """Clear references to papers and topics that no longer exist."""
    wanted = {row.paper_id for row in rows if row.paper_id}
    papers = set(Paper.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    topics = set(reader.topics.values_list("pk", flat=True))
    for row in rows:
        row.paper_id = row.paper_id if row.paper_id in papers else None
        row.topic_id = row.topic_id if row.topic_id in topics else None


def merge_notes(kept: LibraryEntry, other: LibraryEntry) -> None:
    """Add to an entry what the reader noted on another one of the same work. Saves nothing."""
    if other.note not in kept.note:
        kept.note = "\n\n".join(filter(None, (kept.note, other.note)))
    kept.tags = list(dict.fromkeys([*kept.tags, *other.tags]))[:MAX_TAGS]
    kept.citation_key = kept.citation_key or other.citation_key
    kept.read_at = kept.read_at or other.read_at
    kept.kept_at = min(kept.kept_at, other.kept_at)


def require_room(reader: Subscriber, new: int) -> None:
    """Raise ValidationError if so many new entries do not fit into the library."""
    count = reader.library.count()
    if new and count + new > MAX_ENTRIES:
        values = {"most": f"{MAX_ENTRIES:,}", "count": f"{count:,}", "new": f"{new:,}"}
        raise ValidationError(
            _(
                "A library can have %(most)s papers. Yours has %(count)s, and these would be "
                "%(new)s more. Remove some first."
            )
            % values
        )
