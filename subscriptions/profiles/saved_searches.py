"""A search that a reader follows: its words and fields among what they care about."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from subscriptions.models import Interests

MOST_FOLLOWED = 100  # words, and categories; as many as the preferences take


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """What was looked for: words on one line, and arXiv categories; one of them may be empty."""

    words: str = ""
    categories: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.categories)


def is_followed(pk: int, search: SavedSearch) -> bool:
    return not _missing(Interests.objects.get(pk=pk), search)


@transaction.atomic
def follow_search(pk: int, search: SavedSearch) -> SavedSearch:
    """Add a search to a reader's profile; the part of it that was not there. Twice changes
    nothing. Raises ValidationError where no more fits."""
    interests = Interests.objects.select_for_update().get(pk=pk)
    added = _missing(interests, search)
    words = [*interests.words, *filter(None, [added.words])]
    categories = [*interests.categories, *added.categories]
    if added and max(len(words), len(categories)) > MOST_FOLLOWED:
        raise ValidationError(_("You've reached the maximum of 100. Remove one first."))
    interests.words, interests.categories = words, categories
    interests.save(update_fields=["words", "categories"])
    return added


@transaction.atomic
def unfollow_search(pk: int, added: SavedSearch) -> None:
    """Take back what following a search has added. Twice changes nothing."""
    interests = Interests.objects.select_for_update().get(pk=pk)
    interests.words = [one for one in interests.words if one != added.words]
    interests.categories = [one for one in interests.categories if one not in added.categories]
    interests.save(update_fields=["words", "categories"])


def _missing(interests: Interests, search: SavedSearch) -> SavedSearch:
    words = "" if search.words in interests.words else search.words
    return SavedSearch(
        words, tuple(one for one in search.categories if one not in interests.categories)
    )
