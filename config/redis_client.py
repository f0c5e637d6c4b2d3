"""The Redis client for all direct commands. Celery and Django's cache have their own."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings


def redis_client(timeout: float = 5, *, decode: bool = False) -> redis.Redis:
    """Return a client for `settings.REDIS_URL`, shared by all threads of the process.

    A command that takes longer than `timeout` seconds raises `redis.RedisError`. With `decode`,
    replies are strings instead of bytes.
    """
    return _connect(settings.REDIS_URL, timeout, decode)


@lru_cache
def _connect(url: str, timeout: float, decode: bool) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, decode_responses=decode
    )
