"""The demo restarts programs that end early and leaves none running."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from devtools.management.commands import demo

TIMEOUT = 20.0  # seconds
PROGRAM = "import os, sys, time; print(os.getpid(), file=open(sys.argv[1], 'a')); time.sleep(60)"


def wait_for_pids(path: Path, count: int) -> list[int]:
    """Return the PIDs in a file as soon as there are at least `count`."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        pids = path.read_text().split() if path.exists() else []
        if len(pids) >= count:
            return [int(pid) for pid in pids]
        time.sleep(0.05)
    raise AssertionError(f"fewer than {count} starts within {TIMEOUT:.0f} seconds")


def test_a_killed_worker_is_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "RESTART_DELAY", 0.1)
    pid_file = tmp_path / "pids"
    with demo.supervise("worker", "-c", PROGRAM, str(pid_file)):
        [first] = wait_for_pids(pid_file, 1)
        os.kill(first, signal.SIGKILL)
        _, second = wait_for_pids(pid_file, 2)
        assert second != first
        assert Path(f"/proc/{second}").exists()
    assert not Path(f"/proc/{second}").exists()
    assert capsys.readouterr().err == "The worker exited with status -9. Restarting it.\n"


def test_a_worker_stopped_together_with_the_demo_is_not_restarted(tmp_path: Path) -> None:
    pid_file = tmp_path / "pids"
    with demo.supervise("worker", "-c", PROGRAM, str(pid_file)):
        [first] = wait_for_pids(pid_file, 1)
        os.kill(first, signal.SIGINT)
    assert wait_for_pids(pid_file, 1) == [first]
