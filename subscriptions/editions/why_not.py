"""Explain why a paper is not in a reader's digest, for a digest built now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

import numpy as np
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from papers.models import Paper
from subscriptions.editions import candidate_pool
from subscriptions.editions.candidate_pool import CandidatePool
from subscriptions.editions.choosing import digest_candidates, seen_papers
from subscriptions.editions.desk import Desk
from subscriptions.editions.topic_matches import MatchedTopic, Matches
from subscriptions.matching.fit import describe_fit
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.selection import (
    NEAR_DUPLICATE,
    SECTIONS,
    Choice,
    DigestCandidates,
    select_papers,
)
from subscriptions.models import Digest, OpenedPaper, Reaction, Subscriber, Subscription, Topic
from subscriptions.profiles.load import load_profiles, paper_ids, topics_of
from subscriptions.schedule import local_day

Answer = tuple[str, str]
"""The title of a topic, empty if the answer holds for all of them; and the answer."""


@dataclass(frozen=True, eq=False)
class _Case:
    """A paper and a reader's default subscription, on the reader's local day."""

    paper: Paper
    reader: Subscriber
    subscription: Subscription
    topics: Sequence[Topic]
    profiles: Sequence[Profile]
    day: date

    @property
    def pool(self) -> CandidatePool:
        return CandidatePool.of(self.day, candidate_pool.pool_days(self.subscription))


def explain_absence(reader: Subscriber, arxiv_id: str, now: datetime) -> str:
    """Return the answer of `explain_by_topic` as one text."""
    answers = explain_by_topic(reader, arxiv_id, now)
    return " ".join(f"{title}: {answer}" if title else answer for title, answer in answers)


def explain_by_topic(reader: Subscriber, arxiv_id: str, now: datetime) -> list[Answer]:
    """Return the first reason that keeps a paper out of the reader's next digest.

    If nothing does, the answer says so. There is one for each topic if they differ.
    """
    paper = Paper.objects.filter(arxiv_id=arxiv_id).first()
    if paper is None:
        return [("", _("We don't have this paper; none of our sources has listed it yet."))]
    subscription = reader.default_subscription
    subscription.subscriber = reader
    [topics] = topics_of([subscription])
    day = local_day(reader.timezone, now)
    case = _Case(paper, reader, subscription, topics, load_profiles(topics), day)
    answers = (answer for check in CHECKS if (answer := check(case)))
    return [("", answer) for answer in islice(answers, 1)] or _ranked(case)


def _hidden(case: _Case) -> str:
    if case.paper.withdrawn:
        return _("It has been withdrawn.")
    return _("The curator has hidden it.") if case.paper.hidden else ""


def _left_out(case: _Case) -> str:
    left_out = case.paper.pk in Desk.of(case.day).hidden
    return _("The curator has left it out of today's edition.") if left_out else ""


def _sent(case: _Case) -> str:
    rows = Digest.objects.filter(subscriber=case.reader, paper_ids__contains=[case.paper.pk])
    digest = rows.filter(status__in=Digest.RESERVING_STATUSES).order_by("day").first()
    if digest is None:
        return ""
    when = {"day": _date(digest.day)}
    if digest.status == Digest.Status.SENT:
        return _("You already got it in the digest of %(day)s. We never send a paper twice.") % when
    return _("It is in the digest of %(day)s, which is on its way.") % when


def _known(case: _Case) -> str:
    reaction = Reaction.objects.filter(subscriber=case.reader, paper=case.paper).first()
    if reaction and reaction.kind == Reaction.Kind.LESS:
        return _("You asked for less like this, so we won't send it.")
    liked = {pk for profile in case.profiles for pk in paper_ids(profile.liked)}
    if reaction or case.paper.pk in liked:
        return _("It's one of the papers you like. We use it to find others and don't send it.")
    if case.reader.library.filter(paper=case.paper).exists():
        return _("You kept it. It's in your library, and we don't send it as new.")
    if OpenedPaper.objects.allowed().filter(subscriber=case.reader, paper=case.paper).exists():
        return _("You've already opened it on this site.")
    return ""


def _revision(case: _Case) -> str:
    revised = case.paper.announce_type.startswith("replace") and not case.paper.featured_on
    return _("It's a revision; digests only contain new papers.") if revised else ""


def _too_old(case: _Case) -> str:
    days = candidate_pool.lookback_days(case.subscription)
    first = case.day - timedelta(days=days)
    if case.paper.day > case.day:
        return _("It will be eligible on %(day)s.") % {"day": _date(case.paper.day)}
    if case.paper.day > first:
        return ""
    return ngettext(
        "It's too old: it is from %(day)s, and digests go back %(days)s day.",
        "It's too old: it is from %(day)s, and digests go back %(days)s days.",
        days,
    ) % {"day": _date(case.paper.day), "days": days}


def _ranked(case: _Case) -> list[Answer]:
    """Explain the paper's place among the papers of the day, for each topic."""
    pool = case.pool
    position = pool.positions_by_pk.get(case.paper.pk)
    if position is None:
        return [("", _("We first saw it too long ago."))]
    topics = Matches(pool, case.topics, case.profiles).topics
    seen = seen_papers([case.reader.pk], case.day)[case.reader.pk]
    candidates = digest_candidates(pool, case.subscription, topics, seen, Desk.of(case.day))
    places = case.subscription.max_papers
    [chosen] = select_papers([candidates], [places], pool.candidates.lookups.similarity)
    for choice in chosen:
        if choice.position == position:
            title = _section_title(choice, topics)
            text = _("It would be in your next digest, under “%(section)s”.") % {"section": title}
            return [("", text)]
    answers = [
        _muted(pool, one.profile, position)
        or _outside_search(one, position)
        or _near_duplicate(pool, candidates, index, position, chosen)
        or _describe_rank(one, candidates, index, position, places)
        for index, one in enumerate(topics)
    ]
    if len(topics) == 1 or len(set(answers)) == 1:
        return [("", answers[0])]
    return [(one.topic.title, answer) for one, answer in zip(topics, answers, strict=True)]


