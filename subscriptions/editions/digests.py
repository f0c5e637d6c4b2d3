"""Build digests: find due readers, make their digests and store them."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from papers import bulk, updates
from papers.freshness import notices
from papers.text.shortening import truncate
from subscriptions.editions import states
from subscriptions.editions.candidate_pool import CandidatePool
from subscriptions.editions.choosing import (
    EMPTY_DESK,
    choose_papers,
    reader_candidates,
    seen_papers,
)
from subscriptions.editions.desk import Desk
from subscriptions.mail.digest_mail import SUBJECT_LENGTH
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import ProfileVectors
from subscriptions.matching.selection import FOR_YOU
from subscriptions.models import Digest, Interests, Subscriber
from subscriptions.profiles.load import load_profiles, profile_from_interests, profile_key
from subscriptions.readers.lifecycle import is_first_day, set_next_digest
from subscriptions.schedule import local_day

log = logging.getLogger(__name__)

NO_NEW_PAPERS = "Nothing new matches."
BUILD_FAILED = "The digest could not be built."
MAX_REASON_LENGTH = 500  # characters
# If all readers of a chunk fail, retry for this long: the fault may be in the software.
RETRY_CHUNK_FOR = timedelta(hours=1)
MAX_QUOTE_LENGTH = 80  # characters of a reader's own text in a notice


def due_readers(now: datetime) -> Iterator[list[int]]:
    """Yield chunks of primary keys of due readers, longest waiting first.

    One index scan through a server-side cursor, so that memory use is constant.
    """
    size = settings.SUBSCRIBERS_PER_TASK
    due = Subscriber.objects.due(now).order_by("next_digest_at", "pk")
    pks = due.values_list("pk", flat=True).iterator(chunk_size=size)
    while chunk := list(islice(pks, size)):
        yield chunk


@transaction.atomic
def build_due_digests(pks: Sequence[int], now: datetime) -> list[int]:
    """Build today's digest for those of these readers who are due. Return the digests to send.

    Digests are stored and `next_digest_at` is advanced in one transaction, so a second run or a
    second worker finds no due reader. Bad data of one reader does not affect the others.
    """
    due = Subscriber.objects.due(now).filter(bulk.any_of("pk", pks))
    readers = list(due.select_for_update(skip_locked=True).order_by("pk"))
    try:
        with transaction.atomic():
            return _build(readers, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("Building a chunk of %s readers failed; building one by one", len(readers))
        return _build_one_by_one([reader.pk for reader in readers], now)


def _build_one_by_one(pks: Sequence[int], now: datetime) -> list[int]:
    """Build the digests one at a time, and record those that fail.

    If all fail, raise the error for a while instead, so that the readers stay due.
    """
    due = dict(Subscriber.objects.filter(pk__in=pks).values_list("pk", "next_digest_at"))
    ready: list[int] = []
    errors: list[tuple[Subscriber, Exception]] = []
    for reader in Subscriber.objects.filter(pk__in=pks).order_by("pk"):
        try:
            with transaction.atomic():
                ready += _build([reader], now)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # bad data of one reader must not stop the others
            errors.append((reader, error))
    all_failed = len(errors) == len(pks)
    for reader, failure in errors:
        if all_failed and now - (due[reader.pk] or now) < RETRY_CHUNK_FOR:
            raise failure
        _record_failure(Subscriber.objects.get(pk=reader.pk), failure, now)
    return ready


def _record_failure(reader: Subscriber, error: Exception, now: datetime) -> None:
    """Store a failed digest, and schedule the next one for tomorrow."""
    log.error("The digest of reader %s cannot be built: %s", reader.pk, type(error).__name__)
    day = local_day(reader.timezone, reader.next_digest_at or now)
    digest = Digest(
        subscriber=reader,
        day=day,
        status=Digest.Status.FAILED,
        reason=f"{BUILD_FAILED} {type(error).__name__}: {error}"[:MAX_REASON_LENGTH],
        created_at=now,
        next_attempt_at=now,
        expires_at=now,
    )
    Digest.objects.bulk_create([digest], ignore_conflicts=True)
    states.add_due({day: 1}, now)
    Subscriber.objects.filter(pk=reader.pk).update(
        next_digest_at=now + timedelta(days=1), last_digest_day=day
    )


@transaction.atomic
def build_digest(pk: int, now: datetime) -> Digest | None:
    """Build today's digest of an active reader at once. Return None for other readers.

    If today's digest exists already, return it. The next digest is due tomorrow in both cases.
    """
    reader = Subscriber.objects.active().select_for_update().filter(pk=pk).first()
    if reader is None:
        return None
    reader.next_digest_at = now
    _build([reader], now)
    return reader.digests.filter(day=local_day(reader.timezone, now)).first()


def _build(readers: Sequence[Subscriber], now: datetime) -> list[int]:
    digests: list[Digest] = []
    for day, group in _group_by_day(readers).items():
        pks = [reader.pk for reader in group]
        existing = Digest.objects.filter(bulk.any_of("subscriber_id", pks), day=day)
        done = set(existing.values_list("subscriber_id", flat=True))
        digests += make_digests(day, [reader for reader in group if reader.pk not in done], now)
    bulk.insert(digests)
    advance_schedule(readers, now)
    states.add_due(Counter(digest.day for digest in digests), now)
    return [digest.pk for digest in digests if digest.status == Digest.Status.PENDING]


def _group_by_day(readers: Sequence[Subscriber]) -> dict[date, list[Subscriber]]:
    groups: dict[date, list[Subscriber]] = defaultdict(list)
    for reader in readers:
        if reader.next_digest_at:
            groups[local_day(reader.timezone, reader.next_digest_at)].append(reader)
    return groups


def advance_schedule(readers: Sequence[Subscriber], now: datetime) -> None:
    """Set the next due time of these readers.

    It is the first one whose cut-off is not over, so that after an outage of some hours today's
    digest is still sent.
    """
    for reader in readers:
        if reader.next_digest_at:
            reader.last_digest_day = local_day(reader.timezone, reader.next_digest_at)
        set_next_digest(reader, now - settings.DIGEST_CUTOFF)
    bulk.update(readers, ["next_digest_at", "last_digest_day"])


def preview_digest(reader: Subscriber, now: datetime, day: date | None = None) -> Digest:
    """Return the digest that would be built now, for today or for `day`. Nothing is stored."""
    due_now = copy(reader)
    due_now.next_digest_at = now
    return make_digests(day or local_day(reader.timezone, now), [due_now], now)[0]


def preview_interests(
    interests: Interests, day: date, desk: Desk = EMPTY_DESK
) -> list[dict[str, Any]]:
    """Return the items of a digest of `day` for these interests, which need not be stored."""
    pool, profile = CandidatePool.of(day), profile_from_interests(interests)
    vectors = ProfileVectors.of_profiles([profile], pool.candidates.lexicon)
    [match] = match_profiles([profile], pool.candidates, vectors)
    reader = Subscriber()
    candidates = reader_candidates(pool, reader, profile, match, set(), desk)
    [items] = choose_papers(pool, [profile], [candidates], [reader.max_papers], vectors)
    desk.annotate(items)
    return items


def make_digests(day: date, readers: Sequence[Subscriber], now: datetime) -> list[Digest]:
    """Return one unsaved digest per reader: pending with papers, or skipped with a reason."""
    if not readers:
        return []
    pool = CandidatePool.of(day)
    profiles = load_profiles(readers)
    vectors = ProfileVectors.of_profiles(profiles, pool.candidates.lexicon)
    matches = match_profiles(profiles, pool.candidates, vectors)
    seen = seen_papers([reader.pk for reader in readers], day)
    desk = Desk.of(day)
    candidates = [
        reader_candidates(pool, reader, profile, match, seen[reader.pk], desk)
        for reader, profile, match in zip(readers, profiles, matches, strict=True)
    ]
    places = [reader.max_papers for reader in readers]
    languages = [reader.language for reader in readers]
    chosen = choose_papers(pool, profiles, candidates, places, vectors, languages)
    composer = _Composer(day, desk, now)
    return [
        composer.compose(reader, profile, items, seen[reader.pk])
        for reader, profile, items in zip(readers, profiles, chosen, strict=True)
    ]


class _Composer:
    """Makes digests of one day from chosen papers; loads data shared by all readers once."""

    def __init__(self, day: date, desk: Desk, now: datetime) -> None:
        self.day, self.desk, self.now = day, desk, now
        self.source_report, self.updates = notices.report_at(now), updates.updates_since(now)

    def compose(
        self, reader: Subscriber, profile: Profile, items: list[dict[str, Any]], seen: set[int]
    ) -> Digest:
        due = reader.next_digest_at or self.now
        expires_at = due + settings.DIGEST_CUTOFF
        reason = ""
        if expires_at <= self.now:
            reason = f"Too late: it was due at {due:%Y-%m-%d %H:%M} UTC."
        elif not items:
            reason = NO_NEW_PAPERS
        items = [] if reason else items
        self.desk.annotate(items)
        weekly = reader.frequency == Subscriber.Frequency.WEEKLY
        with translation.override(reader.language):
            return Digest(
                subscriber=reader,
                day=self.day,
                weekly=weekly,
                status=Digest.Status.SKIPPED if reason else Digest.Status.PENDING,
                reason=reason,
                subject=(self.desk.subject or subject_line(items, weekly=weekly)) if items else "",
                items=items,
                paper_ids=[item["paper"] for item in items],
                notices=self._notices(reader, profile, items, seen, weekly),
                profile_key=profile_key(profile) if is_first_day(reader, self.day) else "",
                created_at=self.now,
                queued_at=self.now,
                next_attempt_at=self.now,
                expires_at=expires_at,
            )

    def _notices(
        self,
        reader: Subscriber,
        profile: Profile,
        items: Sequence[dict[str, Any]],
        seen: set[int],
        weekly: bool,
    ) -> list[Any]:
        return [
            *self.desk.notices(),
            *unmatched_notices(profile, items, weekly=weekly),
            *self.source_report.notices(sorted(profile.categories)),
            *updates.describe_updates(self.updates, seen, reader.covered_until),
        ]


def unmatched_notices(
    profile: Profile, items: Sequence[dict[str, Any]], *, weekly: bool = False
) -> list[str]:
    """Return a notice if none of these papers matches the reader's interests.

    A matching paper can be in any section: it may be pinned by the editor, or be trending.
    """
    if not items or not profile.has_interests or any(_is_match(item) for item in items):
        return []
    typed = truncate(" ".join(profile.typed.split()), MAX_QUOTE_LENGTH)
    if typed and weekly:
        text = _("None of this week's papers matches “%(text)s”. This is what is trending.")
    elif typed:
        text = _("None of today's papers matches “%(text)s”. This is what is trending today.")
    elif weekly:
        text = _("None of this week's papers is close to what you like. This is what is trending.")
    else:
        text = _(
            "None of today's papers is close to what you like. This is what is trending today."
        )
    return [text % {"text": typed}]


def _is_match(item: dict[str, Any]) -> bool:
    return item["section"] == FOR_YOU or item["score"] > 0


def subject_line(items: Sequence[dict[str, Any]], *, weekly: bool = False) -> str:
    """Return a subject line with the title of the best paper and the number of others."""
    more = len(items) - 1
    pattern = _("Your week: %(title)s") if weekly else "%(title)s"
    if more:
        several = ngettext("%(named)s + %(more)s more", "%(named)s + %(more)s more", more)
        pattern = several % {"named": pattern, "more": more}
    room = SUBJECT_LENGTH - len(pattern % {"title": ""})
    return pattern % {"title": truncate(items[0]["title"], room)}
