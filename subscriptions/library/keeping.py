"""Keeping papers in a reader's library, and removing them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from papers.exports import publication_date
from papers.models import Paper
from subscriptions.library.changes import remove_entries, require_room
from subscriptions.models import LibraryEntry, Subscriber, work_identity
from subscriptions.profiles.reactions import own_topic
from subscriptions.profiles.topic_choice import topic_for_paper


def keep_paper(reader: Subscriber, paper: Paper, now: datetime, topic: str = "") -> LibraryEntry:
    """Keep a paper. If it is kept already, only its topic may change.

    It is an example for the topic with this primary key. Without one of the reader's topics, it
    is one for the topic that brought the paper or fits best. Raise ValidationError if the library
    is full.
    """
    entry, chosen = reader.library.filter(paper=paper).first(), own_topic(reader, topic)
    if entry is not None:
        if chosen:
            entry.topic = chosen
            entry.save(update_fields=["topic"])
        return entry
    require_room(reader, 1)
    values = describe_paper(paper) | {
        "paper": paper,
        "topic": chosen or topic_for_paper(reader, paper.pk),
    }
    identity = work_identity(values["arxiv_id"], values["doi"], paper.title)
    # An entry from an upload may be the same work.
    entry, _created = LibraryEntry.objects.update_or_create(
        subscriber=reader,
        identity=identity,
        defaults=values,
        create_defaults=values | {"kept_at": now},
    )
    return entry


def remove_paper(reader: Subscriber, paper_pk: int, now: datetime) -> None:
    """Remove a paper from the library; its page offers to undo it. Safe to repeat."""
    remove_entries(reader, reader.library.filter(paper=paper_pk), now)


def describe_paper(paper: Paper) -> dict[str, Any]:
    """Return the bibliographic fields of an entry for a stored paper."""
    return {
        "title": paper.title,
        "authors": paper.authors,
        "arxiv_id": paper.arxiv_id or "",
        "doi": paper.doi or "",
        "venue": paper.journal_ref,
        "url": paper.abstract_url,
        "year": publication_date(paper)[0],
    }
