"""Long commands say how far they are: on stderr, and no more often than needed."""

from __future__ import annotations

import sys

import pytest

from config import progress as module
from config.progress import progress, step


def test_lines_come_every_few_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BETWEEN_LINES", -1)
    assert list(progress([1, 2], "Learning")) == [1, 2]
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "Learning: 0 of 2\nLearning: 1 of 2\n"


def test_what_is_soon_done_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(iter(range(1000)), "Learning")) == list(range(1000))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress([1, 2], "Learning")) == [1, 2]
    with step("Starting"):
        pass
    assert capsys.readouterr().out == ""


def test_a_step_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with step("Starting"):
        assert capsys.readouterr().err == "Starting …\n"
