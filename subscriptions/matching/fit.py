"""Fit of papers to readers, with the same meaning on all days and for all profiles. Pure.

A score orders papers. Its calibrated *share* says how many of 100 papers with this score readers
would choose, where one paper in REFERENCE is a choice. The curves were learnt from recorded
choices (`manage.py evaluate fit`); docs/experiments/learning.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

STRONG, GOOD, LOOSE = "strong", "good", "loose"
MIN_SHARES = {STRONG: 0.5, GOOD: 0.1, LOOSE: 0.0}  # of each fit, best first
REFERENCE = 100  # papers of which one is chosen
SCORES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # with a known share
MAX_SHARE = 0.999


@dataclass(frozen=True, slots=True)
class FitCurve:
    """The shares of chosen papers at SCORES, ascending, for one kind of profile.

    Between these scores the logarithm of the odds is linear.
    """

    shares: tuple[float, ...]

    def share(self, score: float) -> float:
        """Return the share, in [0, 1], of papers with this score that readers would choose."""
        return float(self.predict(np.array([score]))[0])

    def predict(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the share for each score (n)."""
        return np.asarray(1.0 / (1.0 + np.exp(-np.interp(scores, SCORES, self._log_odds))))

    def min_score(self, share: float) -> float:
        """Return the least score of papers with this share; 0 for a share of 0."""
        return float(np.interp(_log_odds(share), self._log_odds, SCORES)) if share > 0 else 0.0

    def fit(self, score: float) -> str:
        """Return STRONG, GOOD or LOOSE."""
        share = self.share(score)
        return next(name for name, least in MIN_SHARES.items() if share >= least)

    @property
    def _log_odds(self) -> list[float]:
        return [_log_odds(share) for share in self.shares]


TYPED_CURVE = FitCurve((0.0028, 0.0042, 0.0089, 0.024, 0.077, 0.23, 0.54, 0.82, 0.95, 0.99))
MIXED_CURVE = FitCurve((0.0016, 0.0026, 0.0069, 0.025, 0.11, 0.38, 0.77, 0.95, 0.99, 0.995))
EXAMPLES_CURVE = FitCurve((0.00089, 0.0013, 0.0029, 0.0092, 0.037, 0.16, 0.5, 0.85, 0.97, 0.99))
# By the weight of examples beside the typed text: a text, a text and one example, examples.
CURVES = {0.0: TYPED_CURVE, 1 / 3: MIXED_CURVE, 1.0: EXAMPLES_CURVE}


@lru_cache(maxsize=1024)
def curve_for(examples_weight: float) -> FitCurve:
    """Return the curve of profiles in which examples have this weight, in [0, 1].

    Between those of CURVES, the logarithm of the odds is linear.
    """
    if known := CURVES.get(examples_weight):
        return known
    log_odds = np.array([curve._log_odds for curve in CURVES.values()]).T
    mixed = [np.interp(examples_weight, list(CURVES), column) for column in log_odds]
    return FitCurve(tuple(float(1.0 / (1.0 + np.exp(-odds))) for odds in mixed))


def describe_fit(fit: str) -> str:
    """Return a fit in the active language; "" for an unknown or empty one."""
    names = {STRONG: _("Strong fit"), GOOD: _("Good fit"), LOOSE: _("Loose fit")}
    return names.get(fit, "")


def _log_odds(share: float) -> float:
    share = min(max(share, 1.0 - MAX_SHARE), MAX_SHARE)
    return float(np.log(share / (1.0 - share)))
