"""The send rate limit against a plain reference, with several workers, and in a mailing run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from config.redis_client import redis_client
from subscriptions.delivery import mailing_run, rates
from subscriptions.delivery.rates import KEY, MAX_AHEAD, ONE_BY_ONE, SendRate
from subscriptions.editions import recovery
from subscriptions.models import Digest
from tests.subscriptions.conftest import Sink
from tests.subscriptions.sending import at_once, totals

pytestmark = pytest.mark.usefixtures("redis")
MakeReady = Callable[..., list[int]]
TODAY = date(2026, 4, 30)
MINUTE = timedelta(minutes=1)


def reference_slots(rate: float, arrivals: Iterable[float]) -> Iterator[float]:
    """Yield the slots of messages that arrive at these times, in seconds.

    The generic cell rate algorithm: each message gets the next free slot, 1/rate after the last.
    """
    free = 0.0
    for arrival in arrivals:
        slot = max(free, arrival)
        yield slot
        free = slot + 1 / rate


@pytest.mark.parametrize("rate", [4.0, 25.0, 300.0])
def test_slots_are_those_of_the_reference(rate: float) -> None:
    """Redis reads its own clock, so each arrival is known to within one call."""
    limiter = SendRate(datetime.now)
    before, after, waits = [], [], []
    for _ in range(int(rate * MAX_AHEAD / 2)):
        before.append(redis_time(limiter))
        granted, wait = limiter._call(KEY, rate, 0, MAX_AHEAD, ONE_BY_ONE, 1)
        after.append(redis_time(limiter))
        assert granted == 1
        waits.append(wait)
    earliest, latest = reference_slots(rate, before), reference_slots(rate, after)
    for start, end, wait, low, high in zip(before, after, waits, earliest, latest, strict=True):
        assert start + wait <= high + 1e-3
        assert end + wait >= low - 1e-3


def test_a_slot_too_far_ahead_is_not_granted() -> None:
    limiter = SendRate(datetime.now)
    results = [limiter._call(KEY, 2.0, 0, MAX_AHEAD, ONE_BY_ONE, 1) for _ in range(6)]
    assert [granted for granted, _ in results][:2] == [1, 1]
    assert results[-1][0] == 0
    assert results[-1][1] > MAX_AHEAD


def redis_time(limiter: SendRate) -> float:
    seconds, microseconds = limiter.redis.time()  # type: ignore[misc]
    return float(seconds) + float(microseconds) / 1e6


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer",
    [
        "454 4.7.0 Throttling failure",
        pytest.param("421 4.7.0 Too many", marks=pytest.mark.slow),
    ],
)
@pytest.mark.promise(8)
def test_throttling_lowers_the_rate_and_nothing_fails(
    make_ready: MakeReady, smtp: Sink, now: datetime, answer: str, settings: Any
) -> None:
    settings.FIRST_RETRY = timedelta(seconds=1)
    ready = make_ready(12)
    smtp.at_rcpt = ["250 ok", answer, "250 ok", answer]
    begun = time.monotonic()
    mailing_run.deliver_digests(ready, lambda: now)
    assert time.monotonic() - begun > 2.5  # held for one second, then for two
    assert totals() == {"sent": 10, "pending": 2}
    assert set(Digest.objects.filter(status="pending").values_list("attempts", flat=True)) == {0}
    later = now + MINUTE
    mailing_run.deliver_digests(recovery.recover_digests(later), lambda: later)
    assert totals() == {"sent": 12}


@pytest.mark.promise(8)
def test_all_workers_obey_retry_after(settings: Any, now: datetime) -> None:
    one, other = SendRate(lambda: now), SendRate(lambda: now)
    assert one.take().ours
    one.slow_down(timedelta(seconds=40))
    for pace in (one, other):
        slot = pace.take()
        assert not slot.ours
        assert 38 < slot.wait <= 40


@pytest.mark.django_db
@pytest.mark.promise(8)
def test_a_long_wait_postpones_the_remaining_digests(
    make_ready: MakeReady, smtp: Sink, now: datetime
) -> None:
    ready = make_ready(3)
    SendRate(lambda: now).slow_down(timedelta(minutes=3))
    begun = time.monotonic()
    assert mailing_run.deliver_digests(ready, lambda: now).tally == {}
    assert time.monotonic() - begun < 2
    assert recovery.recover_digests(now + MINUTE) == []
    later = now + timedelta(minutes=3, seconds=1)
    assert sorted(recovery.recover_digests(later)) == ready


@pytest.fixture
def slowed(settings: Any, now: datetime) -> SendRate:
    """Return the rate after a provider asked to slow down from 100 messages a second."""
    settings.SEND_RATE = 100
    pace = SendRate(lambda: now)
    pace.slow_down(timedelta(seconds=0.05))
    time.sleep(0.1)
    return pace


def test_slowing_down_halves_the_rate(slowed: SendRate) -> None:
    assert 0.38 < seconds_for(20, slowed) < 0.6  # 50 a second


@pytest.mark.slow
def test_the_rate_grows_again_after_slowing_down(slowed: SendRate) -> None:
    time.sleep(5)
    assert 0.25 < seconds_for(20, slowed) < 0.38  # 75 a second


def seconds_for(messages: int, pace: SendRate) -> float:
    begun = take(pace)
    return max(take(pace) for _ in range(messages)) - begun


def take(pace: SendRate) -> float:
    """Wait for the next moment to send; returns it."""
    while not (slot := pace.take()).ours:
        time.sleep(slot.wait)
    time.sleep(slot.wait)
    return time.monotonic()


@pytest.mark.promise(12)
def test_a_global_cap_holds_with_several_workers_in_any_second(settings: Any) -> None:
    settings.SEND_RATE = 200
    moments: list[float] = []
    until = time.monotonic() + 3

    def work(_: int) -> None:
        pace = SendRate(datetime.now)
        while (moment := take(pace)) < until:
            moments.append(moment)

    at_once(6, work)
    moments.sort()
    most = max(
        sum(1 for later in moments[start:] if later < first + 1)
        for start, first in enumerate(moments)
    )
    assert most <= 1.05 * 200
    assert moments
    assert all(later >= earlier for earlier, later in pairwise(moments))


@pytest.mark.promise(12)
def test_a_domain_cap_holds_with_several_workers_in_any_second(settings: Any) -> None:
    settings.DOMAIN_RATES = {"slow.org": 50.0}
    moments: list[float] = []
    until = time.monotonic() + 2

    def work(_: int) -> None:
        pace = SendRate(datetime.now)
        while time.monotonic() < until:
            slot = pace.take_for("slow.org")
            if slot.ours:
                moments.append(time.monotonic())
            time.sleep(slot.wait)

    at_once(4, work)
    moments.sort()
    most = max(
        sum(1 for later in moments[start:] if later < first + 1)
        for start, first in enumerate(moments)
    )
    assert most <= 1.05 * 50 + 1  # one that was given its moment just before
    assert moments


@pytest.mark.django_db
def test_the_cap_of_one_domain_does_not_delay_others(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    settings.DOMAIN_RATES = {"slow.org": 4.0}
    ready = [*make_ready(4, "slow.org"), *make_ready(10, "fast.org")]
    begun = time.monotonic()
    mailing_run.deliver_digests(ready, lambda: now)
    assert time.monotonic() - begun > 0.7
    order = [str(message["To"]).partition("@")[2] for message in smtp.accepted]
    assert order[1:11] == ["fast.org"] * 10
    assert totals() == {"sent": 14}


@pytest.mark.django_db
def test_a_warm_up_day_has_a_cap_that_grows(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    settings.WARM_UP_FROM, settings.WARM_UP_FIRST_DAY = TODAY - timedelta(days=1), 4
    assert rates.warm_up_cap(TODAY - timedelta(days=1)) == 4
    assert rates.warm_up_cap(TODAY) == 6
    assert rates.warm_up_cap(TODAY + timedelta(days=9)) > 200
    ready = make_ready(9)
    mailing_run.deliver_digests(ready[:5], lambda: now)
    redis_client().flushdb()  # what was sent today is counted anew
    mailing_run.deliver_digests(ready[5:], lambda: now)
    assert totals() == {"sent": 6, "pending": 3}
    midnight = datetime(2026, 5, 1, tzinfo=now.tzinfo)
    waiting = Digest.objects.filter(status="pending")
    assert set(waiting.values_list("next_attempt_at", flat=True)) == {midnight}
    assert "warm-up" in waiting[0].reason


@pytest.mark.django_db
def test_with_a_cap_nothing_is_sent_without_redis(
    make_ready: MakeReady, smtp: Sink, now: datetime, settings: Any
) -> None:
    ready = make_ready(3)
    settings.REDIS_URL, settings.SEND_RATE = "redis://127.0.0.1:1/0", 50
    mailing_run.deliver_digests(ready, lambda: now)
    assert (totals(), smtp.accepted) == ({"pending": 3}, [])
    settings.SEND_RATE = 0
    later = now + MINUTE
    mailing_run.deliver_digests(recovery.recover_digests(later), lambda: later)
    assert totals() == {"sent": 3}
