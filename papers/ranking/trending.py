"""Trending scores: how much a paper is talked about. Pure.

    attention = votes - own votes + rise + comments + stars + mentions + reactions + to come
    heat      = log2(1 + attention) + pick
    score     = heat + days since EPOCH

Attention is measured in votes. Only its logarithm counts, so that the hundredth vote adds less than
the tenth. The day is a term of the score: a day of age costs one doubling, and stored scores need
no update to fall behind. docs/ranking.md has the measurements.

* own votes: long author lists vote for their own papers. OWN_VOTES are subtracted for each doubling
  of the list beyond USUAL_AUTHORS, at most half of all votes.
* rise: a share of the votes gained since the last count that is RISE_PERIOD older than the newest.
* to come: the votes a young paper will still get, USUAL_TO_COME for a usual paper. It is more where
  title and abstract are of a kind that gets votes (`vote_prediction`), and less for long titles.
* stars: doublings of all stars, and of those gained over RISE_PERIOD.
* mentions: the number of places that list the paper.
* pick: a curator's pick counts PICK doublings, about as much as 60 votes.

A paper without votes, comments, stars, mentions, reactions or a pick has no heat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from math import log2

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

OWN_VOTES, USUAL_AUTHORS = 0.25, 6
RISE, RISE_PERIOD = 0.05, timedelta(hours=12)
COMMENT = 0.1
STARS = 1.0  # votes for each doubling
MENTION = 2.0
REACTION = 1.0
USUAL_TO_COME = 4.0
APPEAL = 0.3
TITLE_PENALTY, USUAL_TITLE_LENGTH = 0.65, 80  # doublings per 100 characters
MAX_TO_COME_RATIO = 4.0  # relative to the usual value, for any text
PICK = 6.0
EPOCH = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Signals:
    """The inputs of one paper's score.

    `rise` is in votes, `appeal` in doublings, `title` in characters.
    """

    votes: int = 0
    rise: int = 0
    comments: int = 0
    stars: int = 0
    new_stars: int = 0
    mentions: int = 0
    reactions: int = 0
    picked: bool = False
    authors: int = 1
    title: int = USUAL_TITLE_LENGTH
    appeal: float = 0.0


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
        "rise_part": RISE * signals.rise,
        "comments_part": COMMENT * signals.comments,
        "stars_part": STARS * (log2(1 + signals.stars) + log2(1 + signals.new_stars)),
        "mentions_part": MENTION * signals.mentions,
        "reactions_part": REACTION * signals.reactions,
    }
    attention = sum(votes.values())
    if attention:
        votes["to_come_part"] = votes_to_come(signals.title, signals.appeal)
        attention += votes["to_come_part"]
    parts = votes | {"pick_part": PICK if signals.picked else 0.0}
    total = log2(1 + attention) + parts["pick_part"]
    return Heat(total, asdict(signals) | {name: round(part, 2) for name, part in parts.items()})


def votes_to_come(title_length: int, appeal: float) -> float:
    """Return the votes a paper with such a text will still get, relative to its day."""
    doublings = APPEAL * appeal - TITLE_PENALTY * (title_length - USUAL_TITLE_LENGTH) / 100
    limit = log2(MAX_TO_COME_RATIO)
    return USUAL_TO_COME * 2 ** max(-limit, min(doublings, limit))


def votes_gained(counts: Sequence[tuple[datetime, int]]) -> int:
    """Return the gain up to the newest count, from the last one that is RISE_PERIOD older.

    `counts` are oldest first. Without an old enough count, or if counts fell, return 0.
    """
    if not counts:
        return 0
    newest, count = counts[-1]
    earlier = [before for at, before in counts if at <= newest - RISE_PERIOD]
    return max(count - earlier[-1], 0) if earlier else 0


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