def _section_title(choice: Choice, topics: Sequence[MatchedTopic]) -> str:
    if choice.topic is not None and len(topics) > 1:
        return topics[choice.topic].topic.title
    return _(SECTIONS[choice.section])


def _muted(pool: CandidatePool, profile: Profile, position: int) -> str:
    """Match each excluded word and each muted author alone."""
    words = [Profile(excluded_words=(word,)) for word in profile.excluded_words]
    names = [Profile(muted_authors=(name,)) for name in profile.muted_authors]
    if not words + names:
        return ""
    alone = pool.candidates.select([position])
    for single, matched in zip(words + names, match_profiles(words + names, alone), strict=True):
        if matched.scores[0] < 0 and single.excluded_words:
            return _("It contains “%(word)s”, which you excluded.") % {
                "word": single.excluded_words[0]
            }
        if matched.scores[0] < 0:
            return _("You muted %(name)s, one of its authors.") % {"name": single.muted_authors[0]}
    return ""


def _outside_search(one: MatchedTopic, position: int) -> str:
    if not one.topic.query or one.match.personal[position] > 0:
        return ""
    return _("It doesn't match the search “%(query)s”.") % {"query": one.topic.query}


def _near_duplicate(
    pool: CandidatePool,
    candidates: DigestCandidates,
    topic: int,
    position: int,
    chosen: Sequence[Choice],
) -> str:
    """Say which chosen paper is nearly the same; return an empty string if none is."""
    scores, threshold = candidates.topics[topic].scores, candidates.topics[topic].threshold
    if scores[position] <= threshold or not chosen:
        return ""
    positions = np.array([[choice.position for choice in chosen]])
    [alike] = pool.candidates.lookups.similarity(np.array([position]), positions)
    if alike.max() <= NEAR_DUPLICATE:
        return ""
    duplicate = pool.papers[chosen[int(np.argmax(alike))].position]
    return _("It's very similar to “%(title)s”, which is in your digest.") % {
        "title": duplicate.title
    }


def _describe_rank(
    one: MatchedTopic, candidates: DigestCandidates, topic: int, position: int, places: int
) -> str:
    scores, threshold = candidates.topics[topic].scores, candidates.topics[topic].threshold
    score = float(scores[position])
    if score <= 0:
        return _("It doesn't match your profile, and other papers are trending higher.")
    if score <= threshold:
        return _("%(fit)s: you asked for “%(least)s”.") % {
            "fit": describe_fit(one.fit(position)),
            "least": one.topic.get_strictness_display(),
        }
    rank = 1 + int(np.sum(candidates.open & (scores > score)))
    text = _("It ranks %(rank)s among papers that match your profile") % {"rank": rank}
    if fit := describe_fit(one.fit(position)):
        text = f"{fit}. {text}"
    if not candidates.fresh[position]:
        return text + _(
            "; it was already available for your last digest, and others matched better."
        )
    return text + _("; your digest has at most %(places)s papers, and few on the same subject.") % {
        "places": places
    }


def _date(day: date) -> str:
    return formats.date_format(day, "j F Y")


CHECKS: tuple[Callable[[_Case], str], ...] = (
    *(_hidden, _left_out, _sent, _known, _revision, _too_old),
)
"""Checks that concern all topics, in order of importance."""
