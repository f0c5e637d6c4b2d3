"""Celery queues in Redis, their workers, and beat."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import redis
from django.core.cache import cache

from config.celery import app
from config.redis_client import redis_client

QUEUES = ("urgent", "mail", "build", "ingest")
BEAT_KEY = "operations.beat"  # cache key of the time of the last scheduled task
BEAT_KEPT = timedelta(days=7)
WORKER_TIMEOUT = 2.0  # seconds for workers to answer


def client() -> redis.Redis:
    """Return a client with short timeouts, for checks of Redis."""
    return redis_client(3, decode=True)


def depths() -> dict[str, int]:
    """Return the number of waiting tasks per queue. Raises `redis.RedisError`."""
    pipeline = client().pipeline()
    for queue in QUEUES:
        pipeline.llen(queue)
    return dict(zip(QUEUES, pipeline.execute(), strict=True))


def workers() -> dict[str, list[str]]:
    """Return the names of the active workers per queue."""
    names: dict[str, list[str]] = {queue: [] for queue in QUEUES}
    answers: dict[str, list[dict[str, Any]]] | None
    answers = app.control.inspect(timeout=WORKER_TIMEOUT).active_queues()
    for worker, queues in (answers or {}).items():
        for queue in queues:
            names.setdefault(queue["name"], []).append(worker)
    return names


def record_beat(now: datetime) -> None:
    cache.set(BEAT_KEY, now, BEAT_KEPT.total_seconds())


def beat_last_seen() -> datetime | None:
    return cache.get(BEAT_KEY)
