"""`manage.py services status|start|stop`: the embedded PostgreSQL and Redis."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from devtools import embedded


class Command(BaseCommand):
    help = "Show, start or stop the embedded PostgreSQL and Redis under the data directory."
    requires_system_checks = ()  # a check may query the database before it is started

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=("status", "start", "stop"))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, options["action"])()
        except embedded.ServerError as error:
            raise CommandError(str(error)) from error

    def start(self) -> None:
        if settings.EMBEDDED_POSTGRES:
            embedded.start_postgres(settings.DATA_DIR)
        if settings.EMBEDDED_REDIS:
            embedded.start_redis(settings.DATA_DIR)
        self.status()

    def stop(self) -> None:
        stopped = embedded.stop(settings.DATA_DIR)
        self.stdout.write(
            f"Stopped {' and '.join(stopped)}." if stopped else "No servers are running."
        )

    def status(self) -> None:
        wanted = {"Postgres": settings.EMBEDDED_POSTGRES, "Redis": settings.EMBEDDED_REDIS}
        for server in embedded.status(settings.DATA_DIR):
            if wanted[server.name]:
                state = "running" if server.running else "stopped"
                self.stdout.write(f"{server.name}: {state}, {server.url}, log {server.log}")
            else:
                self.stdout.write(f"{server.name}: not embedded; {server.setting} is set")
