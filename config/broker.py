"""Redis as Celery's broker, so that no answer of Redis and no message ends a worker.

kombu's transport takes only lost connections for errors of the connection. A worker ends on any
other error: Redis is full (OOM), cannot write to its disk (MISCONF), or became a replica
(READONLY). Here all of them are, and the worker connects again until it works.

A message that is malformed, or was redelivered again and again since its workers died of it, is put
aside into the list `ASIDE` and logged. PostgreSQL says what is left to do, so the sweep queues the
work behind it anew; nothing else reads that list.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Any

import kombu.transport
import redis
from django.conf import settings
from kombu.transport import redis as kombu_redis
from kombu.transport.virtual import Channel as VirtualChannel
from kombu.transport.virtual import QoS as VirtualQoS

log = logging.getLogger(__name__)

ASIDE = "paperboy:messages-put-aside"
MOST_ASIDE = 1000
REDELIVERIES = 5  # a worker that is stopped or killed redelivers as well
COUNTED_FOR = 86_400  # seconds
SCHEMES = ("redis", "rediss", "redis+socket")
WRITTEN_AS = ("application/json", "utf-8")
LIMIT = int | float | None
STUMBLES = (TypeError, ValueError, AttributeError, LookupError)


class QoS(kombu_redis.QoS):
    """Give the place of a finished message free, even if Redis refuses to note that it is done.

    kombu logs the refusal and keeps the place, so that a worker with one place takes no message any
    more. The message comes again after the visibility timeout; a task that runs twice changes
    nothing.
    """

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except redis.RedisError:
            VirtualQoS.ack(self, delivery_tag)
            raise


class Channel(kombu_redis.Channel):
    """A channel that does not stumble over what is no JSON."""

    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except ValueError as error:
            log.error("A message that is no JSON was dropped: %s", error)
            return True


class Transport(kombu_redis.Transport):
    Channel = Channel
    connection_errors = (*kombu_redis.Transport.connection_errors, redis.RedisError)

    def _deliver(self, message: Any, queue: str) -> None:
        if queue not in task_queues():  # answers to `inspect`, and the like
            super()._deliver(message, queue)
            return
        if reason := defect(message) or self.repetition(message):
            self.put_aside(message, queue, reason)
            return
        try:
            super()._deliver(message, queue)
        except STUMBLES as error:
            self.put_aside(message, queue, f"{type(error).__name__}: {error}")
            self.acknowledge(message["properties"]["delivery_tag"])

    def repetition(self, message: dict[str, Any]) -> str:
        """Count redeliveries; say so where there were too many."""
        if not message["headers"].get("redelivered"):
            return ""
        key = f"paperboy:redelivered:{message['headers']['id']}"
        try:
            with self.channels[0].conn_or_acquire() as client:
                count = client.incr(key)
                client.expire(key, COUNTED_FOR)
        except redis.RedisError:
            return ""
        return f"redelivered more than {REDELIVERIES} times" if count > REDELIVERIES else ""

    def put_aside(self, message: Any, queue: str, reason: str) -> None:
        headers = message.get("headers") if isinstance(message, dict) else None
        task = headers.get("task") if isinstance(headers, dict) else None
        log.error("A message of the queue %s was put aside (task %s): %s", queue, task, reason)
        entry = json.dumps({"queue": queue, "reason": reason, "message": message}, default=repr)
        try:
            with self.channels[0].conn_or_acquire() as client:
                client.lpush(ASIDE, entry)
                client.ltrim(ASIDE, 0, MOST_ASIDE - 1)
        except redis.RedisError as error:
            log.warning("It could not be kept: %s", error)

    def acknowledge(self, tag: str) -> None:
        for channel in self.channels:
            if tag in channel.qos._delivered:
                channel.basic_ack(tag)


def defect(message: Any) -> str:
    """Return why a message cannot be a task, or "" if it can."""
    try:
        headers, properties = message["headers"], message["properties"]
        if not (isinstance(headers["task"], str) and isinstance(headers["id"], str)):
            return "no task"
        soft, hard = headers.get("timelimit") or (None, None)
        if not (isinstance(soft, LIMIT) and isinstance(hard, LIMIT)):
            return "no limits of time"
        if not all(isinstance(headers.get(name), str | None) for name in ("eta", "expires")):
            return "no moments"
        if not isinstance(properties["delivery_tag"], str):
            return "no delivery tag"
        if not isinstance(properties["delivery_info"], dict):
            return "no delivery information"
        if (message["content-type"], message["content-encoding"]) != WRITTEN_AS:
            return "not written as JSON in UTF-8"
        body = message["body"]
        if coding := properties.get("body_encoding"):
            body = VirtualChannel.codecs[coding].decode(body)
        arguments, named, embedded = json.loads(body)
    except STUMBLES as error:
        return f"{type(error).__name__}: {error}"
    if not (isinstance(arguments, list) and isinstance(named, dict)):
        return "no arguments"
    return "" if isinstance(embedded, dict) else "no options"


@cache
def task_queues() -> frozenset[str]:
    return frozenset(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())


def register() -> None:
    """Have kombu use it wherever a URL names Redis."""
    for scheme in SCHEMES:
        kombu.transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
