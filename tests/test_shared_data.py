"""Data outside the repository: one place names the folder, and its absence is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import shared_data

HERE = Path(__file__).parent


def test_no_other_file_spells_the_folder() -> None:
    spelled = [
        str(path.relative_to(HERE))
        for path in HERE.rglob("*.py")
        if path.name not in ("shared_data.py", Path(__file__).name)
        and ("shared/data" in path.read_text() or '"shared"' in path.read_text())
    ]
    assert spelled == []


def test_its_absence_is_an_error_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shared_data, "SHARED", tmp_path / "absent")
    monkeypatch.delenv("REQUIRE_SHARED_DATA", raising=False)
    shared_data.require()
    monkeypatch.setenv("REQUIRE_SHARED_DATA", "1")
    with pytest.raises(pytest.UsageError, match="absent"):
        shared_data.require()
    monkeypatch.setattr(shared_data, "SHARED", tmp_path)
    shared_data.require()


def skipped(reason: str) -> pytest.TestReport:
    where = ("tests/test_x.py", 1, f"Skipped: {reason}")
    return pytest.TestReport("test_x", where, {}, "skipped", where, "setup")


def test_the_summary_counts_the_tests_skipped_for_it() -> None:
    assert shared_data.summary([skipped("no caddy")]) is None
    reports = [skipped("no caddy"), *(skipped(shared_data.REASON) for _ in range(3))]
    said = shared_data.summary(reports)
    assert said
    assert said.startswith("3 tests skipped: no shared data at ")
