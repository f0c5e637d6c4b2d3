"""Following a search: its words and categories become part of a reader's interests."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from subscriptions.models import Interests

MAX_FOLLOWED = 100  # words, and categories; the limit of the preferences form


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """Words on one line, and arXiv categories; either may be empty."""

    words: str = ""
    categories: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.categories)


def is_followed(pk: int, search: SavedSearch) -> bool:
    return not _missing(Interests.objects.get(pk=pk), search)


@transaction.atomic
def follow_search(pk: int, search: SavedSearch) -> SavedSearch:
    """Add a search to a reader's interests and return the part that was new. Safe to repeat.

    Raise ValidationError if a limit is reached.
    """
    interests = Interests.objects.select_for_update().get(pk=pk)
    added = _missing(interests, search)
    words = [*interests.words, *filter(None, [added.words])]
    categories = [*interests.categories, *added.categories]
    if added and max(len(words), len(categories)) > MAX_FOLLOWED:
        raise ValidationError(_("You've reached the maximum of 100. Remove one first."))
    interests.words, interests.categories = words, categories
    interests.save(update_fields=["words", "categories"])
    return added


@transaction.atomic
def unfollow_search(pk: int, added: SavedSearch) -> None:
    """Remove the words and categories that following a search added. Safe to repeat."""
    interests = Interests.objects.select_for_update().get(pk=pk)
    interests.words = [words for words in interests.words if words != added.words]
    interests.categories = [name for name in interests.categories if name not in added.categories]
    interests.save(update_fields=["words", "categories"])


def _missing(interests: Interests, search: SavedSearch) -> SavedSearch:
    words = "" if search.words in interests.words else search.words
    return SavedSearch(
        words, tuple(name for name in search.categories if name not in interests.categories)
    )
