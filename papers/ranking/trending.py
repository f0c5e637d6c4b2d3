"""Trending scores: how much a paper is talked about. Pure.

    attention = votes - own votes + comments + stars + mentions + reactions
    heat      = log2(1 + attention) + pick
    score     = heat + days since EPOCH

Attention is measured in votes. Only its logarithm counts, so that the hundredth vote adds less than
the tenth. The day is a term of the score: a day of age costs one doubling, and stored scores need
no update to fall behind. docs/ranking.md has the measurements.

* own votes: long author lists vote for their own papers. OWN_VOTES are subtracted for each doubling
  of the list beyond USUAL_AUTHORS, at most half of all votes.
* stars: doublings of the stars on the code repository.
* mentions: the number of places that list the paper.
* pick: a curator's pick counts PICK doublings, about as much as 60 votes.

A paper without votes, comments, stars, mentions, reactions or a pick has no heat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from math import log2

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

OWN_VOTES, USUAL_AUTHORS = 0.25, 6
COMMENT = 0.1
STARS = 1.0  # votes for each doubling
MENTION = 2.0
REACTION = 1.0
PICK = 6.0
EPOCH = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Signals:
    """The inputs of one paper's score."""

    votes: int = 0
    comments: int = 0
    stars: int = 0
    mentions: int = 0
    reactions: int = 0
    picked: bool = False
    authors: int = 1


@dataclass(frozen=True, slots=True)
class Heat:
    """The heat of a paper in doublings, and its parts.

    The parts are the signals, and their values in votes (`…_part`); the pick's value is in
    doublings.
    """

    total: float
    parts: dict[str, float]


def trending_heat(signals: Signals) -> Heat:
    """Return the heat for these signals; 0 if nobody talks about the paper."""
    own_votes = OWN_VOTES * log2(max(signals.authors, USUAL_AUTHORS) / USUAL_AUTHORS)
    votes = {
        "votes_part": float(signals.votes),
        "own_part": -min(own_votes, signals.votes / 2),
        "comments_part": COMMENT * signals.comments,
        "stars_part": STARS * log2(1 + signals.stars),
        "mentions_part": MENTION * signals.mentions,
        "reactions_part": REACTION * signals.reactions,
    }
    attention = sum(votes.values())
    parts = votes | {"pick_part": PICK if signals.picked else 0.0}
    total = log2(1 + attention) + parts["pick_part"]
    return Heat(total, asdict(signals) | {name: round(part, 2) for name, part in parts.items()})


def score(heat: float, day: date) -> float:
    """Return the score by which papers of several days are ordered; 0 without heat."""
    return heat + (day - EPOCH).days if heat else 0.0


COUNT_TEXTS = {
    "votes": ngettext_lazy("%(shown)s vote", "%(shown)s votes", "count"),
    "comments": ngettext_lazy("%(shown)s comment", "%(shown)s comments", "count"),
    "stars": ngettext_lazy("%(shown)s star", "%(shown)s stars", "count"),
}


def describe_parts(parts: Mapping[str, float]) -> str:
    """Return the figures behind a score: "Curator's pick · 87 votes · 1,204 stars"."""
    picked = [_("Curator's pick")] if parts.get("picked") else []
    return " · ".join([*picked, *_count_phrases(parts)])


def describe_popularity(parts: Mapping[str, float], *, is_today: bool) -> str:
    """Return the figures as a reason: "Popular today (87 votes, 1 comment)"; "" without any.

    `is_today` is false for a paper that was news on an earlier day.
    """
    reasons = [_("Curator's pick")] if parts.get("picked") else []
    if counts := ", ".join(_count_phrases(parts)):
        today, week = _("popular today (%(counts)s)"), _("popular this week (%(counts)s)")
        reasons.append((today if is_today else week) % {"counts": counts})
    sentence = "; ".join(reasons)
    return sentence[:1].upper() + sentence[1:]


def popularity_reasons(parts: Mapping[str, float]) -> frozenset[str]:
    """Return every reason that `describe_popularity` may give, in the active language."""
    return frozenset(describe_popularity(parts, is_today=is_today) for is_today in (True, False))


def _count_phrases(parts: Mapping[str, float]) -> list[str]:
    return [
        text % {"count": count, "shown": number_format(count, force_grouping=True)}
        for name, text in COUNT_TEXTS.items()
        if (count := int(parts.get(name, 0)))
    ]
