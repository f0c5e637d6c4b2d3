"""Entries of a library as files for reference managers and spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from papers.citations.export import Export, export
from papers.citations.work import Kept, Work
from papers.exports import make_work
from subscriptions.models import LibraryEntry, LibraryEntryQuerySet

CHUNK = 500  # entries in memory at once with their papers


def export_entries(entries: LibraryEntryQuerySet, ending: str, name: str) -> Export:
    """Return a file with the citations of entries, with notes and tags, in their order."""
    rows = entries.select_related("paper").iterator(chunk_size=CHUNK)
    return export(_with_own_keys(map(make_entry_work, rows)), ending, name)


def make_entry_work(entry: LibraryEntry) -> Work:
    """Return the bibliographic data of an entry, from its paper if that has a page."""
    paper = entry.paper
    work = make_work(paper) if paper and not paper.hidden else _describe(entry)
    kept = Kept(
        note=entry.note,
        tags=entry.tags,
        kept_on=entry.kept_at.date().isoformat(),
        read_on=entry.read_at.date().isoformat() if entry.read_at else "",
    )
    return replace(work, citation_key=entry.citation_key, kept=kept)


def _describe(entry: LibraryEntry) -> Work:
    return Work(
        title=entry.title,
        authors=[str(name) for name in entry.authors],
        date=(entry.year,) if entry.year else (),
        url=entry.url,
        arxiv_id=entry.arxiv_id,
        doi=entry.doi,
        journal=entry.venue,
    )


def _with_own_keys(works: Iterable[Work]) -> Iterator[Work]:
    """Yield works with distinct keys: of two files, each may use a key for another paper."""
    used: set[str] = set()
    for work in works:
        if work.key in used:
            work = replace(work, citation_key="")
        used.add(work.key)
        yield work
