"""Digests: who is due, which papers each gets, and why."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

import numpy as np
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Count, Max, Sum
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from numpy.typing import NDArray

from papers import bulk, curation, updates
from papers.freshness import notices
from papers.models import Paper, PaperQuerySet
from papers.ranking.trending import describe_popularity
from papers.text.shortening import truncate
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import PaperText
from subscriptions.editions import states
from subscriptions.editions.desk import Desk
from subscriptions.mail.digest_mail import SUBJECT_LENGTH
from subscriptions.matching import selection
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import Match, match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import ProfileVectors
from subscriptions.matching.reasons import explain_choices
from subscriptions.matching.selection import FOR_YOU, PICKED, Choice, ReaderCandidates
from subscriptions.models import Digest, Interests, OpenedPaper, Reaction, Subscriber
from subscriptions.profiles.load import (
    is_strict,
    load_profiles,
    paper_ids,
    paper_text,
    profile_from_interests,
    profile_key,
)
from subscriptions.readers.lifecycle import is_first_day, set_next_digest
from subscriptions.schedule import local_day
from web.language import active_language

log = logging.getLogger(__name__)

# A paper is first seen before it is sent, and no paper older than the look-back is a candidate
# unless it is featured late; so digests of this many days hold all that may come again.
SEEN_DAYS = 120
NOTHING_NEW = "Nothing new that fits."
NOT_MADE = "It could not be made."
LONGEST_REASON = 500  # characters
OUR_FAULT_FOR = timedelta(hours=1)
NOTHING_SAID = Desk()
TYPED_SHOWN = 80  # characters of what a reader typed that a notice repeats
# A week and a day: what came after last week's digest on its own day is news in this week's.
WEEKLY_DAYS = 8


@dataclass(frozen=True, eq=False)
class CandidatePool:
    """The candidates of one day, prepared once and shared by all its readers.

    Arrays are by candidate position: `ids` of papers; `trending` scores, and `week` what they
    are without the day's term that puts today before last week; `first_seen` in seconds; `age` in
    days as news. The pool reaches as far back as any reader's digest may.
    """

    day: date
    papers: Sequence[Paper]
    candidates: Candidates
    ids: NDArray[np.int64]
    trending: NDArray[np.float32]
    week: NDArray[np.float32]
    first_seen: NDArray[np.float64]
    age: NDArray[np.int64]

    @classmethod
    def of(cls, day: date) -> CandidatePool:
        """The pool of a day as it stands; kept by each process until the papers change."""
        news = _news(day)
        # The sum tells one paper hidden and another shown from none of both.
        state = news.aggregate(
            Count("pk"), Sum("pk"), Max("pk"), Max("text_seen_at"), Max("scored_at")
        )
        return _prepared(day, stored_lexicon.current_version(), *state.values())

    @cached_property
    def places(self) -> dict[int, int]:
        """Positions by the paper's primary key."""
        return {pk: place for place, pk in enumerate(self.ids.tolist())}

    def of_papers(self, pks: Iterable[int]) -> list[int]:
        """The positions of those of these papers that are candidates, in their order."""
        return [self.places[pk] for pk in pks if pk in self.places]

    @cached_property
    def _figures(self) -> dict[tuple[str, int], str]:
        return {}

    def figures(self, position: int) -> str:
        """Return why a paper is popular, in the active language; cached since few papers trend."""
        key = active_language(), position
        if key not in self._figures:
            self._figures[key] = describe_popularity(
                self.papers[position].score_parts, is_today=not self.age[position]
            )
        return self._figures[key]

    @cached_property
    def primary_numbers(self) -> dict[str, int]:
        """A number for each primary field of a candidate."""
        names = sorted({_primary(paper.categories) for paper in self.candidates.papers})
        return {name: number for number, name in enumerate(names)}

    @cached_property
    def primary(self) -> NDArray[np.int64]:
        """The number of each candidate's primary field."""
        numbers = [self.primary_numbers[_primary(one.categories)] for one in self.candidates.papers]
        return np.array(numbers, dtype=np.int64)

    def own_fields(self, profile: Profile) -> frozenset[int]:
        """The numbers of primary fields that a reader named or likes papers of."""
        liked = (_primary(paper.categories) for paper in profile.liked if paper.categories)
        named = {*profile.categories, *liked}
        return frozenset(n for name, n in self.primary_numbers.items() if name in named)

    def in_fields(self, categories: Sequence[str]) -> NDArray[np.bool_]:
        """Which papers are in the reader's fields; all are, for whoever named none."""
        found = np.full(len(self.papers), not categories)
        for name in categories:
            found[self.candidates.lookups.by_category.get(name, [])] = True
        return found


