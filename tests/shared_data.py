"""Recorded feeds, payloads and corpora, in a folder outside the repository.

`SHARED_DATA` names the folder; the default is `../shared/data` beside the checkout. Without it,
tests marked `needs_shared_data` are skipped and the summary says how many. `REQUIRE_SHARED_DATA=1`
makes a missing folder an error.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"
SHARED = Path(os.environ.get("SHARED_DATA") or _DEFAULT).resolve()
REASON = "no shared data (see tests/shared_data.py)"

needs_shared_data = pytest.mark.skipif(not SHARED.is_dir(), reason=REASON)


def check_required() -> None:
    """Raise an error if `REQUIRE_SHARED_DATA=1` is set but the folder is missing."""
    if os.environ.get("REQUIRE_SHARED_DATA") == "1" and not SHARED.is_dir():
        raise pytest.UsageError(f"REQUIRE_SHARED_DATA=1, but {SHARED} does not exist")


def summary(skipped: list[pytest.TestReport]) -> str | None:
    """Return a line with the number of tests skipped because the folder is missing."""
    reasons = [report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)]
    count = sum(REASON in reason for reason in reasons)
    if not count:
        return None
    tests = "1 test" if count == 1 else f"{count} tests"
    return f"{tests} skipped: no shared data at {SHARED} (set SHARED_DATA to use another folder)"
