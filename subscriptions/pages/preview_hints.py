"""Explanations for a preview without matches: unknown words, spelling, and the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from papers.searching import corrections, queries
from papers.text.languages import foreign_language
from subscriptions.editions import composing
from subscriptions.models import Topic
from subscriptions.profiles.load import profile_from_topic

MAX_UNKNOWN_WORDS = 5
MAX_NAME_WORDS = 4
TRANSLATED = frozenset(("German", "Chinese"))  # languages of papers.text.vocabulary


def explain_matches(topic: Topic, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return template context: whether the items match, and if not, the likely causes."""
    profile = profile_from_topic(topic)
    context: dict[str, Any] = {"wishes": profile.has_interests}
    wishes = [profile.typed] if profile.has_interests else []
    if not (notices := composing.unmatched_notices(wishes, items)):
        return context
    context["unmatched"] = notices[0]
    query = queries.parse_query(profile.typed)
    context["maybe_author"] = _is_capitalised(profile.typed)
    if language := foreign_language(profile.typed):
        context["other_language"] = _(language)
        spellings = corrections.spelling_corrections(query) if _is_read(query, language) else {}
        return context | _suggestion(topic, profile.typed, spellings)
    unknown = corrections.unknown_words(query)
    spellings = corrections.spelling_corrections(query)
    typed = {word.lower(): word for word in map(_bare_word, profile.typed.split())}
    context["unknown_words"] = [
        typed.get(word.lower(), word) for word in unknown if word not in spellings
    ][:MAX_UNKNOWN_WORDS]
    return context | _suggestion(topic, profile.typed, spellings)


def _is_capitalised(typed: str) -> bool:
    """Return whether a text has a few words that all begin with a capital, like a name."""
    words = typed.split()
    return 1 < len(words) <= MAX_NAME_WORDS and all(
        word.strip(".").replace("-", "").isalpha() and word[0].isupper() for word in words
    )


def _is_read(query: queries.Query, language: str) -> bool:
    return language in TRANSLATED and corrections.is_translated(query)


def _suggestion(topic: Topic, typed: str, spellings: Mapping[str, str]) -> dict[str, Any]:
    """Return the typed text with its words corrected, and the URL of its preview."""
    corrected = " ".join(filter(None, (_correct_word(word, spellings) for word in typed.split())))
    if not spellings or corrected == typed:
        return {}
    params = {"interests": corrected, "categories": " ".join(topic.categories)}
    return {"instead": corrected, "instead_url": f"{reverse('preview')}?{urlencode(params)}"}


def _bare_word(word: str) -> str:
    return word.strip(",.;:!?()\"'")


def _correct_word(typed: str, spellings: Mapping[str, str]) -> str:
    """Return the word with its spelling corrected and its punctuation unchanged."""
    word = _bare_word(typed)
    corrected = spellings.get(word, spellings.get(word.lower(), word))
    return typed.replace(word, corrected) if corrected else ""