def _primary(categories: Sequence[str]) -> str:
    return categories[0] if categories else ""


@lru_cache(maxsize=3)  # the local days of the world span two dates, and a preview may want one
def _prepared(day: date, *_state: object) -> CandidatePool:
    horizon = day - timedelta(days=SEEN_DAYS)
    papers = list(_news(day).filter(first_seen_at__date__gt=horizon).order_by("pk"))
    return CandidatePool(
        day=day,
        papers=papers,
        candidates=_candidates(
            stored_lexicon.current_version(), tuple(paper_text(paper) for paper in papers)
        ),
        ids=np.array([paper.pk for paper in papers], dtype=np.int64),
        trending=np.array([paper.score for paper in papers], dtype=np.float32),
        week=np.array([paper.heat for paper in papers], dtype=np.float32),
        first_seen=np.array([paper.first_seen_at.timestamp() for paper in papers]),
        age=np.array([(day - paper.day).days for paper in papers], dtype=np.int64),
    )


@lru_cache(maxsize=3)
def _candidates(_version: str, texts: tuple[PaperText, ...]) -> Candidates:
    """The slow part, which new scores do not change."""
    return Candidates.prepare(stored_lexicon.load_lexicon(), texts)


def _news(day: date) -> PaperQuerySet:
    return Paper.objects.news(day, max(settings.LOOKBACK_DAYS, WEEKLY_DAYS))


def candidate_papers(day: date) -> PaperQuerySet:
    """What may be in digests of `day`, for readers who get one a day."""
    return Paper.objects.news(day, settings.LOOKBACK_DAYS)


def lookback(reader: Subscriber) -> int:
    """How many days back news may be for this reader."""
    weekly = reader.frequency == Subscriber.Frequency.WEEKLY
    return max(settings.LOOKBACK_DAYS, WEEKLY_DAYS) if weekly else settings.LOOKBACK_DAYS


def due_readers(now: datetime) -> Iterator[list[int]]:
    """Primary keys of due readers, who waited longest first, a chunk at a time.

    One walk along the index of who is due, read piece by piece so that memory stays flat.
    """
    size = settings.SUBSCRIBERS_PER_TASK
    due = Subscriber.objects.due(now).order_by("next_digest_at", "pk")
    walk = due.values_list("pk", flat=True).iterator(chunk_size=size)
    while chunk := list(islice(walk, size)):
        yield chunk


