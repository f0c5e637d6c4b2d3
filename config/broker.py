"""A Celery transport for Redis that keeps workers alive on errors and bad messages.

kombu's transport reconnects only after a lost connection. Any other error ends the worker: Redis is
full (OOM), cannot write to its disk (MISCONF) or became a replica (READONLY). This transport treats
all Redis errors as connection errors, so that the worker reconnects until Redis works again.

Malformed messages, and messages that were redelivered too often because they kill their worker, are
moved to the list `REJECTED_KEY` and logged. PostgreSQL holds the work itself, so the recovery tasks
queue it again. Nothing reads the list; it is there for the operator.
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

REJECTED_KEY = "paperboy:rejected-messages"
MAX_REJECTED = 1000
MAX_REDELIVERIES = 5  # stopping or killing a worker redelivers its messages too
REDELIVERY_COUNT_TTL = 86_400  # seconds
SCHEMES = ("redis", "rediss", "redis+socket")
CONTENT_TYPE = ("application/json", "utf-8")
TIME_LIMIT = int | float | None
MALFORMED_ERRORS = (TypeError, ValueError, AttributeError, LookupError)


class QoS(kombu_redis.QoS):
    """Release the slot of a finished message even if Redis refuses the acknowledgement.

    kombu logs the error and keeps the slot, so that a worker with one slot would never take another
    message. Redis redelivers the message after the visibility timeout; tasks can run twice.
    """

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except redis.RedisError:
            VirtualQoS.ack(self, delivery_tag)
            raise


class Channel(kombu_redis.Channel):
    """A channel that drops messages that are not JSON."""

    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except ValueError as error:
            log.error("Dropped a message that is not JSON: %s", error)
            return True

    def _connparams(self, *args: Any, **kwargs: Any) -> Any:
        """Fail as Redis does if the connection is closed.

        When Redis stops while a task runs, kombu closes the connection and then restores the
        task's message through it. The worker ignores errors of connections in that phase, but an
        AttributeError ends it.
        """
        if self.connection.client is None:
            raise redis.ConnectionError("the connection is closed")
        return super()._connparams(*args, **kwargs)


class Transport(kombu_redis.Transport):
    """Deliver well-formed tasks and reject the rest."""

    Channel = Channel
    connection_errors = (*kombu_redis.Transport.connection_errors, redis.RedisError)

    def _deliver(self, message: Any, queue: str) -> None:
        if queue not in task_queues():  # replies to `inspect` and other control messages
            super()._deliver(message, queue)
            return
        if reason := defect(message) or self.excess_redelivery(message):
            self.reject_message(message, queue, reason)
            return
        try:
            super()._deliver(message, queue)
        except MALFORMED_ERRORS as error:
            self.reject_message(message, queue, f"{type(error).__name__}: {error}")
            self.acknowledge(message["properties"]["delivery_tag"])

    def excess_redelivery(self, message: dict[str, Any]) -> str:
        """Count this redelivery; return the reason to reject it if there were too many, else ""."""
        if not message["headers"].get("redelivered"):
            return ""
        key = f"paperboy:redelivered:{message['headers']['id']}"
        try:
            with self.channels[0].conn_or_acquire() as client:
                count = client.incr(key)
                client.expire(key, REDELIVERY_COUNT_TTL)
        except redis.RedisError:
            return ""
        return f"redelivered more than {MAX_REDELIVERIES} times" if count > MAX_REDELIVERIES else ""

    def reject_message(self, message: Any, queue: str, reason: str) -> None:
        """Log a message and keep it in the list of rejected messages."""
        headers = message.get("headers") if isinstance(message, dict) else None
        task = headers.get("task") if isinstance(headers, dict) else None
        log.error("Rejected a message in queue %s (task %s): %s", queue, task, reason)
        entry = json.dumps({"queue": queue, "reason": reason, "message": message}, default=repr)
        try:
            with self.channels[0].conn_or_acquire() as client:
                client.lpush(REJECTED_KEY, entry)
                client.ltrim(REJECTED_KEY, 0, MAX_REJECTED - 1)
        except redis.RedisError as error:
            log.warning("Could not store the rejected message: %s", error)

    def acknowledge(self, tag: str) -> None:
        """Acknowledge a message on the channel that delivered it."""
        for channel in self.channels:
            if tag in channel.qos._delivered:
                channel.basic_ack(tag)


def defect(message: Any) -> str:
    """Return the reason why a message is not a valid task, or "" if it is one."""
    try:
        headers, properties = message["headers"], message["properties"]
        if not (isinstance(headers["task"], str) and isinstance(headers["id"], str)):
            return "no task"
        soft, hard = headers.get("timelimit") or (None, None)
        if not (isinstance(soft, TIME_LIMIT) and isinstance(hard, TIME_LIMIT)):
            return "invalid time limits"
        if not all(isinstance(headers.get(name), str | None) for name in ("eta", "expires")):
            return "invalid eta or expiry"
        if not isinstance(properties["delivery_tag"], str):
            return "no delivery tag"
        if not isinstance(properties["delivery_info"], dict):
            return "no delivery information"
        if (message["content-type"], message["content-encoding"]) != CONTENT_TYPE:
            return "not JSON in UTF-8"
        body = message["body"]
        if coding := properties.get("body_encoding"):
            body = VirtualChannel.codecs[coding].decode(body)
        args, kwargs, options = json.loads(body)
    except MALFORMED_ERRORS as error:
        return f"{type(error).__name__}: {error}"
    if not (isinstance(args, list) and isinstance(kwargs, dict)):
        return "no arguments"
    return "" if isinstance(options, dict) else "no options"


@cache
def task_queues() -> frozenset[str]:
    """Return the queues that carry tasks."""
    return frozenset(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())


def register() -> None:
    """Make kombu use this transport for every Redis URL."""
    for scheme in SCHEMES:
        kombu.transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
