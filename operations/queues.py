"""What Redis holds of work to do, and who works on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import redis
from django.core.cache import cache

from config.celery import app
from config.redis_client import redis_client

QUEUES = ("urgent", "mail", "build", "ingest")
BEAT = "operations.beat"  # when a task of beat's last ran
REMEMBERED = timedelta(days=7)
ANSWER_WITHIN = 2.0  # seconds for workers to name their queues


def client() -> redis.Redis:
    """A connection that gives up soon: whoever asks wants to know whether Redis is there."""
    return redis_client(3, decode=True)


def depths() -> dict[str, int]:
    """Messages waiting in each queue; raises `redis.RedisError`."""
    asked = client().pipeline()
    for queue in QUEUES:
        asked.llen(queue)
    return dict(zip(QUEUES, asked.execute(), strict=True))


def workers() -> dict[str, list[str]]:
    """The names of the workers that read each queue, as they say themselves."""
    found: dict[str, list[str]] = {queue: [] for queue in QUEUES}
    answers: dict[str, list[dict[str, Any]]] | None
    answers = app.control.inspect(timeout=ANSWER_WITHIN).active_queues()
    for worker, queues in (answers or {}).items():
        for queue in queues:
            found.setdefault(queue["name"], []).append(worker)
    return found


def beat_was_here(now: datetime) -> None:
    cache.set(BEAT, now, REMEMBERED.total_seconds())


def beat_last_seen() -> datetime | None:
    return cache.get(BEAT)