@transaction.atomic
def build_due_digests(pks: Sequence[int], now: datetime) -> list[int]:
    """Make today's digest for those of these readers who are due; returns what is to be sent.

    Making the digest and advancing `next_digest_at` are one transaction: a second run, or a
    second worker, finds nobody due. A reader with bad data stops nobody else.
    """
    due = Subscriber.objects.due(now).filter(bulk.any_of("pk", pks))
    readers = list(due.select_for_update(skip_locked=True).order_by("pk"))
    try:
        with transaction.atomic():
            return _build(readers, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("a chunk of %s readers cannot be built; each is built alone", len(readers))
        return _build_each([reader.pk for reader in readers], now)


def _build_each(pks: Sequence[int], now: datetime) -> list[int]:
    """Build for one reader after the other, and write down whose digest cannot be made.

    Where it can be made for none of them, the fault may be ours: they stay due for a while.
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
        except Exception as error:  # whatever their data does, the others go on
            errors.append((reader, error))
    all_failed = len(errors) == len(pks)
    for reader, failure in errors:
        if all_failed and now - (due[reader.pk] or now) < OUR_FAULT_FOR:
            raise failure
        _write_down(Subscriber.objects.get(pk=reader.pk), failure, now)
    return ready


def _write_down(reader: Subscriber, error: Exception, now: datetime) -> None:
    """A failed digest in place of one that cannot be made; the next one is due in a day."""
    log.error("the digest of reader %s cannot be made: %s", reader.pk, type(error).__name__)
    day = local_day(reader.timezone, reader.next_digest_at or now)
    digest = Digest(
        subscriber=reader,
        day=day,
        status=Digest.Status.FAILED,
        reason=f"{NOT_MADE} {type(error).__name__}: {error}"[:LONGEST_REASON],
        created_at=now,
        next_attempt_at=now,
        expires_at=now,
    )
    Digest.objects.bulk_create([digest], ignore_conflicts=True)
    states.enter({day: 1}, now)
    Subscriber.objects.filter(pk=reader.pk).update(
        next_digest_at=now + timedelta(days=1), last_digest_day=day
    )


@transaction.atomic
def build_digest(pk: int, now: datetime) -> Digest | None:
    """Today's digest of one active reader, whatever the hour; None for anybody else.

    Made already: the one there is. The reader's next digest is then tomorrow's.
    """
    reader = Subscriber.objects.active().select_for_update().filter(pk=pk).first()
    if reader is None:
        return None
    reader.next_digest_at = now
    _build([reader], now)
    return reader.digests.filter(day=local_day(reader.timezone, now)).first()


def preview_digest(reader: Subscriber, now: datetime, day: date | None = None) -> Digest:
    """What a reader's digest would hold now, or that of another day; nothing is stored and
    nothing counts as sent."""
    due_now = copy(reader)
    due_now.next_digest_at = now
    return make(day or local_day(reader.timezone, now), [due_now], now)[0]


def newest_day(now: datetime) -> date | None:
    """The last day with papers that all may see; None before any came."""
    papers = Paper.objects.visible().filter(day__lte=now.date())
    newest: date | None = papers.aggregate(newest=Max("day"))["newest"]
    return newest


def preview_interests(
    interests: Interests, day: date, desk: Desk = NOTHING_SAID
) -> list[dict[str, Any]]:
    """What a digest of `day` would hold for somebody who said this; nothing need be stored."""
    pool, profile = CandidatePool.of(day), profile_from_interests(interests)
    taste = ProfileVectors.of_profiles([profile], pool.candidates.lexicon)
    [matched] = match_profiles([profile], pool.candidates, taste)
    reader = Subscriber()
    offered = shelf(pool, reader, profile, matched, set(), desk)
    [items] = choose(pool, [profile], [offered], [reader.max_papers], taste)
    desk.annotate(items)
    return items


def _build(readers: Sequence[Subscriber], now: datetime) -> list[int]:
    made: list[Digest] = []
    for day, group in _by_day(readers).items():
        pks = [reader.pk for reader in group]
        has_one = Digest.objects.filter(bulk.any_of("subscriber_id", pks), day=day)
        done = set(has_one.values_list("subscriber_id", flat=True))
        made += make(day, [reader for reader in group if reader.pk not in done], now)
    bulk.insert(made)
    advance(readers, now)
    states.enter(Counter(digest.day for digest in made), now)
    return [digest.pk for digest in made if digest.status == Digest.Status.PENDING]


def _by_day(readers: Sequence[Subscriber]) -> dict[date, list[Subscriber]]:
    groups: dict[date, list[Subscriber]] = defaultdict(list)
    for reader in readers:
        if reader.next_digest_at:
            groups[local_day(reader.timezone, reader.next_digest_at)].append(reader)
    return groups


def advance(readers: Sequence[Subscriber], now: datetime) -> None:
    """Set when the next digest is due: the first that is not too late, so that today's still comes
    after some hours without power."""
    for reader in readers:
        if reader.next_digest_at:
            reader.last_digest_day = local_day(reader.timezone, reader.next_digest_at)
        set_next_digest(reader, now - settings.DIGEST_CUTOFF)
    bulk.update(readers, ["next_digest_at", "last_digest_day"])


def make(day: date, readers: Sequence[Subscriber], now: datetime) -> list[Digest]:
    """One digest each: pending with papers, or skipped with the reason."""
    if not readers:
        return []
    pool = CandidatePool.of(day)
    wanted = load_profiles(readers)
    taste = ProfileVectors.of_profiles(wanted, pool.candidates.lexicon)
    matches = match_profiles(wanted, pool.candidates, taste)
    seen = seen_by([reader.pk for reader in readers], day)
    desk = Desk.of(day)
    shelves = [
        shelf(pool, reader, profile, matched, seen[reader.pk], desk)
        for reader, profile, matched in zip(readers, wanted, matches, strict=True)
    ]
    places = [reader.max_papers for reader in readers]
    languages = [reader.language for reader in readers]
    chosen = choose(pool, wanted, shelves, places, taste, languages)
    for items in chosen:
        desk.annotate(items)
    made = [_digest(reader, items, day, now) for reader, items in zip(readers, chosen, strict=True)]
    sources, news = notices.report_at(now), updates.updates_since(now)
    for reader, profile, digest in zip(readers, wanted, made, strict=True):
        if is_first_day(reader, day):
            digest.profile_key = profile_key(profile)
        with translation.override(reader.language):
            told = updates.describe_updates(news, seen[reader.pk], reader.covered_until)
            told = [*sources.notices(sorted(profile.categories)), *told]
            told = [*unmatched_notices(profile, digest.items, weekly=digest.weekly), *told]
        digest.notices = [*desk.notices(), *told]
        if desk.subject and digest.items:
            digest.subject = desk.subject
    return made


def unmatched_notices(
    profile: Profile, items: Sequence[dict[str, Any]], *, weekly: bool = False
) -> list[str]:
    """Say that nothing matched what a reader wished for, if nothing did and there are papers. What
    matched may stand in any section: the editor pins it, or it trends."""
    if not items or not profile.has_interests or any(_matched(item) for item in items):
        return []
    told = truncate(" ".join(profile.typed.split()), TYPED_SHOWN)
    if told and weekly:
        text = _("None of this week's papers matches “%(text)s”. This is what is trending.")
    elif told:
        text = _("None of today's papers matches “%(text)s”. This is what is trending today.")
    elif weekly:
        text = _("None of this week's papers is close to what you like. This is what is trending.")
    else:
        text = _(
            "None of today's papers is close to what you like. This is what is trending today."
        )
    return [text % {"text": told}]


def _matched(item: dict[str, Any]) -> bool:
    return item["section"] == FOR_YOU or item["score"] > 0  # without grounds there is no score


def _digest(reader: Subscriber, items: list[dict[str, Any]], day: date, now: datetime) -> Digest:
    due = reader.next_digest_at or now
    digest = Digest(
        subscriber=reader,
        day=day,
        weekly=reader.frequency == Subscriber.Frequency.WEEKLY,
        created_at=now,
        queued_at=now,
        next_attempt_at=now,
        expires_at=due + settings.DIGEST_CUTOFF,
    )
    if digest.expires_at <= now:
        return _skipped(digest, f"Too late: it was due at {due:%Y-%m-%d %H:%M} UTC.")
    if not items:
        return _skipped(digest, NOTHING_NEW)
    digest.items = items
    digest.paper_ids = [item["paper"] for item in items]
    with translation.override(reader.language):
        digest.subject = subject(items, weekly=digest.weekly)
    return digest


def _skipped(digest: Digest, why: str) -> Digest:
    digest.status, digest.reason = Digest.Status.SKIPPED, why
    return digest


def subject(items: Sequence[dict[str, Any]], *, weekly: bool = False) -> str:
    """Names the best paper, and says how many more there are."""
    more = len(items) - 1
    pattern = _("Your week: %(title)s") if weekly else "%(title)s"
    if more:
        several = ngettext("%(named)s + %(more)s more", "%(named)s + %(more)s more", more)
        pattern = several % {"named": pattern, "more": more}
    room = SUBJECT_LENGTH - len(pattern % {"title": ""})
    return pattern % {"title": truncate(items[0]["title"], room)}


def seen_by(pks: Sequence[int], day: date) -> dict[int, set[int]]:
    """By reader, the papers that may not come on `day`: sent, on their way, reacted to, opened."""
    seen: dict[int, set[int]] = defaultdict(set)
    mine = bulk.any_of("subscriber_id", pks)
    rows = Digest.objects.filter(mine, day__gt=day - timedelta(days=SEEN_DAYS))
    rows = rows.filter(status__in=Digest.RESERVING_STATUSES)
    for pk, sent in rows.values_list("subscriber_id", "paper_ids"):
        seen[pk].update(sent)
    for rows_of in (Reaction.objects.all(), OpenedPaper.objects.allowed()):
        known = rows_of.filter(mine)
        for pk, paper in known.values_list("subscriber_id", "paper_id"):
            seen[pk].add(paper)
    standing_for = curation.merged_into()
    for papers in seen.values():
        papers.update([standing_for[one] for one in papers & standing_for.keys()])
    return seen


def choose(
    pool: CandidatePool,
    wanted: Sequence[Profile],
    shelves: Sequence[ReaderCandidates],
    places: Sequence[int],
    taste: ProfileVectors | None = None,
    languages: Sequence[str] = (),
) -> list[list[dict[str, Any]]]:
    """The papers of each reader's digest, best first, each with its section and its reason in that
    reader's language; without `languages`, in that of the moment."""
    composed = selection.select_papers(shelves, places, pool.candidates.lookups.similarity)
    languages = languages or [active_language()] * len(wanted)
    own = [[one.position for one in row if one.section == FOR_YOU] for row in composed]
    made: list[list[dict[str, Any]]] = []
    said = explain_choices(wanted, pool.candidates, own, taste)
    for choices, positions, mine, language in zip(composed, own, said, languages, strict=True):
        with translation.override(language):
            whys = {place: one.sentence() for place, one in zip(positions, mine, strict=True)}
            made.append([item(pool, choice, whys.get(choice.position, "")) for choice in choices])
    return made


def shelf(
    pool: CandidatePool,
    reader: Subscriber,
    profile: Profile,
    matched: Match,
    seen: set[int],
    desk: Desk = NOTHING_SAID,
) -> ReaderCandidates:
    """What one reader may get of a pool; `seen` are ids of papers sent before."""
    known = seen | desk.hidden | paper_ids(profile.disliked) | paper_ids(profile.liked)
    since = reader.covered_until.timestamp() if reader.covered_until else 0.0
    weekly = reader.frequency == Subscriber.Frequency.WEEKLY
    trending = pool.week if weekly else pool.trending
    unseen = pool.age < lookback(reader)
    unseen[pool.of_papers(known)] = False
    return ReaderCandidates(
        personal=matched.personal,
        trending=trending * (0.0 if is_strict(profile) else 1.0),
        fresh=pool.first_seen > since,
        open=unseen,
        fields=pool.in_fields(profile.categories),
        threshold=matched.threshold,
        primary=pool.primary,
        pinned=_pinned(pool, profile, matched, desk),
        own_fields=pool.own_fields(profile),
        named_fields=bool(profile.categories),
        has_interests=profile.has_interests,
    )


def _pinned(pool: CandidatePool, profile: Profile, matched: Match, desk: Desk) -> list[int]:
    """Positions of what the curator pinned. Who wants only their own gets of it what fits them."""
    positions = pool.of_papers(desk.pinned)
    if not is_strict(profile):
        return positions
    return [at for at in positions if matched.personal[at] > max(matched.threshold, 0.0)]


def item(pool: CandidatePool, choice: Choice, why: str) -> dict[str, Any]:
    """What a digest records of one choice: enough to show it again as it was. Where nothing in the
    profile speaks for the paper, what trends does; what the curator pinned says so."""
    paper = pool.papers[choice.position]
    if choice.section == PICKED:
        why = _("Chosen by the editor")
    return {
        "paper": paper.pk,
        "title": paper.title,
        "section": choice.section,
        "reason": why or pool.figures(choice.position),
        "score": round(choice.score, 4),
    }
