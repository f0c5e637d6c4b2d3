"""Single changes to a reader's profile: removing, muting, suggestions and the reset."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from papers.text.identity import name_key
from subscriptions.matching.profile_terms import remove_entries, remove_phrase
from subscriptions.models import TOPICS_LENGTH, Interests, OpenedPaper, Reaction
from subscriptions.profiles.references import MAX_EXAMPLES

MAX_MUTED = 100
MAX_MUTED_LENGTH = 200
MUTED = {"author": "muted_authors", "word": "excluded_words", "ignore": "ignored_words"}
"""Field of Interests by kind of button."""
RESET_FIELDS = (
    *("topics", "words", "excluded_words", "ignored_words", "categories"),
    *("authors", "muted_authors"),
    *("examples", "references", "strictness", "shared_authors"),
    *("learns_from_opened", "opened_recorded_since"),
    *("author_page", "author_page_status", "author_page_requested_at", "suggestion"),
)
"""Fields of Interests that a reset sets to their defaults."""


def _remove_word(interests: Interests, word: str) -> None:
    interests.topics = remove_phrase(interests.topics, word)
    interests.words = remove_entries(interests.words, word)


def _remove_reference(interests: Interests, name: str) -> None:
    interests.references = [ref for ref in interests.references if reference_name(ref) != name]


def _from_list(field: str) -> Callable[[Interests, str], None]:
    def remove_entry(interests: Interests, entry: str) -> None:
        setattr(interests, field, [value for value in getattr(interests, field) if value != entry])

    return remove_entry


def _from_rows(rows: type[Reaction | OpenedPaper]) -> Callable[[Interests, str], None]:
    def remove_row(interests: Interests, paper_pk: str) -> None:
        if paper_pk.isdecimal() and len(paper_pk) < 19:
            rows._default_manager.filter(subscriber=interests.pk, paper=int(paper_pk)).delete()

    return remove_row


REMOVERS: dict[str, Callable[[Interests, str], None]] = {
    "word": _remove_word,
    "phrase": _from_list("words"),
    "excluded-word": _from_list("excluded_words"),
    "ignored-word": _from_list("ignored_words"),
    "category": _from_list("categories"),
    "author": _from_list("authors"),
    "muted-author": _from_list("muted_authors"),
    "example": _from_list("examples"),
    "reference": _remove_reference,
    "reaction": _from_rows(Reaction),
    "opened": _from_rows(OpenedPaper),
}


def reference_name(reference: dict[str, str]) -> str:
    """Return the identifier of a reference within a profile."""
    return reference["arxiv_id"] or reference["doi"] or reference["title"]


@transaction.atomic
def remove_from_interests(pk: int, kind: str, entry: str) -> None:
    """Remove an entry from a profile; `kind` is a key of REMOVERS. Safe to repeat."""
    interests = Interests.objects.select_for_update().get(pk=pk)
    REMOVERS[kind](interests, entry)
    interests.save(update_fields=RESET_FIELDS)


@transaction.atomic
def add_to_muted(pk: int, field: str, entry: str) -> None:
    """Add a word or author to "excluded_words", "muted_authors" or "ignored_words".

    Raise ValidationError for an invalid entry. A muted author is no longer followed.
    """
    entry = " ".join(entry.split())
    if not entry:
        raise ValidationError(_("Type a word or name to mute."))
    if "\0" in entry or len(entry) > MAX_MUTED_LENGTH:
        raise ValidationError(_("This is too long. The maximum is 200 characters."))
    interests = Interests.objects.select_for_update().get(pk=pk)
    muted = list(dict.fromkeys([*getattr(interests, field), entry]))
    if len(muted) > MAX_MUTED:
        raise ValidationError(_("You've reached the maximum of 100. Remove one first."))
    setattr(interests, field, muted)
    if field == "muted_authors":
        same = name_key(entry)
        interests.authors = [name for name in interests.authors if name_key(name) != same]
    interests.save(update_fields=[field, "authors"])


@transaction.atomic
def settle_suggestion(pk: int, *, take: bool) -> bool:
    """Add the suggested interests or discard them; return True if they were added.

    Raise ValidationError if they exceed a limit. Safe to repeat.
    """
    interests = Interests.objects.select_for_update().get(pk=pk)
    suggestion, interests.suggestion = interests.suggestion or {}, None
    if taken := take and bool(suggestion):
        topics = suggestion.get("topics", "")
        if topics not in interests.topics:
            interests.topics = "; ".join(filter(None, [interests.topics.strip(), topics]))
        for name in ("examples", "categories"):
            combined = [*getattr(interests, name), *suggestion.get(name, [])]
            setattr(interests, name, list(dict.fromkeys(combined)))
        if len(interests.topics) > TOPICS_LENGTH or len(interests.examples) > MAX_EXAMPLES:
            raise ValidationError(
                _("There's no room for this beside your other interests. Shorten those first.")
            )
    interests.save(update_fields=RESET_FIELDS)
    return taken


@transaction.atomic
def reset_interests(pk: int) -> None:
    """Reset interests and reactions. Papers sent before are still not sent again."""
    interests = Interests.objects.select_for_update().get(pk=pk)
    blank = Interests()
    for name in RESET_FIELDS:
        setattr(interests, name, getattr(blank, name))
    interests.save(update_fields=RESET_FIELDS)
    Reaction.objects.filter(subscriber=pk).delete()
    OpenedPaper.objects.filter(subscriber=pk).delete()
