"""Recorded feeds, payloads and corpora, in a folder outside the repository.

`SHARED_DATA` names the folder; the default is `../shared/data` beside the checkout. Without it,
tests marked `needs_shared_data` are skipped and the summary says how many. `REQUIRE_SHARED_DATA=1`
makes its absence an error.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
SHARED = Path(os.environ.get("SHARED_DATA") or _BESIDE).resolve()
REASON = "no shared data (see tests/shared_data.py)"

needs_shared_data = pytest.mark.skipif(not SHARED.is_dir(), reason=REASON)


def require() -> None:
    """Refuse to run without the folder where `REQUIRE_SHARED_DATA=1` asks for it."""
    if os.environ.get("REQUIRE_SHARED_DATA") == "1" and not SHARED.is_dir():
        raise pytest.UsageError(f"REQUIRE_SHARED_DATA=1, but there is no folder {SHARED}")


def summary(skipped: list[pytest.TestReport]) -> str | None:
    """Return a line that counts the tests skipped for want of the folder."""
    count = sum(isinstance(one.longrepr, tuple) and REASON in one.longrepr[2] for one in skipped)
    if not count:
        return None
    tests = "1 test" if count == 1 else f"{count} tests"
    return f"{tests} skipped: no shared data at {SHARED}; SHARED_DATA names another folder"
