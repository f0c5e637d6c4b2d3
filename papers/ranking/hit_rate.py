"""The hit rate of forecasts: how many of the papers likely to trend were featured. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Any

from papers.ranking.forecast import LIKELY, SETTLED_AFTER

PERIOD = timedelta(days=30)
MIN_LIKELY = 20  # fewer papers tell nothing
MIN_ERRORS = 2.0  # standard errors above chance


@dataclass(frozen=True, slots=True)
class HitRate:
    """Papers with a forecast, listed between two days: how many were likely and featured."""

    first: date
    last: date
    papers: int = 0
    featured: int = 0
    likely: int = 0
    hits: int = 0

    @property
    def rate(self) -> float:
        """Return the share of the likely papers that were featured."""
        return self.hits / self.likely if self.likely else 0.0

    @property
    def chance(self) -> float:
        """Return the share of all papers that were featured."""
        return self.featured / self.papers if self.papers else 0.0

    @property
    def beats_chance(self) -> bool:
        """Return whether enough papers were likely, with clearly more hits than by chance."""
        error = sqrt(self.likely * self.chance * (1 - self.chance))
        is_better = self.hits - self.likely * self.chance > MIN_ERRORS * error
        return self.likely >= MIN_LIKELY and is_better

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values for `from_json`."""
        days = {"first": self.first.isoformat(), "last": self.last.isoformat()}
        return asdict(self) | days

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> HitRate:
        """Return the figures that `as_json` gave."""
        first, last = date.fromisoformat(values["first"]), date.fromisoformat(values["last"])
        return cls(**values | {"first": first, "last": last})


def settled_period(today: date) -> tuple[date, date]:
    """Return first and last day of the 30 days whose outcome is known today."""
    last = today - SETTLED_AFTER
    return last - PERIOD + timedelta(days=1), last


def count_hits(rows: Iterable[tuple[float, date, date | None]], today: date) -> HitRate:
    """Count hits among forecast, listing day and featuring day of each paper of the period."""
    first, last = settled_period(today)
    outcomes = [
        (forecast >= LIKELY, bool(featured and featured <= listed + SETTLED_AFTER))
        for forecast, listed, featured in rows
    ]
    return HitRate(
        first,
        last,
        papers=len(outcomes),
        featured=sum(is_featured for _is_likely, is_featured in outcomes),
        likely=sum(is_likely for is_likely, _is_featured in outcomes),
        hits=sum(is_likely and is_featured for is_likely, is_featured in outcomes),
    )
