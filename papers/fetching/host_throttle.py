"""Rate limit requests per host, across all workers.

Redis stores the time of the next allowed request per host. All workers use its clock, and times in
the future are not trusted. Asking for a turn claims it, so that two workers never share one. If
Redis cannot be reached, each process waits by itself.
"""

from __future__ import annotations

import time
from datetime import timedelta

import redis
from django.conf import settings

from config.redis_client import redis_client

# arXiv asks for one request every three seconds across all machines and host names.
# https://info.arxiv.org/help/api/tou.html
SECONDS = {"arxiv.org": 3.0}
MAX_WAIT = 30.0  # seconds a worker waits for a turn; later turns are postponed

# A pause is stored as its start and length. If Redis's clock ran ahead and was set back, the start
# lies in the future, and the pause starts now. Numbers are strings because Redis truncates numbers
# that Lua returns to integers.
_PAUSE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local function pause(began, length)
    local value = string.format('%.6f %.6f', began, length)
    redis.call('SET', KEYS[2], value, 'PX', math.ceil((began + length - now) * 1000) + 1000)
end
local function paused()
    local began, length = string.match(redis.call('GET', KEYS[2]) or '0 0', '(%S+) (%S+)')
    began, length = tonumber(began), tonumber(length)
    if began > now then
        began = now
        pause(began, length)
    end
    return began + length
end
"""
_TAKE = """
local gap, patience = tonumber(ARGV[1]), tonumber(ARGV[2])
local free = tonumber(redis.call('GET', KEYS[1]) or '0')
-- No turn is this far ahead unless the clock was set back.
if free > now + patience + gap + 1 then free = now + gap end
local turn = math.max(now, free, paused())
local wait = turn - now
if wait > patience then return {0, tostring(wait)} end
free = string.format('%.6f', turn + gap)
redis.call('SET', KEYS[1], free, 'PX', math.ceil((wait + gap) * 1000) + 1000)
return {1, tostring(wait)}
"""
_HOLD = """
if now + ARGV[1] > paused() then pause(now, tonumber(ARGV[1])) end
"""


def wait_for_turn(host: str) -> timedelta | None:
    """Wait for a turn and return None, or return the wait if it exceeds `MAX_WAIT`."""
    key, seconds = _key(host)
    try:
        taken, wait = redis_client().eval(_PAUSE + _TAKE, 2, *_names(key), seconds, MAX_WAIT)
    except redis.RedisError:
        taken, wait = 1, seconds
    if not taken:
        return timedelta(seconds=float(wait))
    time.sleep(float(wait))
    return None


def hold_host(host: str, pause: timedelta) -> None:
    """Block requests to a host for the pause it asked for."""
    key, _seconds = _key(host)
    try:
        redis_client().eval(_PAUSE + _HOLD, 2, *_names(key), pause.total_seconds())
    except redis.RedisError:
        return  # the source itself waits anyway


def _key(host: str) -> tuple[str, float]:
    """Return the name under which a host is counted, and the seconds between requests."""
    host = host.lower().rstrip(".")
    for name, seconds in SECONDS.items():
        if host == name or host.endswith(f".{name}"):
            return name, seconds
    return host, settings.SECONDS_BETWEEN_REQUESTS


def _names(key: str) -> tuple[str, str]:
    """Return the Redis keys of a host's next turn and of its pause."""
    return f"paperboy:turn:{key}", f"paperboy:pause:{key}"
