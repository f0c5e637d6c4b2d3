"""Long commands say how far they are: on stderr, and no more often than needed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from config import progress as module
from config.progress import step, track


def test_lines_come_every_few_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINE_INTERVAL", 0.2)
    for item in track([1, 2], "Learning"):
        time.sleep(0.05 if item == 1 else 0.25)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "Learning: 1 of 2\n"


def test_one_long_item_says_more_than_once_that_it_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINE_INTERVAL", 0.05)
    for _ in track(iter([1]), "Reading"):
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 1
    assert set(lines) == {"Reading: 0"}


def test_what_is_soon_done_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter(range(1000)), "Learning")) == list(range(1000))
    with step("Scoring", after=5):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_failure_among_the_items_comes_through() -> None:
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


def test_a_step_is_named_and_then_says_how_long_it_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP_INTERVAL", 0.1)
    with step("Starting"):
        assert capsys.readouterr().err == "Starting …\n"
        time.sleep(0.15)
    assert capsys.readouterr().err == "Starting … 0 s\n"
