"""Promises 1, 2 and 3 in their short form; `make chaos` is the long one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings

from devtools.chaos.run import Totals
from subscriptions.delivery import fault_injection


def chaos(*options: str) -> subprocess.CompletedProcess[str]:
    removed = {"CHAOS_DIR", "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "manage.py", "chaos", *options],
        cwd=settings.BASE_DIR,
        env={name: value for name, value in os.environ.items() if name not in removed},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.promise(3)
@pytest.mark.promise(41)
def test_kills_restarts_and_an_emptied_redis_lose_and_double_no_message() -> None:
    """SIGKILL at random and at each named point, PostgreSQL restarted and crashed, Redis emptied,
    a provider that stalls, cuts and throttles; counted at the provider."""
    process = chaos("--readers=300", "--kills=12", "--seconds=8")
    assert process.returncode == 0, process.stdout + process.stderr
    in_doubt = 0
    for line, kind, due in zip(
        process.stdout.strip().splitlines()[-2:], ("messages", "digests"), (60, 300), strict=True
    ):
        name, _, figures = line.partition(": ")
        assert name == kind
        totals = {key: int(value) for key, _, value in (p.partition("=") for p in figures.split())}
        assert totals["due"] == due
        assert (totals["lost"], totals["duplicated"], totals["pending"]) == (0, 0, 0)
        assert totals["max_per_reader"] == 1
        assert totals["sent"] > due / 2
        in_doubt += totals["uncertain"]
        states = ("sent", "skipped", "suppressed", "failed", "uncertain", "pending")
        assert sum(totals[state] for state in states) == totals["due"]
    assert in_doubt <= totals["kills"]


def test_totals_are_consistent_only_without_loss_duplicates_and_unexplained_mails() -> None:
    good = dict.fromkeys(Totals.__dataclass_fields__, 0) | {"uncertain": 3, "kills": 3}
    assert Totals(**good).is_consistent()
    assert not Totals(**good | {"kills": 2}).is_consistent()
    assert not Totals(**good).is_consistent(other_uncertain=1)
    assert not Totals(**good | {"lost": 1}).is_consistent()
    assert not Totals(**good | {"duplicated": 1}).is_consistent()
    assert Totals(**good).line().endswith("kills=3 max_per_reader=0 lost=0 duplicated=0")


@pytest.mark.slow
def test_invalid_options_are_rejected() -> None:
    process = chaos("--readers=0")
    assert process.returncode == 1
    assert "must be positive" in process.stderr


def test_points_do_nothing_without_a_chaos_test() -> None:
    assert fault_injection.DIRECTORY == ""
    for name in fault_injection.POINTS:
        fault_injection.point(name)
        fault_injection.soon(name)
