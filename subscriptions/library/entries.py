"""Entries of a library as pages show them: state of the paper, news, tags and note."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.utils.safestring import SafeString

from papers.citations.embedded import context_object
from papers.metadata.identifiers import abstract_url
from papers.models import Merge, Paper, PaperUpdate
from papers.text.shortening import short_authors
from subscriptions.library.citations import make_entry_work
from subscriptions.mail.editor_note import render_note
from subscriptions.models import LibraryEntry

LINK_ATTRIBUTES = {"a": {"rel": "nofollow noopener"}}


def describe_entries(entries: Sequence[LibraryEntry]) -> list[dict[str, Any]]:
    """Return the template context of entries; three queries for any number.

    The papers of the entries are loaded by the caller.
    """
    merged = _merged([entry.paper for entry in entries if entry.paper])
    updates = _updates([entry.paper_id for entry in entries if entry.paper_id])
    return [
        {
            "entry": entry,
            "paper": _shown_paper(entry.paper),
            "url": _title_url(entry, merged),
            "merged_into": merged.get(entry.paper_id or 0),
            "authors": short_authors([str(name) for name in entry.authors]),
            "updates": [one for one in updates[entry.paper_id or 0] if one.at > entry.kept_at],
            "context_object": context_object(make_entry_work(entry)),
            "note": render_own_note(entry.note),
        }
        for entry in entries
    ]


def render_own_note(note: str) -> SafeString:
    """Return a note as sanitised HTML."""
    return SafeString(render_note(note, LINK_ATTRIBUTES)) if note else SafeString("")


def _shown_paper(paper: Paper | None) -> Paper | None:
    """Return the paper if it has a page of its own."""
    return paper if paper and not paper.hidden else None


def _title_url(entry: LibraryEntry, merged: dict[int, Paper]) -> str:
    shown = merged.get(entry.paper_id or 0) or _shown_paper(entry.paper)
    return shown.get_absolute_url() if shown else outside_url(entry)


def outside_url(entry: LibraryEntry) -> str:
    """Return the address of a paper that is not on this site; empty if none is known."""
    if entry.url.startswith(("https://", "http://")):  # from an upload
        return entry.url
    return abstract_url(entry.arxiv_id) or (f"https://doi.org/{entry.doi}" if entry.doi else "")


def _merged(papers: Sequence[Paper]) -> dict[int, Paper]:
    """Return the papers that represent hidden ones, by the primary key of the hidden one."""
    hidden = [paper.pk for paper in papers if paper.hidden]
    merges = Merge.objects.filter(merged__in=hidden, kept__hidden=False).select_related("kept")
    return {merge.merged_id: merge.kept for merge in merges}


def _updates(papers: Sequence[int]) -> defaultdict[int, list[PaperUpdate]]:
    updates: defaultdict[int, list[PaperUpdate]] = defaultdict(list)
    for update in PaperUpdate.objects.filter(paper__in=papers):
        updates[update.paper_id].append(update)
    return updates
