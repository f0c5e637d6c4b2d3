"""Choose the papers of a digest, with the section and the reason of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from papers import bulk, curation
from subscriptions.editions.candidate_pool import SEEN_DAYS, CandidatePool, lookback_days
from subscriptions.editions.desk import Desk
from subscriptions.matching import selection
from subscriptions.matching.match import Match
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import ProfileVectors
from subscriptions.matching.reasons import explain_choices
from subscriptions.matching.selection import FOR_YOU, PICKED, Choice, ReaderCandidates
from subscriptions.models import Digest, OpenedPaper, Reaction, Subscriber
from subscriptions.profiles.load import is_strict, paper_ids
from web.language import active_language

EMPTY_DESK = Desk()


def seen_papers(pks: Sequence[int], day: date) -> dict[int, set[int]]:
    """Return, by reader, the papers that must not be sent on `day`.

    These are papers in digests that were sent or will be, and papers the reader reacted to or
    opened; each with the paper it was merged into.
    """
    seen: dict[int, set[int]] = defaultdict(set)
    of_readers = bulk.any_of("subscriber_id", pks)
    digests = Digest.objects.filter(of_readers, day__gt=day - timedelta(days=SEEN_DAYS))
    digests = digests.filter(status__in=Digest.RESERVING_STATUSES)
    for pk, papers in digests.values_list("subscriber_id", "paper_ids"):
        seen[pk].update(papers)
    for rows in (Reaction.objects.all(), OpenedPaper.objects.allowed()):
        for pk, paper in rows.filter(of_readers).values_list("subscriber_id", "paper_id"):
            seen[pk].add(paper)
    merged_into = curation.merged_into()
    for pks_seen in seen.values():
        pks_seen.update([merged_into[paper] for paper in pks_seen & merged_into.keys()])
    return seen


def reader_candidates(
    pool: CandidatePool,
    reader: Subscriber,
    profile: Profile,
    match: Match,
    seen: set[int],
    desk: Desk = EMPTY_DESK,
) -> ReaderCandidates:
    """Return the candidates for one reader; `seen` are primary keys of papers to leave out."""
    excluded = seen | desk.hidden | paper_ids(profile.disliked) | paper_ids(profile.liked)
    since = reader.covered_until.timestamp() if reader.covered_until else 0.0
    weekly = reader.frequency == Subscriber.Frequency.WEEKLY
    trending = pool.week if weekly else pool.trending
    eligible = pool.age < lookback_days(reader)
    eligible[pool.find_positions(excluded)] = False
    return ReaderCandidates(
        personal=match.personal,
        trending=trending * (0.0 if is_strict(profile) else 1.0),
        fresh=pool.first_seen > since,
        open=eligible,
        fields=pool.in_fields(profile.categories),
        threshold=match.threshold,
        primary=pool.primary,
        pinned=_pinned_positions(pool, profile, match, desk),
        own_fields=pool.own_fields(profile),
        named_fields=bool(profile.categories),
        has_interests=profile.has_interests,
    )


def _pinned_positions(pool: CandidatePool, profile: Profile, match: Match, desk: Desk) -> list[int]:
    """Return positions of pinned papers. Strict readers only get those that match them."""
    positions = pool.find_positions(desk.pinned)
    if not is_strict(profile):
        return positions
    least = max(match.threshold, 0.0)
    return [position for position in positions if match.personal[position] > least]


def choose_papers(
    pool: CandidatePool,
    profiles: Sequence[Profile],
    candidates: Sequence[ReaderCandidates],
    places: Sequence[int],
    vectors: ProfileVectors | None = None,
    languages: Sequence[str] = (),
) -> list[list[dict[str, Any]]]:
    """Return the items of each reader's digest, best first.

    Reasons are in the reader's language, or in the active one without `languages`. `places` are
    the maximum numbers of papers.
    """
    selected = selection.select_papers(candidates, places, pool.candidates.lookups.similarity)
    languages = languages or [active_language()] * len(profiles)
    personal = [
        [choice.position for choice in choices if choice.section == FOR_YOU] for choices in selected
    ]
    reasons = explain_choices(profiles, pool.candidates, personal, vectors)
    digests: list[list[dict[str, Any]]] = []
    for choices, positions, grounds, language in zip(
        selected, personal, reasons, languages, strict=True
    ):
        with translation.override(language):
            sentences = {
                position: reason.sentence()
                for position, reason in zip(positions, grounds, strict=True)
            }
            digests.append(
                [_item(pool, choice, sentences.get(choice.position, "")) for choice in choices]
            )
    return digests


def _item(pool: CandidatePool, choice: Choice, reason: str) -> dict[str, Any]:
    """Return the stored record of a choice: enough to show it again unchanged.

    Without a personal reason, the paper's popularity is the reason.
    """
    paper = pool.papers[choice.position]
    if choice.section == PICKED:
        reason = _("Chosen by the editor")
    return {
        "paper": paper.pk,
        "title": paper.title,
        "section": choice.section,
        "reason": reason or pool.popularity(choice.position),
        "score": round(choice.score, 4),
    }
