"""Choose the papers of digests, with the topic, the section and the reason of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from papers import bulk, curation
from subscriptions.editions.candidate_pool import SEEN_DAYS, CandidatePool, lookback_days
from subscriptions.editions.desk import Desk
from subscriptions.editions.topic_matches import (
    MatchedTopic,
    Matches,
    repeated_choices,
    sent_by_topic,
)
from subscriptions.matching import selection
from subscriptions.matching.reasons import Reason
from subscriptions.matching.selection import (
    PICKED,
    SECTIONS,
    Choice,
    DigestCandidates,
    TopicCandidates,
)
from subscriptions.models import Digest, LibraryEntry, OpenedPaper, Reaction, Subscription
from subscriptions.profiles.load import is_strict, paper_ids

EMPTY_DESK = Desk()


def seen_papers(pks: Sequence[int], day: date) -> dict[int, set[int]]:
    """Return, by reader, the papers that must not be sent on `day`.

    These are papers in digests that were sent or will be, and papers the reader reacted to, kept
    or opened; each with the paper it was merged into.
    """
    seen: dict[int, set[int]] = defaultdict(set)
    of_readers = bulk.any_of("subscriber_id", pks)
    digests = Digest.objects.filter(of_readers, day__gt=day - timedelta(days=SEEN_DAYS))
    digests = digests.filter(status__in=Digest.RESERVING_STATUSES)
    for pk, papers in digests.values_list("subscriber_id", "paper_ids"):
        seen[pk].update(papers)
    kept = LibraryEntry.objects.filter(paper__isnull=False)
    for rows in (Reaction.objects.all(), kept.order_by(), OpenedPaper.objects.allowed()):
        for pk, paper in rows.filter(of_readers).values_list("subscriber_id", "paper_id"):
            seen[pk].add(paper)
    merged_into = curation.merged_into()
    for pks_seen in seen.values():
        pks_seen.update([merged_into[paper] for paper in pks_seen & merged_into.keys()])
    return seen


def digest_candidates(
    pool: CandidatePool,
    subscription: Subscription,
    topics: Sequence[MatchedTopic],
    seen: set[int],
    desk: Desk = EMPTY_DESK,
) -> DigestCandidates:
    """Return the candidates of a digest; `seen` are primary keys of papers to leave out."""
    liked = {pk for one in topics for pk in paper_ids([*one.profile.disliked, *one.profile.liked])}
    covered = subscription.covered_until
    recent = pool.age < lookback_days(subscription)
    recent[pool.find_positions(desk.hidden)] = False
    eligible = recent.copy()
    eligible[pool.find_positions(seen | liked)] = False
    categories = sorted({name for one in topics for name in one.profile.categories})
    are_strict = all(is_strict(one.profile) for one in topics)
    return DigestCandidates(
        topics=[_topic_candidates(one) for one in topics],
        trending=pool.week if subscription.is_round_up else pool.trending,
        fresh=pool.first_seen > (covered.timestamp() if covered else 0.0),
        open=eligible,
        recent=recent,
        fields=pool.in_fields(categories),
        primary=pool.primary,
        pinned=_pinned_positions(pool, topics, desk, are_strict=are_strict),
        own_fields=frozenset().union(*(pool.own_fields(one.profile) for one in topics)),
        named_fields=bool(categories),
        has_trending=subscription.trending and not are_strict,
    )


def _topic_candidates(one: MatchedTopic) -> TopicCandidates:
    return TopicCandidates(
        scores=one.match.personal,
        threshold=one.match.threshold,
        max_papers=one.topic.max_papers,
        has_interests=one.has_interests,
    )


def _pinned_positions(
    pool: CandidatePool, topics: Sequence[MatchedTopic], desk: Desk, *, are_strict: bool
) -> list[int]:
    """Return positions of pinned papers. Strict readers only get those that match a topic."""
    positions = pool.find_positions(desk.pinned)
    if not are_strict:
        return positions
    return [
        position
        for position in positions
        if any(one.match.personal[position] > max(one.match.threshold, 0.0) for one in topics)
    ]


@dataclass(frozen=True, slots=True)
class Order:
    """A digest to make: the subscription, with its reader, and the topics it carries."""

    subscription: Subscription
    topics: Sequence[MatchedTopic]


def choose_papers(
    matches: Matches, orders: Sequence[Order], seen: dict[int, set[int]], desk: Desk = EMPTY_DESK
) -> list[list[dict[str, Any]]]:
    """Return the items of each digest, best first, with reasons in its reader's language.

    `seen` are the papers to leave out by reader; chosen papers are added to it, so that no paper
    is chosen for two digests of a reader.
    """
    pool = matches.pool
    before: dict[int, set[int]] = {}  # papers sent before, by order
    sent = sent_by_topic([one.topic for one in matches.topics if one.topic.all_matches], pool)
    chosen: dict[int, list[Choice]] = {}
    for turn in _turns(orders):
        candidates = [
            digest_candidates(
                pool,
                orders[index].subscription,
                orders[index].topics,
                seen[orders[index].subscription.subscriber_id],
                desk,
            )
            for index in turn
        ]
        places = [orders[index].subscription.max_papers for index in turn]
        selected = selection.select_papers(candidates, places, pool.candidates.lookups.similarity)
        for index, offered, choices in zip(turn, candidates, selected, strict=True):
            topics = orders[index].topics
            chosen[index] = choices + repeated_choices(pool, topics, offered, choices, sent)
            reader = orders[index].subscription.subscriber_id
            before[index] = seen[reader]
            seen[reader] = seen[reader] | {int(pool.ids[one.position]) for one in chosen[index]}
            for one in chosen[index]:
                if one.topic is not None and topics[one.topic].topic.all_matches:
                    sent[topics[one.topic].topic.pk].add(int(pool.ids[one.position]))
    return _make_items(matches, orders, chosen, before)


def _turns(orders: Sequence[Order]) -> list[list[int]]:
    """Return indexes of orders, so that no reader has two in one turn."""
    counts: dict[int, int] = defaultdict(int)
    turns: list[list[int]] = []
    for index, order in enumerate(orders):
        turn = counts[order.subscription.subscriber_id]
        counts[order.subscription.subscriber_id] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(index)
    return turns


def _make_items(
    matches: Matches,
    orders: Sequence[Order],
    chosen: dict[int, list[Choice]],
    seen: Mapping[int, Collection[int]],
) -> list[list[dict[str, Any]]]:
    by_row: list[set[int]] = [set() for _topic in matches.profiles]
    for index, order in enumerate(orders):
        for choice in chosen[index]:
            if choice.topic is not None:
                by_row[order.topics[choice.topic].row].add(choice.position)
    reasons = matches.explain(by_row)
    made = []
    for index, order in enumerate(orders):
        reader = order.subscription.subscriber
        describe = _ItemWriter(matches, order, chosen[index], reasons, seen[index])
        with translation.override(reader.language):
            made.append([describe.item(choice) for choice in chosen[index]])
    return made


@dataclass(frozen=True, slots=True)
class _ItemWriter:
    """Makes the stored records of one digest's choices; `seen` are papers sent before."""

    matches: Matches
    order: Order
    choices: Sequence[Choice]
    reasons: Mapping[tuple[int, int], Reason]
    seen: Collection[int]

    def item(self, choice: Choice) -> dict[str, Any]:
        """Return the record of a choice: enough to show it again unchanged.

        Without a personal reason, the paper's popularity is the reason. A digest of several
        topics has a section for each, and records their names.
        """
        pool = self.matches.pool
        paper = pool.papers[choice.position]
        item = {"paper": paper.pk, "title": paper.title, "section": choice.section}
        reason = _("Chosen by the editor") if choice.section == PICKED else ""
        if choice.topic is not None:
            one = self.order.topics[choice.topic]
            found = self.reasons[one.row, choice.position]
            reason = "; ".join(filter(None, [self.matches.reason(one, found), self._also(choice)]))
            item |= {"topic": one.topic.pk, "fit": one.fit(choice.position)}
            if len(self.order.topics) > 1:
                item["topic_name"] = one.topic.title
        return item | {
            "reason": reason or pool.popularity(choice.position),
            "score": round(choice.score, 4),
        }

    def _also(self, choice: Choice) -> str:
        """Say where else the paper of a strict topic is; empty if nowhere."""
        if choice.topic is None or not self.order.topics[choice.topic].topic.all_matches:
            return ""
        for other in self.choices:
            if other.position == choice.position and other.topic != choice.topic:
                return _("also in “%(section)s”") % {"section": self._title(other)}
        was_sent = self.matches.pool.ids[choice.position] in self.seen
        return _("also in another digest") if was_sent else ""

    def _title(self, choice: Choice) -> str:
        if choice.topic is None:
            return _(SECTIONS[choice.section])
        return self.order.topics[choice.topic].topic.title
