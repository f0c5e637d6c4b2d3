"""Why a preview has nothing for somebody, in words: what no paper has, how it may be spelt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from papers.searching import corrections, queries
from papers.text.languages import foreign_language
from papers.text.markup import join_names
from subscriptions.editions import digests
from subscriptions.models import Interests
from subscriptions.profiles.load import profile_from_interests

MOST_NAMED = 5  # words


def explain(interests: Interests, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the preview says of these items: that nothing matched, and what may be the cause."""
    profile = profile_from_interests(interests)
    told: dict[str, Any] = {"wishes": profile.has_interests}
    if not (missed := digests.unmatched_notices(profile, items)):
        return told
    told["unmatched"] = missed[0]
    if language := foreign_language(profile.typed):
        return told | {"other_language": _(language)}
    query = queries.parse_query(profile.typed)
    unknown, right = corrections.unknown_words(query), corrections.spelling_corrections(query)
    quoted = [_("“%(words)s”") % {"words": word} for word in unknown if word not in right]
    told["unknown_words"] = join_names(quoted, MOST_NAMED)
    if right:
        instead = " ".join(_corrected(word, right) for word in profile.typed.split())
        asked = {"interests": instead, "categories": " ".join(interests.categories)}
        told |= {"instead": instead, "instead_url": f"{reverse('preview')}?{urlencode(asked)}"}
    return told


def _corrected(typed: str, right: Mapping[str, str]) -> str:
    """One word as typed, with the right spelling between the same marks."""
    word = typed.strip(",.;:!?()\"'")
    return typed.replace(word, right.get(word) or right.get(word.lower()) or word)
