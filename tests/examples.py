"""Number of examples of property tests: fewer in `make test`, all of them otherwise."""

from __future__ import annotations

import hypothesis
import pytest

QUICK_SHARE = 5  # `make test` tries one example in so many
DEFAULT = 100  # as in Hypothesis

_is_quick = False


def configure(config: pytest.Config) -> None:
    """Use few examples if the run leaves out the slow tests; call before test modules load."""
    global _is_quick
    _is_quick = "not slow" in config.option.markexpr
    # No deadline per example, because other processes may use the processors.
    hypothesis.settings.register_profile("tests", max_examples=examples(DEFAULT), deadline=None)
    hypothesis.settings.load_profile("tests")


def examples(count: int) -> int:
    """Return the number of examples for a test that tries `count` in a run of all tests."""
    return max(count // QUICK_SHARE, 5) if _is_quick else count
