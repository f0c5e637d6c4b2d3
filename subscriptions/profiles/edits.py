"""Single changes to a profile: removing, muting, suggestions and the reset."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from papers.text.identity import name_key
from subscriptions.matching.profile_terms import remove_entries, remove_phrase
from subscriptions.models import (
    LibraryEntry,
    OpenedPaper,
    Reaction,
    Subscriber,
    Topic,
    ZoteroCollection,
)
from subscriptions.profiles import topics

MAX_MUTED = 100
MAX_MUTED_LENGTH = 200
TOPIC_FIELDS = (
    *("text", "words", "excluded_words", "ignored_words", "categories", "authors"),
    *("examples", "references", "strictness", "query", "all_matches", "max_papers"),
    *("may_split", "author_page", "author_page_status", "author_page_requested_at"),
)
"""Fields of a topic that a reset sets to their defaults."""
READER_FIELDS = (
    *("muted_words", "muted_authors", "shared_authors"),
    *("learns_from_kept", "learns_from_opened", "opened_recorded_since", "suggestion"),
)
"""Fields of a reader that a reset sets to their defaults."""


def _remove_word(topic: Topic, word: str) -> None:
    topic.text = remove_phrase(topic.text, word)
    topic.words = remove_entries(topic.words, word)


def _remove_reference(topic: Topic, name: str) -> None:
    topic.references = [ref for ref in topic.references if reference_name(ref) != name]


def _from_list(field: str) -> Callable[[Topic, str], None]:
    def remove_entry(topic: Topic, entry: str) -> None:
        setattr(topic, field, [value for value in getattr(topic, field) if value != entry])

    return remove_entry


def _from_reader(field: str) -> Callable[[Topic, str], None]:
    def remove_entry(topic: Topic, entry: str) -> None:
        reader = topic.subscriber
        setattr(reader, field, [value for value in getattr(reader, field) if value != entry])
        reader.save(update_fields=[field])

    return remove_entry


def _from_rows(rows: type[Reaction | OpenedPaper]) -> Callable[[Topic, str], None]:
    def remove_row(topic: Topic, paper_pk: str) -> None:
        if pk := _number(paper_pk):
            own = rows._default_manager.filter(subscriber=topic.subscriber_id)
            own.filter(paper=pk).delete()

    return remove_row


def _forget_kept(topic: Topic, paper_pk: str) -> None:
    """Let a kept paper count for no topic. It stays in the library."""
    topic.subscriber.library.filter(paper=_number(paper_pk)).update(topic=None)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


REMOVERS: dict[str, Callable[[Topic, str], None]] = {
    "word": _remove_word,
    "phrase": _from_list("words"),
    "excluded-word": _from_list("excluded_words"),
    "muted-word": _from_reader("muted_words"),
    "ignored-word": _from_list("ignored_words"),
    "category": _from_list("categories"),
    "author": _from_list("authors"),
    "muted-author": _from_reader("muted_authors"),
    "example": _from_list("examples"),
    "reference": _remove_reference,
    "reaction": _from_rows(Reaction),
    "kept": _forget_kept,
    "opened": _from_rows(OpenedPaper),
}


def reference_name(reference: dict[str, str]) -> str:
    """Return the identifier of a reference within a profile."""
    return reference["arxiv_id"] or reference["doi"] or reference["title"]


def _lock(pk: int) -> Topic:
    """Return a topic, with its reader, and lock both."""
    topic = Topic.objects.select_for_update(no_key=True).get(pk=pk)
    topic.subscriber = _lock_reader(topic.subscriber_id)
    return topic


def _lock_reader(pk: int) -> Subscriber:
    return Subscriber.objects.select_for_update(no_key=True).get(pk=pk)


@transaction.atomic
def remove_from_topic(pk: int, kind: str, entry: str) -> None:
    """Remove an entry from a topic or its reader; `kind` is a key of REMOVERS. Safe to repeat."""
    topic = _lock(pk)
    REMOVERS[kind](topic, entry)
    topic.save(update_fields=TOPIC_FIELDS)


def _clean_entry(entry: str) -> str:
    entry = " ".join(entry.split())
    if not entry:
        raise ValidationError(_("Type a word or name to mute."))
    if "\0" in entry or len(entry) > MAX_MUTED_LENGTH:
        raise ValidationError(_("This is too long. The maximum is 200 characters."))
    return entry


def _add_entry(row: Topic | Subscriber, field: str, entry: str) -> None:
    entries = list(dict.fromkeys([*getattr(row, field), entry]))
    if len(entries) > MAX_MUTED:
        raise ValidationError(_("You've reached the maximum of 100. Remove one first."))
    setattr(row, field, entries)
    row.save(update_fields=[field])


@transaction.atomic
def mute_word(pk: int, entry: str) -> None:
    """Mute a word for a reader, in all topics. Raise ValidationError for an invalid entry."""
    _add_entry(_lock_reader(pk), "muted_words", _clean_entry(entry))


@transaction.atomic
def mute_author(pk: int, entry: str) -> None:
    """Mute an author for a reader; no topic follows them any longer.

    Raise ValidationError for an invalid entry.
    """
    entry = _clean_entry(entry)
    reader = _lock_reader(pk)
    _add_entry(reader, "muted_authors", entry)
    same = name_key(entry)
    for topic in reader.topics.select_for_update(no_key=True):
        topic.authors = [name for name in topic.authors if name_key(name) != same]
        topic.save(update_fields=["authors"])


@transaction.atomic
def ignore_word(pk: int, entry: str) -> None:
    """Ignore a word in a topic's profile. Raise ValidationError for an invalid entry."""
    _add_entry(_lock(pk), "ignored_words", _clean_entry(entry))


@transaction.atomic
def settle_suggestion(pk: int, *, take: bool) -> bool:
    """Make a topic of the suggested interests or discard them; return True if one was made.

    They fill the first topic if it is blank. Raise ValidationError if there are too many topics.
    Safe to repeat.
    """
    reader = _lock_reader(pk)
    suggestion, reader.suggestion = reader.suggestion or {}, None
    if taken := take and bool(suggestion):
        topics.add_topic(reader, suggestion)
    reader.save(update_fields=["suggestion"])
    return taken


@transaction.atomic
def reset_topic(pk: int) -> None:
    """Reset a topic, its reactions and its Zotero collections. No paper is sent twice.

    Kept papers stay in the library and count for no topic any more. If it is the reader's only
    topic, the reader's muted words and authors are reset as well.
    """
    topic = _lock(pk)
    _reset(topic, TOPIC_FIELDS)
    for rows in (Reaction, OpenedPaper, ZoteroCollection):
        rows._default_manager.filter(topic=pk).delete()
    LibraryEntry.objects.filter(topic=pk).update(topic=None)
    if topic.subscriber.topics.count() == 1:
        _reset(topic.subscriber, READER_FIELDS)
        Reaction.objects.filter(subscriber=topic.subscriber).delete()
        OpenedPaper.objects.filter(subscriber=topic.subscriber).delete()


def _reset(row: Topic | Subscriber, fields: Sequence[str]) -> None:
    blank = type(row)()
    for name in fields:
        setattr(row, name, getattr(blank, name))
    row.save(update_fields=fields)
