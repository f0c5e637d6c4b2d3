"""The demo restarts programs that end early and leaves none running."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from devtools.management.commands import demo
from subscriptions.models import Subscription, Topic

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


@pytest.mark.django_db
def test_sample_readers_have_several_topics_and_subscriptions() -> None:
    for _ in range(2):  # the second run changes nothing
        readers = {email: demo.create_reader(email) for email in demo.SAMPLE_READERS}
    robots = readers["robots@reader.example"]
    assert [(one.name, bool(one.query)) for one in robots.topics.all()] == [
        ("Robots", False),
        ("Safety", True),
    ]
    daily, weekly = readers["vision@reader.example"].subscriptions.all()
    assert (daily.frequency, weekly.frequency) == ("daily", "weekly")
    assert [topic.name for topic in daily.topics.all()] == ["Image and video generation"]
    assert [topic.name for topic in weekly.topics.all()] == ["3D scenes"]
    assert daily.next_digest_at
    assert weekly.next_digest_at
    assert Subscription.objects.count() == 4
    assert Topic.objects.count() == 5
