"""Fit in words, and its curves."""

from __future__ import annotations

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.matching.fit import (
    EXAMPLES_CURVE,
    GOOD,
    LOOSE,
    MIN_SHARES,
    MIXED_CURVE,
    STRONG,
    TYPED_CURVE,
    FitCurve,
    curve_for,
    describe_fit,
)

curves = pytest.mark.parametrize("curve", [TYPED_CURVE, MIXED_CURVE, EXAMPLES_CURVE])


@curves
def test_fits_follow_the_scores_from_loose_to_strong(curve: FitCurve) -> None:
    fits = [curve.fit(score / 1000) for score in range(1001)]
    assert sorted(set(fits), key=fits.index) == [LOOSE, GOOD, STRONG]
    assert fits == sorted(fits, key=[LOOSE, GOOD, STRONG].index)


@curves
def test_the_minimum_score_of_a_share_is_where_the_fit_begins(curve: FitCurve) -> None:
    for fit, share in MIN_SHARES.items():
        score = curve.min_score(share)
        assert curve.fit(score + 1e-6) == fit
        assert fit == LOOSE or curve.fit(score - 1e-6) != fit


@given(st.floats(0.01, 0.99))
def test_shares_and_scores_map_to_each_other(share: float) -> None:
    for curve in (TYPED_CURVE, EXAMPLES_CURVE):
        assert curve.share(curve.min_score(share)) == pytest.approx(share)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_curves_of_mixed_profiles_lie_between_the_known_ones(weight: float, score: float) -> None:
    known = (TYPED_CURVE, MIXED_CURVE) if weight <= 1 / 3 else (MIXED_CURVE, EXAMPLES_CURVE)
    low, high = sorted(curve.share(score) for curve in known)
    assert low - 1e-9 <= curve_for(weight).share(score) <= high + 1e-9


def test_profiles_of_one_kind_have_the_curve_of_that_kind() -> None:
    assert curve_for(0.0) == TYPED_CURVE
    assert curve_for(1 / 3) == curve_for(1.0 / (1.0 + 2.0)) == MIXED_CURVE
    assert curve_for(1.0) == EXAMPLES_CURVE


def test_scores_outside_the_curve_have_a_fit() -> None:
    assert [TYPED_CURVE.fit(score) for score in (-1.0, 0.0, 1.0)] == [LOOSE, LOOSE, STRONG]


def test_fits_have_words_in_the_active_language() -> None:
    assert describe_fit(STRONG) == "Strong fit"
    with translation.override("de"):
        assert describe_fit(LOOSE) == "Passt ein wenig"
    assert describe_fit("") == describe_fit("unknown") == ""
