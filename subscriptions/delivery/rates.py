"""Send rate limit for all workers together, kept in Redis.

Each message gets its own time slot (generic cell rate algorithm), so that a limit holds in every
second and not only on average. If a provider asks to slow down, all workers stop for the time it
requests and continue at half the rate, which grows again while there are no errors.

A connection gets slots in small batches, one call to Redis for up to UNCAPPED messages. A plain
reference of the algorithm is in tests/subscriptions/delivery/test_rates.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import redis
from django.conf import settings

from config.redis_client import redis_client
from subscriptions.models import Digest

log = logging.getLogger(__name__)

KEY = "paperboy:pace"
UNLIMITED_BATCH = 50  # messages that a connection sends without a limit before it asks again
LEASE = 0.25  # seconds after which a connection asks again in any case
BATCHES_PER_SECOND = 200  # with a limit, a batch is what 1/200 of a second may send
ONE_BY_ONE = 1_000_000  # batches per second so many that each has one message
MAX_AHEAD = 1.0  # seconds; later slots are not given out
MAX_AHEAD_IF_URGENT = 30.0  # so that urgent mail never competes for a slot with a backlog
OUTAGE_WAIT = 30.0  # seconds to wait if a limit cannot be kept because Redis is down

# Fields of h: slot, the next free time; limit, the rate found by slowing down (0 for none), since,
# its last change, and top, its end; hold, no message before this time; second, count and rate, the
# messages of this second and the one before; strikes, how many times we had to slow down.
READ_STATE = """
local at = redis.call('TIME')
local now = at[1] + at[2] / 1000000
local names = {'slot', 'limit', 'since', 'top', 'hold', 'second', 'count', 'rate', 'strikes'}
local kept, h = redis.call('HMGET', KEYS[1], unpack(names)), {}
for i, name in ipairs(names) do h[name] = tonumber(kept[i] or '0') end
if h.second > now + 5 then  -- written by a clock that was ahead
    h.slot, h.hold, h.second, h.since = 0, 0, 0, now
