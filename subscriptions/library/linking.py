"""Entries from uploads get the paper that they describe when it comes into our sources."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from papers.models import Paper
from subscriptions.library.changes import merge_notes
from subscriptions.library.citations import make_entry_work
from subscriptions.library.keeping import describe_paper
from subscriptions.models import LibraryEntry, work_identity

IDS = ("arxiv_id", "doi")


def link_entries() -> int:
    """Link all entries whose paper is here by arXiv ID or DOI; return how many. Safe to repeat."""
    return sum(link_entry(pk, paper) for pk, paper in list(_found()))


def _found() -> Iterator[tuple[int, Paper]]:
    """Yield primary keys of entries and their papers."""
    papers = Paper.objects.filter(hidden=False)
    for name in IDS:
        rows = LibraryEntry.objects.filter(paper=None).exclude(**{name: ""}).order_by("pk")
        here = rows.filter(Exists(papers.filter(**{name: OuterRef(name)})))
        ids = dict(here.values_list("pk", name))
        by_id = papers.in_bulk(set(ids.values()), field_name=name)
        yield from ((pk, by_id[value]) for pk, value in ids.items() if value in by_id)


@transaction.atomic
def link_entry(pk: int, paper: Paper) -> bool:
    """Link an entry to a paper, or merge it into the reader's entry of that paper.

    An entry keeps the citation key that its exports had. Return False if there is nothing to do.
    """
    entry = LibraryEntry.objects.select_for_update().filter(pk=pk, paper=None).first()
    if entry is None:
        return False
    entry.citation_key = make_entry_work(entry).key
    values = describe_paper(paper)
    identity = work_identity(values["arxiv_id"], values["doi"], paper.title)
    library = LibraryEntry.objects.filter(subscriber=entry.subscriber_id).exclude(pk=pk)
    same = library.select_for_update().filter(Q(paper=paper) | Q(identity=identity))
    kept, *others = [*same, entry]
    for other in others:
        merge_notes(kept, other)
        other.delete()
    for name, value in (values | {"paper": paper, "identity": identity}).items():
        setattr(kept, name, value)
    kept.save()
    return True
