"""Works of an uploaded file as entries of a library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from papers.models import Paper
from subscriptions.library.bibliography import MAX_WORKS, Bibliography, CitedWork
from subscriptions.library.changes import merge_notes, require_room
from subscriptions.library.keeping import describe_paper
from subscriptions.models import (
    MAX_TAGS,
    NOTE_LENGTH,
    TAG_LENGTH,
    LibraryEntry,
    Subscriber,
    work_identity,
)
from subscriptions.profiles import library_import
from subscriptions.profiles.references import Reference

BATCH = 500  # works looked up or stored together
FIELDS = ("paper", "note", "tags", "citation_key", "read_at")
"""Fields of an entry that an upload of the same work may fill in."""


@dataclass(frozen=True, slots=True)
class Added:
    """Counts of an upload: new entries, those of them on this site, and works kept before."""

    new: int
    on_site: int
    kept_before: int


@transaction.atomic
def add_works(reader: Subscriber, works: Sequence[CitedWork], now: datetime) -> Added:
    """Add works to a library; fill in the note and tags of works that it has.

    Raise ValidationError if they do not fit into the library.
    """
    Subscriber.objects.select_for_update().get(pk=reader.pk)
    entries = list(_entries(reader, works, now))
    kept = _kept_entries(reader, entries)
    new: dict[str, LibraryEntry] = {}
    changed: dict[int, LibraryEntry] = {}
    for entry in entries:
        names = filter(None, (entry.identity, _paper_key(entry.paper_id)))
        same = next((kept[name] for name in names if name in kept), None)
        if same is None:
            new[entry.identity] = entry
            kept |= {name: entry for name in (entry.identity, _paper_key(entry.paper_id)) if name}
        else:
            _fill_in(same, entry)
            changed |= {same.pk: same} if same.pk else {}
    require_room(reader, len(new))
    LibraryEntry.objects.bulk_create(new.values(), batch_size=BATCH, ignore_conflicts=True)
    LibraryEntry.objects.bulk_update(changed.values(), FIELDS, batch_size=BATCH)
    on_site = sum(entry.paper_id is not None for entry in new.values())
    return Added(len(new), on_site, len(entries) - len(new))


def _entries(
    reader: Subscriber, works: Sequence[CitedWork], now: datetime
) -> Iterator[LibraryEntry]:
    """Yield unsaved entries for works, each with its paper if it is on this site."""
    for start in range(0, len(works), BATCH):
        some = works[start : start + BATCH]
        found = library_import.find([work.reference for work in some])
        for work in some:
            paper = found.get(work.reference)
            yield _entry(reader, work, None if paper and paper.hidden else paper, now)


def _entry(reader: Subscriber, work: CitedWork, paper: Paper | None, now: datetime) -> LibraryEntry:
    values = describe_paper(paper) if paper else _describe(work)
    return LibraryEntry(
        subscriber=reader,
        paper=paper,
        identity=work_identity(values["arxiv_id"], values["doi"], values["title"]),
        citation_key=work.citation_key,
        note=work.note[:NOTE_LENGTH],
        tags=_short_tags(work.tags),
        kept_at=now,
        read_at=now if work.is_read else None,
        **values,
    )


def _short_tags(tags: Sequence[str]) -> list[str]:
    return [tag for tag in dict.fromkeys(tags) if len(tag) <= TAG_LENGTH][:MAX_TAGS]


def _describe(work: CitedWork) -> dict[str, Any]:
    reference: Reference = work.reference
    return {
        "title": reference.title,
        "authors": list(work.authors),
        "arxiv_id": reference.arxiv_id[:30],
        "doi": reference.doi[:300],
        "venue": work.venue,
        "url": work.url,
        "year": work.year or None,
    }


def _kept_entries(reader: Subscriber, entries: Sequence[LibraryEntry]) -> dict[str, LibraryEntry]:
    """Return entries of the library by identity and by paper, if a new one is the same work."""
    identities = [entry.identity for entry in entries]
    papers = [entry.paper_id for entry in entries if entry.paper_id]
    same = reader.library.filter(Q(identity__in=identities) | Q(paper__in=papers))
    named = ((name, row) for row in same for name in (row.identity, _paper_key(row.paper_id)))
    return {name: row for name, row in named if name}


def _paper_key(pk: int | None) -> str:
    return f"paper:{pk}" if pk else ""


def _fill_in(kept: LibraryEntry, other: LibraryEntry) -> None:
    """Add the note, tags and other values of the same work to an entry."""
    merge_notes(kept, other)
    kept.paper_id = kept.paper_id or other.paper_id


def describe_added(added: Added, bibliography: Bibliography) -> str:
    """Return the result of an upload in one line."""
    text = ngettext("%(count)s paper was added", "%(count)s papers were added", added.new) % {
        "count": added.new
    }
    if added.on_site:
        text += ", " + _("%(count)s of them on this site") % {"count": added.on_site}
    if added.kept_before:
        text += ", " + ngettext(
            "%(count)s was in your library already",
            "%(count)s were in your library already",
            added.kept_before,
        ) % {"count": added.kept_before}
    text += library_import.describe_rest(bibliography.refused, bibliography.left_out, MAX_WORKS)
    return text.rstrip(".") + "."
