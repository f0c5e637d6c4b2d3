"""Trending: what the community makes of a paper, as a pure score stored with its parts.

    attention = votes - own + rise + comments + stars + mentions + reactions + to come
    heat      = log2(1 + attention) + pick
    score     = heat + days since EPOCH

Attention is counted in votes. Only its logarithm counts, so that the hundredth vote adds less than
the tenth. A day's age costs one doubling: the day stands in the score as a term of its own, so
that old rows keep their scores and still fall behind. docs/ranking.md says what was measured.

* own: long author lists vote for their own papers; taken off the votes are OWN_VOTES for each
  doubling of the list beyond USUAL_AUTHORS, at most half of them.
* rise: a share of the votes gained since the count half a day or more before the newest one.
* to come: what a young paper is yet to get, USUAL_TO_COME for a usual paper; more where title and
  abstract are of the kind that gathers votes (`vote_prediction`), less the longer the title.
* stars: doublings of all stars, and of those gained over the same time.
* mentions: places where somebody has put the paper forward.
* pick: a curator's pick counts PICK doublings, as much as some 60 votes.

What nobody has mentioned, voted for, commented, starred, reacted to or picked has no heat.
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
RISE, RISE_OVER = 0.05, timedelta(hours=12)
COMMENT = 0.1
STARS = 1.0  # votes for each doubling
MENTION = 2.0
REACTION = 1.0
USUAL_TO_COME = 4.0
APPEAL = 0.3
TITLE, USUAL_TITLE = 0.65, 80  # doublings for each hundred letters
MOST_TO_COME = 4.0  # times the usual, whatever the text
PICK = 6.0
EPOCH = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of one paper. `rise` is in votes, `appeal` in doublings, `title` in letters
    (USUAL_TITLE where it is not known)."""

    votes: int = 0
    rise: int = 0
    comments: int = 0
    stars: int = 0
    new_stars: int = 0
    mentions: int = 0
    reactions: int = 0
    picked: bool = False
    authors: int = 1
    title: int = USUAL_TITLE
    appeal: float = 0.0


@dataclass(frozen=True, slots=True)
class Heat:
    """How much a paper is talked about, in doublings, and its parts: the signals, and what each is
    worth in votes (`…_part`) but for the pick, which is worth doublings."""

    total: float
    parts: dict[str, float]


def trending_heat(signals: Signals) -> Heat:
    """Zero for what nobody talks about, else above zero."""
    own = OWN_VOTES * log2(max(signals.authors, USUAL_AUTHORS) / USUAL_AUTHORS)
    votes = {
        "votes_part": float(signals.votes),
        "own_part": -min(own, signals.votes / 2),
        "rise_part": RISE * signals.rise,
        "comments_part": COMMENT * signals.comments,
        "stars_part": STARS * (log2(1 + signals.stars) + log2(1 + signals.new_stars)),
        "mentions_part": MENTION * signals.mentions,
        "reactions_part": REACTION * signals.reactions,
    }
    attention = sum(votes.values())
    if attention:
        votes["to_come_part"] = to_come(signals.title, signals.appeal)
        attention += votes["to_come_part"]
    parts = votes | {"pick_part": PICK if signals.picked else 0.0}
    total = log2(1 + attention) + parts["pick_part"]
    return Heat(total, asdict(signals) | {name: round(part, 2) for name, part in parts.items()})


def to_come(title: int, appeal: float) -> float:
    """The votes that a paper with such a text is yet to get, against others of its day."""
    doublings = APPEAL * appeal - TITLE * (title - USUAL_TITLE) / 100
    limit = log2(MOST_TO_COME)
    return USUAL_TO_COME * 2 ** max(-limit, min(doublings, limit))


def votes_gained(counts: Sequence[tuple[datetime, int]]) -> int:
    """What was gained from the newest count that is RISE_OVER older to the newest one of all; 0
    where there is none. Counts come oldest first; those that fell gained nothing."""
    if not counts:
        return 0
    newest, count = counts[-1]
    earlier = [before for at, before in counts if at <= newest - RISE_OVER]
    return max(count - earlier[-1], 0) if earlier else 0


def score(total: float, day: date) -> float:
    """What papers of several days are ordered by; zero without heat."""
    return total + (day - EPOCH).days if total else 0.0


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
