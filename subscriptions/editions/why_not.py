"""Explain why a paper is not in a reader's digest, for a digest built now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from papers.models import Paper
from subscriptions.editions import candidate_pool, choosing
from subscriptions.editions.desk import Desk
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.selection import (
    NEAR_DUPLICATE,
    SECTIONS,
    ReaderCandidates,
    select_papers,
)
from subscriptions.models import Digest, OpenedPaper, Reaction, Subscriber
from subscriptions.profiles.load import load_profiles, paper_ids
from subscriptions.schedule import local_day


@dataclass(frozen=True, eq=False)
class _Case:
    """A paper and a reader, on the reader's local day."""

    paper: Paper
    reader: Subscriber
    profile: Profile
    day: date


def explain_absence(reader: Subscriber, arxiv_id: str, now: datetime) -> str:
    """Return the first reason that keeps a paper out of the reader's next digest.

    If nothing does, the text says so.
    """
    paper = Paper.objects.filter(arxiv_id=arxiv_id).first()
    if paper is None:
        return _("We don't have this paper; none of our sources has listed it yet.")
    [profile] = load_profiles([reader])
    case = _Case(paper, reader, profile, local_day(reader.timezone, now))
    return next(answer for check in CHECKS if (answer := check(case)))


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
    if reaction or case.paper.pk in paper_ids(case.profile.liked):
        return _("It's one of the papers you like. We use it to find others and don't send it.")
    if OpenedPaper.objects.allowed().filter(subscriber=case.reader, paper=case.paper).exists():
        return _("You've already opened it on this site.")
    return ""


def _revision(case: _Case) -> str:
    revised = case.paper.announce_type.startswith("replace") and not case.paper.featured_on
    return _("It's a revision; digests only contain new papers.") if revised else ""


def _too_old(case: _Case) -> str:
    days = candidate_pool.lookback_days(case.reader)
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


def _muted(case: _Case) -> str:
    """Match each excluded word and each muted author alone."""
    words = [Profile(excluded_words=(word,)) for word in case.profile.excluded_words]
    names = [Profile(muted_authors=(name,)) for name in case.profile.muted_authors]
    position = _position(case)
    if position is None or not words + names:
        return ""
    alone = _candidates(case).select([position])
    for single, matched in zip(words + names, match_profiles(words + names, alone), strict=True):
        if matched.scores[0] < 0 and single.excluded_words:
            return _("It contains “%(word)s”, which you excluded.") % {
                "word": single.excluded_words[0]
            }
        if matched.scores[0] < 0:
            return _("You muted %(name)s, one of its authors.") % {"name": single.muted_authors[0]}
    return ""


def _ranked(case: _Case) -> str:
    """Explain the paper's rank among the papers of the day."""
    position = _position(case)
    if position is None:
        return _("We first saw it too long ago.")
    pool = candidate_pool.CandidatePool.of(case.day)
    [matched] = match_profiles([case.profile], pool.candidates)
    seen = choosing.seen_papers([case.reader.pk], case.day)[case.reader.pk]
    desk = Desk.of(case.day)
    candidates = choosing.reader_candidates(pool, case.reader, case.profile, matched, seen, desk)
    [chosen] = select_papers(
        [candidates], [case.reader.max_papers], pool.candidates.lookups.similarity
    )
    for choice in chosen:
        if choice.position == position:
            return _("It would be in your next digest, under “%(section)s”.") % {
                "section": _(SECTIONS[choice.section])
            }
    if duplicate := _near_duplicate(
        pool, candidates, position, [choice.position for choice in chosen]
    ):
        return _("It's very similar to “%(title)s”, which is in your digest.") % {
            "title": duplicate
        }
    return _describe_rank(candidates, position, case.reader.max_papers)


def _near_duplicate(
    pool: candidate_pool.CandidatePool,
    candidates: ReaderCandidates,
    position: int,
    chosen: list[int],
) -> str:
    """Return the title of a chosen paper that is nearly the same, or an empty string."""
    if candidates.personal[position] <= candidates.threshold or not chosen:
        return ""
    [alike] = pool.candidates.lookups.similarity(np.array([position]), np.array([chosen]))
    if alike.max() <= NEAR_DUPLICATE:
        return ""
    return pool.papers[chosen[int(np.argmax(alike))]].title


def _describe_rank(candidates: ReaderCandidates, position: int, places: int) -> str:
    score = float(candidates.personal[position])
    if score <= 0:
        return _("It doesn't match your profile, and other papers are trending higher.")
    if score <= candidates.threshold:
        return _("It scored %(score).2f for you, below your threshold of %(least).2f.") % {
            "score": score,
            "least": candidates.threshold,
        }
    rank = 1 + int(np.sum(candidates.open & (candidates.personal > score)))
    text = _(
        "It ranks %(rank)s among papers that match your profile, with a score of %(score).2f"
    ) % {
        "rank": rank,
        "score": score,
    }
    if not candidates.fresh[position]:
        return text + _(
            "; it was already available for your last digest, and others matched better."
        )
    return text + _("; your digest has at most %(places)s papers, and few on the same subject.") % {
        "places": places
    }


def _candidates(case: _Case) -> Candidates:
    return candidate_pool.CandidatePool.of(case.day).candidates


def _position(case: _Case) -> int | None:
    return candidate_pool.CandidatePool.of(case.day).positions_by_pk.get(case.paper.pk)


def _date(day: date) -> str:
    return formats.date_format(day, "j F Y")


CHECKS: tuple[Callable[[_Case], str], ...] = (
    *(_hidden, _left_out, _sent, _known, _revision, _too_old, _muted),
    _ranked,
)
"""Checks in order of importance. The last one always returns a reason."""
