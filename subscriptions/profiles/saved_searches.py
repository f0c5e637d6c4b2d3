"""Following a search: it becomes a topic of the reader."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models, transaction

from papers.searching.queries import parse_query
from subscriptions.models import Subscriber, Topic
from subscriptions.profiles import edits, topics


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search as the values of a topic: plain words are ranked, anything else is strict."""

    text: str = ""
    query: str = ""

    @classmethod
    def of_query(cls, typed: str) -> SavedSearch:
        """Return the search that a typed query describes; it may be empty."""
        parsed = parse_query(typed)
        if not parsed:
            return cls()
        text = " ".join(typed.split())
        return cls(text=text) if parsed.is_plain else cls(query=text)

    def __bool__(self) -> bool:
        return bool(self.text or self.query)

    def __str__(self) -> str:
        return self.text or self.query


def find_topic(reader: Subscriber, search: SavedSearch) -> Topic | None:
    """Return the topic that a search was made into, or None."""
    return _topics_of(reader, search).first()


def follow_search(reader: Subscriber, search: SavedSearch) -> bool:
    """Make a topic of a search; return False if the reader has it already.

    Raise ValidationError if the reader has too many topics.
    """
    if find_topic(reader, search):
        return False
    topics.add_topic(reader, {"text": search.text, "query": search.query})
    return True


@transaction.atomic
def unfollow_search(reader: Subscriber, search: SavedSearch) -> None:
    """Delete the topic made of a search, or empty it if it is the only one. Safe to repeat."""
    for topic in _topics_of(reader, search):
        if not topics.delete_topic(topic.pk):
            edits.reset_topic(topic.pk)


def _topics_of(reader: Subscriber, search: SavedSearch) -> models.QuerySet[Topic]:
    return reader.topics.filter(text=search.text, query=search.query, categories=[])
