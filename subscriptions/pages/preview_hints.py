"""Explanations for a preview without matches: unknown words, spelling, and the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from papers.searching import corrections, queries
from papers.text.languages import foreign_language
from papers.text.shortening import join_names
from subscriptions.editions import composing
from subscriptions.models import Topic
from subscriptions.profiles.load import profile_from_topic

MAX_UNKNOWN_WORDS = 5


def explain_matches(topic: Topic, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return template context: whether the items match, and if not, the likely causes."""
    profile = profile_from_topic(topic)
    context: dict[str, Any] = {"wishes": profile.has_interests}
    wishes = [profile.typed] if profile.has_interests else []
    if not (notices := composing.unmatched_notices(wishes, items)):
        return context
    context["unmatched"] = notices[0]
    if language := foreign_language(profile.typed):
        return context | {"other_language": _(language)}
    query = queries.parse_query(profile.typed)
    unknown = corrections.unknown_words(query)
    spellings = corrections.spelling_corrections(query)
    quoted = [_("“%(words)s”") % {"words": word} for word in unknown if word not in spellings]
    context["unknown_words"] = join_names(quoted, MAX_UNKNOWN_WORDS)
    if spellings:
        corrected = " ".join(_correct_word(word, spellings) for word in profile.typed.split())
        params = {"interests": corrected, "categories": " ".join(topic.categories)}
        context["instead"] = corrected
        context["instead_url"] = f"{reverse('preview')}?{urlencode(params)}"
    return context


def _correct_word(typed: str, spellings: Mapping[str, str]) -> str:
    """Return the word with its spelling corrected and its punctuation unchanged."""
    word = typed.strip(",.;:!?()\"'")
    return typed.replace(word, spellings.get(word) or spellings.get(word.lower()) or word)
