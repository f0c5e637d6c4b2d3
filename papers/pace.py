"""Whose turn it is: at most one request to a host in a time, over all workers together.

Redis holds, for each host, when it may be asked again; its clock is everybody's. Asking for a turn
takes it, so that two workers never get the same one. Where Redis cannot be reached, each process
waits by itself, which is still polite.
"""

from __future__ import annotations

import time
from datetime import timedelta
from functools import cache
from typing import Any

import redis
from django.conf import settings

# arXiv asks for one request in three seconds over all machines, under whatever name.
# https://info.arxiv.org/help/api/tou.html
SECONDS = {"arxiv.org": 3.0}
PATIENCE = 30.0  # a worker waits so long for a turn; what is later comes back to the queue
PREFIX = "paperboy:turn:"

# Both numbers are strings, as Redis cuts what Lua returns to whole numbers.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local turn = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local wait = turn - now
if wait > tonumber(ARGV[2]) then return {0, tostring(wait)} end
local free = turn + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.6f', free), 'PX', math.ceil((free - now) * 1000) + 1000)
return {1, tostring(wait)}
"""
_HOLD = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local free = math.max(now + ARGV[1], tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('SET', KEYS[1], string.format('%.6f', free), 'PX', math.ceil((free - now) * 1000) + 1000)
"""


def turn(host: str) -> timedelta | None:
    """Wait until `host` may be asked, and return None; or return the wait, if that is far off."""
    key, seconds = _key(host)
    try:
        taken, wait = _store().eval(_TAKE, 1, PREFIX + key, seconds, PATIENCE)
    except redis.RedisError:
        taken, wait = 1, seconds
    if not taken:
        return timedelta(seconds=float(wait))
    time.sleep(float(wait))
    return None


def hold(host: str, pause: timedelta) -> None:
    """Ask nothing of a host for a while, because it said so."""
    key, _seconds = _key(host)
    try:
        _store().eval(_HOLD, 1, PREFIX + key, pause.total_seconds())
    except redis.RedisError:
        return  # the source that was told waits anyway


def _key(host: str) -> tuple[str, float]:
    """Under which name a host is counted, and how many seconds lie between two requests."""
    host = host.lower().rstrip(".")
    for name, seconds in SECONDS.items():
        if host == name or host.endswith(f".{name}"):
            return name, seconds
    return host, settings.SECONDS_BETWEEN_REQUESTS


@cache
def _store() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)
