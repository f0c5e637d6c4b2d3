"""The send rate limit against a plain reference."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from subscriptions.delivery.rates import KEY, MAX_AHEAD, ONE_BY_ONE, SendRate


def reference_slots(rate: float, first: float, count: int) -> Iterator[float]:
    """Yield the times of `count` messages sent as fast as a rate allows, in seconds.

    The generic cell rate algorithm: each message gets the next free slot, 1/rate after the last.
    """
    slot = first
    for _ in range(count):
        yield slot
        slot += 1 / rate


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("rate", [4.0, 25.0, 300.0])
def test_slots_are_those_of_the_reference(rate: float) -> None:
    """Redis reads its own clock, so each slot is known to within one call."""
    limiter = SendRate(datetime.now)
    first = None
    count = int(rate * MAX_AHEAD / 2)
    for number in range(count):
        before = redis_time(limiter)
        granted, wait = limiter._call(KEY, rate, 0, MAX_AHEAD, ONE_BY_ONE, 1)
        after = redis_time(limiter)
        assert granted == 1
        earliest, latest = before + wait, after + wait
        if first is None:
            first = (earliest, latest)
        expected = [list(reference_slots(rate, start, number + 1))[-1] for start in first]
        if wait > 0:
            assert earliest - 1e-3 <= expected[1]
            assert latest + 1e-3 >= expected[0]


@pytest.mark.usefixtures("redis")
def test_a_slot_too_far_ahead_is_not_granted() -> None:
    limiter = SendRate(datetime.now)
    results = [limiter._call(KEY, 2.0, 0, MAX_AHEAD, ONE_BY_ONE, 1) for _ in range(6)]
    assert [granted for granted, _ in results][:2] == [1, 1]
    assert results[-1][0] == 0
    assert results[-1][1] > MAX_AHEAD


def redis_time(limiter: SendRate) -> float:
    seconds, microseconds = limiter.redis.time()  # type: ignore[misc]
    return float(seconds) + float(microseconds) / 1e6
