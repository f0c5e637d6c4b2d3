"""Saving a reaction to a paper, and restoring the one before it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from subscriptions.models import Reaction, Subscriber, Topic
from subscriptions.profiles.topic_choice import topic_for_paper

MAX_DIGITS = 19  # of a primary key in PostgreSQL


@transaction.atomic
def save_reaction(reader: Subscriber, paper_pk: int, kind: str, topic: str, now: datetime) -> str:
    """Save a reaction that acts on the topic with this primary key.

    Without one of the reader's topics, it acts on the topic that brought the paper or fits best.
    Return a description of the reaction that it replaced, for `undo_reaction`; empty without one.
    """
    before = reader.reactions.filter(paper=paper_pk).first()
    reaction, _created = Reaction.objects.update_or_create(
        subscriber=reader,
        paper_id=paper_pk,
        defaults={
            "kind": kind,
            "topic": own_topic(reader, topic) or topic_for_paper(reader, paper_pk),
            "created_at": now,
        },
    )
    is_changed = before and (before.kind, before.topic_id) != (kind, reaction.topic_id)
    return f"{before.kind}.{before.topic_id or ''}" if before and is_changed else ""


def undo_reaction(reader: Subscriber, paper_pk: int, kind: str, replaced: str) -> None:
    """Restore the reaction that one of this kind replaced, or else delete it. Safe to repeat."""
    before, _, topic = replaced.partition(".")
    reaction = reader.reactions.filter(paper=paper_pk, kind=kind)
    if before in Reaction.Kind.values:
        reaction.update(kind=before, topic=own_topic(reader, topic))
    else:
        reaction.delete()


def own_topic(reader: Subscriber, pk: str) -> Topic | None:
    """Return the reader's topic with this primary key; None if there is none."""
    if not pk.isdecimal() or len(pk) >= MAX_DIGITS:
        return None
    return reader.topics.filter(pk=int(pk)).first()