end
local function keep()
    local flat = {}
    for name, value in pairs(h) do
        flat[#flat + 1] = name
        flat[#flat + 1] = string.format('%.6f', value)
    end
    redis.call('HSET', KEYS[1], unpack(flat))
    redis.call('EXPIRE', KEYS[1], 86400)
end
"""
TAKE = (
    READ_STATE
    + """
local cap, used, ahead, share, many = unpack(ARGV)
cap, used = tonumber(cap), tonumber(used)
local second = math.floor(now)
if h.second ~= second then
    h.rate = (second - h.second == 1) and h.count or 0
    h.second, h.count = second, 0
end
h.count = h.count + used
if h.hold > now then
    keep()
    return {0, tostring(h.hold - now)}
end
if h.limit > 0 and now - h.since > 5 then
    h.limit, h.since = h.limit * 1.5, now
    if h.limit >= h.top then h.limit, h.strikes = 0, 0 end
end
local pace = cap
if h.limit > 0 and (cap == 0 or h.limit < cap) then pace = h.limit end
if pace == 0 then
    keep()
    return {tonumber(many), '0'}
end
local slot = math.max(h.slot, now)
if slot - now > tonumber(ahead) then
    keep()
    return {0, tostring(slot - now)}
end
local given = math.max(1, math.floor(pace / tonumber(share)))
h.slot = slot + given / pace
keep()
return {given, tostring(slot - now)}
"""
)
SLOW_DOWN = (
    READ_STATE
    + """
local cap, asked, used = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
h.count = h.count + used
if h.hold > now then
    h.hold = math.max(h.hold, now + asked)
    keep()
    return 0
end
local pace = cap > 0 and cap or math.max(h.rate, h.count, 10)
if h.limit > 0 then pace = h.limit else h.top = pace * 2 end
h.limit = math.max(pace / 2, 0.2)
local wait = asked > 0 and asked or math.min(2 ^ h.strikes, 60)
h.strikes = math.min(h.strikes + 1, 6)
h.hold, h.since, h.slot = now + wait, now + wait, 0
keep()
return 0
"""
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A time slot. After `wait` seconds we may send if it is `ours`; else we ask again then."""

    wait: float
    ours: bool
    why: str = ""


class SendRate:
    """The send rate of one connection. `clock` gives the day of the warm-up.

    Urgent mail also keeps the limits, but is not delayed by the warm-up or a Redis outage.
    """

    def __init__(self, clock: Callable[[], datetime], *, urgent: bool = False) -> None:
        self.clock, self.urgent = clock, urgent
        self.redis = redis_client()
        self._take = self.redis.register_script(TAKE)
        self._slow_down = self.redis.register_script(SLOW_DOWN)
        self.left, self.until, self.used = 0, 0.0, 0

    def take(self) -> Slot:
        """Return the next slot to send."""
        if self.left and time.monotonic() < self.until:
            self.left -= 1
            self.used += 1
            return Slot(0.0, ours=True)
        warming = bool(settings.WARM_UP_FROM) and not self.urgent
        try:
            return (self._warm_up_spent() if warming else None) or self._ask(warming)
        except redis.RedisError as error:
            return _slot_in_outage(
                error, capped=bool(settings.SEND_RATE or warming) and not self.urgent
            )

    def take_for(self, domain: str) -> Slot:
        """Return a slot to send to this domain; it is ours only if it is now."""
        cap = domain_cap(settings.DOMAIN_RATES, domain)
        if not cap:
            return Slot(0.0, ours=True)
        try:
            given, wait = self._call(f"{KEY}:{domain}", cap, 1, 0.0, ONE_BY_ONE, 1)
        except redis.RedisError as error:
            return _slot_in_outage(error, capped=not self.urgent)
        return Slot(wait, ours=given > 0, why=f"Rate limit of {domain}.")

    def slow_down(self, asked: timedelta | None) -> None:
        """Slow all workers down at the request of the provider, for `asked` if given."""
        self.left = 0
        seconds = (asked or timedelta()).total_seconds()
        try:
            self._slow_down(keys=[KEY], args=[settings.SEND_RATE, seconds, self.used])
            self.used = 0
        except redis.RedisError as error:
            _slot_in_outage(error, capped=False)

    def _ask(self, warming: bool) -> Slot:
        share, many = (ONE_BY_ONE, 1) if warming else (BATCHES_PER_SECOND, UNLIMITED_BATCH)
        ahead = MAX_AHEAD_IF_URGENT if self.urgent else MAX_AHEAD
        given, wait = self._call(KEY, settings.SEND_RATE, self.used, ahead, share, many)
        self.used, self.left = 0, 0
        if not given:
            return Slot(wait, ours=False, why="The mail provider asked us to slow down.")
        self.left, self.used = given - 1, 1
        self.until = time.monotonic() + wait + LEASE
        return Slot(wait, ours=True)

    def _call(self, key: str, *arguments: float) -> tuple[int, float]:
        given, wait = self._take(keys=[key], args=list(arguments))
        return int(given), float(wait)

    def _warm_up_spent(self) -> Slot | None:
        """Count one message of today's warm-up quota; return the wait if it is used up.

        The count is restored from PostgreSQL if Redis has lost it. Days are in UTC.
        """
        now = self.clock()
        midnight = datetime.combine(now.astimezone(UTC).date(), datetime.min.time(), UTC)
        cap = warm_up_cap(midnight.date())
        key = f"{KEY}:day:{midnight:%Y-%m-%d}"
        count = int(self.redis.incr(key))
        if count == 1:
            sent = Digest.objects.filter(status=Digest.Status.SENT, sent_at__gte=midnight).count()
            count = int(self.redis.incrby(key, sent))
            self.redis.expire(key, 2 * 86_400)
        if count <= cap:
            return None
        wait = (midnight + timedelta(days=1) - now).total_seconds()
        return Slot(wait, ours=False, why=f"Today's warm-up quota of {cap} messages is used up.")


def _slot_in_outage(error: redis.RedisError, capped: bool) -> Slot:
    """Return the slot while Redis is down: with a limit nothing is sent without it."""
    log.warning("Redis is down (%s)", type(error).__name__)
    return Slot(OUTAGE_WAIT, ours=False, why="Redis is down.") if capped else Slot(0.0, ours=True)


def domain_cap(caps: Mapping[str, float], domain: str) -> float:
    """Return messages per second to one domain, 0 for no limit. `*` is any other domain."""
    return caps.get(domain, caps.get("*", 0.0))


def warm_up_cap(day: date) -> int:
    """Return the maximum messages on a day of the warm-up."""
    days = max((day - (settings.WARM_UP_FROM or day)).days, 0)
    growth = 1 + settings.WARM_UP_GROWTH_PERCENT / 100
    return int(min(settings.WARM_UP_FIRST_DAY * growth**days, 1e9))
