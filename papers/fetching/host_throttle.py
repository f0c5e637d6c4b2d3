"""Whose turn it is: at most one request to a host in a time, over all workers together.

Redis holds, for each host, when it may be asked again; its clock is everybody's, and no stamp from
the future is believed. Asking for a turn takes it, so that two workers never get the same one.
Where Redis cannot be reached, each process waits by itself, which is still polite.
"""

from __future__ import annotations

import time
from datetime import timedelta

import redis
from django.conf import settings

from config.redis_client import redis_client

# arXiv asks for one request in three seconds over all machines, under whatever name.
# https://info.arxiv.org/help/api/tou.html
SECONDS = {"arxiv.org": 3.0}
PATIENCE = 30.0  # a worker waits so long for a turn; what is later comes back to the queue

# A pause holds when it began and how long it lasts. Where Redis's clock ran ahead and was set back,
# the beginning lies in the future: the pause then begins now. Numbers are strings, as Redis cuts
# what Lua returns to whole numbers.
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
-- No turn is given away so far ahead: the clock was set back.
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
    """Wait until `host` may be asked, and return None; or return the wait, if that is far off."""
    key, seconds = _key(host)
    try:
        taken, wait = redis_client().eval(_PAUSE + _TAKE, 2, *_names(key), seconds, PATIENCE)
    except redis.RedisError:
        taken, wait = 1, seconds
    if not taken:
        return timedelta(seconds=float(wait))
    time.sleep(float(wait))
    return None


def hold_host(host: str, pause: timedelta) -> None:
    """Ask nothing of a host for a while, because it said so."""
    key, _seconds = _key(host)
    try:
        redis_client().eval(_PAUSE + _HOLD, 2, *_names(key), pause.total_seconds())
    except redis.RedisError:
        return  # the source that was told waits anyway


def _key(host: str) -> tuple[str, float]:
    """Under which name a host is counted, and how many seconds lie between two requests."""
    host = host.lower().rstrip(".")
    for name, seconds in SECONDS.items():
        if host == name or host.endswith(f".{name}"):
            return name, seconds
    return host, settings.SECONDS_BETWEEN_REQUESTS


def _names(key: str) -> tuple[str, str]:
    """Return the names in Redis of a host's next turn and of its pause."""
    return f"paperboy:turn:{key}", f"paperboy:pause:{key}"
