"""The folder of shared data is defined in one place, and its absence is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import shared_data

HERE = Path(__file__).parent


def test_no_other_file_contains_the_path_of_the_folder() -> None:
    files = [
        str(path.relative_to(HERE))
        for path in HERE.rglob("*.py")
        if path.name not in ("shared_data.py", Path(__file__).name)
        and ("shared/data" in path.read_text() or '"shared"' in path.read_text())
    ]
    assert files == []


def test_a_missing_folder_is_an_error_if_it_is_required(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shared_data, "SHARED", tmp_path / "absent")
    monkeypatch.delenv("REQUIRE_SHARED_DATA", raising=False)
    shared_data.check_required()
    monkeypatch.setenv("REQUIRE_SHARED_DATA", "1")
    with pytest.raises(pytest.UsageError, match="absent"):
        shared_data.check_required()
    monkeypatch.setattr(shared_data, "SHARED", tmp_path)
    shared_data.check_required()


def skipped(reason: str) -> pytest.TestReport:
    location = ("tests/test_x.py", 1, f"Skipped: {reason}")
    return pytest.TestReport("test_x", location, {}, "skipped", location, "setup")


def test_the_summary_counts_tests_skipped_for_lack_of_data() -> None:
    assert shared_data.summary([skipped("no caddy")]) is None
    reports = [skipped("no caddy"), *(skipped(shared_data.REASON) for _ in range(3))]
    line = shared_data.summary(reports)
    assert line
    assert line.startswith("3 tests skipped: no shared data at ")
