"""Trending: what the community makes of a paper. A pure score, stored with its parts.

    score = (votes + comments + stars + pick, each log-scaled and weighted) x decay

* votes, comments, stars: weight x log2(1 + count), so that the hundredth vote counts for less
  than the tenth, and a famous repository does not drown a day of good papers.
* authors: long author lists vote for their own papers; what they add is taken off the votes as
  AUTHOR_SHARE x log2(authors / USUAL_AUTHORS), for lists longer than usual.
* decay: halves every HALF_LIFE_HOURS since the paper became news.
* pick: a curator's pick is worth PICK, as much as some 60 votes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import log2

VOTES, COMMENTS, STARS = 1.0, 0.5, 0.25
PICK = 6.0
AUTHOR_SHARE = 0.5
USUAL_AUTHORS = 6
HALF_LIFE_HOURS = 48.0


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of one paper: counts, whether a curator picked it, its day as news."""

    votes: int
    comments: int
    stars: int
    authors: int
    picked: bool
    day: date


@dataclass(frozen=True, slots=True)
class Score:
    """A score and its parts, in the order in which they are explained."""

    total: float
    parts: dict[str, float]


def score(signals: Signals, now: datetime) -> Score:
    """The trending score at an instant; never negative."""
    crowd = AUTHOR_SHARE * log2(max(signals.authors, USUAL_AUTHORS) / USUAL_AUTHORS)
    votes = VOTES * log2(1 + signals.votes)
    talk = {
        "votes_part": votes,
        "authors_part": -min(crowd, votes),
        "comments_part": COMMENTS * log2(1 + signals.comments),
        "stars_part": STARS * log2(1 + signals.stars),
        "pick_part": PICK if signals.picked else 0.0,
    }
    decay = 0.5 ** (age_hours(signals.day, now) / HALF_LIFE_HOURS)
    total = sum(talk.values()) * decay
    known = {name: value for name, value in asdict(signals).items() if name != "day"}
    parts = {name: round(value, 4) for name, value in talk.items()}
    return Score(total, {**known, **parts, "decay": round(decay, 4)})


def age_hours(day: date, now: datetime) -> float:
    """Hours since the start (UTC) of the day on which a paper became news; never negative."""
    return max((now - datetime.combine(day, time(), UTC)) / timedelta(hours=1), 0.0)


def in_words(parts: Mapping[str, float]) -> str:
    """The figures behind a score, for a reader: "Curator's pick · 87 votes · 1,204 stars"."""
    counted = [_counted(int(parts.get(name, 0)), name) for name in ("votes", "comments", "stars")]
    said = ["Curator's pick"] * bool(parts.get("picked")) + [text for text in counted if text]
    return " · ".join(said)


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name[:-1] if count == 1 else name}" if count else ""
