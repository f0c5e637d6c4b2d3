"""Long commands report their progress on stderr every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from config import progress as module
from config.progress import step, track


def test_a_line_is_printed_every_few_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINE_INTERVAL", 0.2)
    for item in track([1, 2], "Learning"):
        time.sleep(0.05 if item == 1 else 0.25)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "Learning: 1 of 2\n"


def test_a_single_long_item_still_reports_progress(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINE_INTERVAL", 0.05)
    for _ in track(iter([1]), "Reading"):
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 1
    assert set(lines) == {"Reading: 0"}


def test_a_quick_task_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter(range(1000)), "Learning")) == list(range(1000))
    with step("Scoring", after=5):
        pass
    assert capsys.readouterr() == ("", "")


def test_an_error_in_the_iterable_is_raised() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(track(failing(), "Reading"))


def test_a_terminal_gets_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(track([1, 2], "Learning")) == [1, 2]
    with step("Starting"):
        pass
    assert capsys.readouterr().out == ""


def test_a_step_prints_its_name_and_then_its_duration(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP_INTERVAL", 0.1)
    with step("Starting"):
        assert capsys.readouterr().err == "Starting …\n"
        time.sleep(0.15)
    assert capsys.readouterr().err == "Starting … 0 s\n"
