"""The demo's programs: what ends too soon is started again, and nothing outlives the demo."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from devtools.management.commands import demo

PATIENCE = 20.0  # seconds
PROGRAM = "import os, sys, time; print(os.getpid(), file=open(sys.argv[1], 'a')); time.sleep(60)"


def pids(path: Path, count: int) -> list[int]:
    """The process of each start, once there were so many."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        found = path.read_text().split() if path.exists() else []
        if len(found) >= count:
            return [int(pid) for pid in found]
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def test_a_worker_that_is_killed_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "RESTART_AFTER", 0.1)
    started = tmp_path / "started"
    with demo.kept_running("worker", "-c", PROGRAM, str(started)):
        [first] = pids(started, 1)
        os.kill(first, signal.SIGKILL)
        _, second = pids(started, 2)
        assert second != first
        assert Path(f"/proc/{second}").exists()
    assert not Path(f"/proc/{second}").exists()
    assert capsys.readouterr().err == "The worker ended (-9) and is started again.\n"


def test_a_worker_that_is_stopped_with_the_demo_stays_away(tmp_path: Path) -> None:
    started = tmp_path / "started"
    with demo.kept_running("worker", "-c", PROGRAM, str(started)):
        [first] = pids(started, 1)
        os.kill(first, signal.SIGINT)
    assert pids(started, 1) == [first]
