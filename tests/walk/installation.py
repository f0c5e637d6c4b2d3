"""A complete production installation: the processes of docker-compose.yml, without Docker.

PostgreSQL with two roles, Redis, gunicorn behind a TLS proxy, four workers, beat and watch run from
the files of the image. Emails go to a local SMTP server and papers come from a local web server;
tests can stop both.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
import yaml
from aiosmtpd.controller import Controller
from django.conf import settings
from redis import Redis

from config.celery import app
from config.environment import celery_url
from devtools import embedded
from tests.deploy.conftest import APP, OWNER, PRODUCTION, ROOT, DatabaseServer
from tests.subscriptions.conftest import Sink
from tests.walk.tls_proxy import TlsProxy

DATABASE = "first_day"
REDIS_NUMBER = "db=4"
METRICS_TOKEN = "shown"
PROCESSES = ("web", "urgent", "mail", "build", "ingest", "beat", "watch")
TIMEOUT = 150  # seconds; beat runs some tasks once per minute
Value = TypeVar("Value")


def wait_for(
    get_value: Callable[[], Value | None], description: str, timeout: float = TIMEOUT
) -> Value:
    """Return the first true value; fail with the description after the timeout."""
    deadline = time.monotonic() + timeout
    while not (value := get_value()):
        if time.monotonic() > deadline:
            pytest.fail(f"timed out after {timeout} seconds waiting for {description}")
        time.sleep(0.2)
    return value


class MailServer:
    """An SMTP server that stores emails and can be restarted on the same port."""

    def __init__(self) -> None:
        self.sink = Sink()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.controller: Controller | None = None

    def start(self) -> None:
        self.controller = Controller(self.sink, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def stop(self) -> None:
        if self.controller:
            self.controller.stop()
        self.controller = None

    def messages(self, to: str, subject: str = "") -> list[EmailMessage]:
        """Return the accepted messages to an address, oldest first."""
        return [m for m in self.sink.accepted if m["To"] == to and subject in str(m["Subject"])]

    def newest(self, to: str, subject: str = "", after: int = 0) -> EmailMessage:
        """Wait for more than `after` matching messages and return the newest."""
        matches = wait_for(
            lambda: messages if len(messages := self.messages(to, subject)) > after else None,
            f"a message “{subject}” to {to}; accepted: {self.subjects()}",
        )
        return matches[-1]

    def subjects(self) -> list[str]:
        return [f"{message['To']}: {message['Subject']}" for message in self.sink.accepted]


@dataclass
class Installation:
    """The processes of one installation, their logs, and the operator's commands."""

    image: Path
    folder: Path
    database_server: DatabaseServer
    certificate: Path
    mail: MailServer
    port: int = 0
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.proxy = TlsProxy(self.certificate, self.port)
        self.database_server.create(DATABASE)
        self.redis.flushdb()

    @property
    def site(self) -> str:
        return f"https://127.0.0.1:{self.proxy.port}"

    @property
    def redis_url(self) -> str:
        return settings.REDIS_URL.replace("db=0", REDIS_NUMBER)

    @property
    def redis(self) -> Redis:
        return Redis.from_url(self.redis_url)

    @property
    def environment(self) -> dict[str, str]:
        variables = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database_server.url(DATABASE, APP),
            "REDIS_URL": self.redis_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mail.port}",
            "OPERATOR_EMAIL": "operator@paperboy.example",
            "SITE_URL": self.site,
            "ALLOWED_HOSTS": "127.0.0.1",
            "ALLOW_PRIVATE_SOURCES": "1",
            "SECONDS_BETWEEN_REQUESTS": "0",
            "BEHIND_TLS_PROXY": "1",
            "TRUSTED_PROXIES": "127.0.0.1",
            "WEB_BIND": f"127.0.0.1:{self.port}",
            "LOG_FORMAT": "json",
            "METRICS_TOKEN": METRICS_TOKEN,
            "FIRST_RETRY_SECONDS": "5",
        }
        return PRODUCTION | variables

    def manage(self, *command: str, status: int | None = 0, **environment: str) -> str:
        """Run a management command and return its output; a status of None allows any."""
        result = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=self.image,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        failure = f"{command}: {result.returncode}\n{result.stderr}"
        assert status is None or result.returncode == status, failure
        return result.stdout

    def migrate(self) -> None:
        self.manage(
            *self.command("migrate")[2:], DATABASE_URL=self.database_server.url(DATABASE, OWNER)
        )

    def start(self, *names: str) -> None:
        for name in names or PROCESSES:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(
                    self.command(name), cwd=self.image, env=self.environment, stdout=log, stderr=log
                )

    def command(self, name: str) -> list[str]:
        services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        return [
            re.sub(r"^/(?:data|tmp)/", f"{self.folder}/", part)
            for part in services[name]["command"]
        ]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.site + path, headers=headers, verify=False)

    def is_ready(self) -> bool:
        try:
            return self.get("/healthz/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def count_requests(self, page: str) -> int:
        """Return how many requests for a page succeeded, by the metrics."""
        metrics = self.get("/metrics", Authorization=f"Bearer {METRICS_TOKEN}").text
        counts = re.findall(
            rf'request_seconds_count\{{page="{page}",status="2xx"\}} (\S+)', metrics
        )
        return int(float(counts[0])) if counts else 0

    def send_task(self, name: str) -> None:
        """Send a task to its queue now, without waiting for beat, which sends it each minute."""
        with app.connection_for_write(celery_url(self.redis_url)) as connection:
            app.send_task(name, connection=connection)

    def kill(self, name: str) -> None:
        """Kill a process and its children with SIGKILL, like the kernel's out-of-memory killer."""
        process = self.running[name]
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in (process.pid, *map(int, children)):
            os.kill(pid, signal.SIGKILL)
        process.wait()

    def restart_redis(self) -> None:
        server = embedded.Redis(settings.DATA_DIR)
        embedded.stop_server(server)
        embedded.start_redis(settings.DATA_DIR)

    def stop_processes(self) -> dict[str, int]:
        """Send SIGTERM to all processes, like `docker compose stop`, and return exit statuses."""
        stopped, self.running = self.running, {}
        for process in stopped.values():
            process.terminate()
        for process in stopped.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        return {name: process.wait() for name, process in stopped.items()}

    def remove(self) -> None:
        self.stop_processes()
        self.proxy.stop()
        self.redis.flushdb()
        self.database_server.drop(DATABASE)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.database_server.connect(DATABASE, "postgres") as connection:
            cursor = connection.execute(sql, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def skip_a_day(self) -> None:
        """Move all dates and times in the database one day into the past.

        Days move one at a time, the oldest first, because unique constraints are checked for
        every row.
        """
        with (
            self.database_server.connect(DATABASE, "postgres") as connection,
            connection.transaction(),
        ):
            for table, columns in _time_columns(connection).items():
                _subtract_a_day(connection, table, columns)


def _time_columns(connection: psycopg.Connection) -> dict[str, list[tuple[str, str]]]:
    """Return (name, type) of the date and time columns, by table."""
    sql = """
        SELECT table_name, column_name, data_type FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
          AND is_generated = 'NEVER'
          AND (table_name LIKE 'papers\\_%' OR table_name LIKE 'subscriptions\\_%')
          AND data_type IN ('date', 'timestamp with time zone')
        ORDER BY 1, 2"""
    tables: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in connection.execute(sql):
        tables.setdefault(table, []).append((column, kind))
    return tables


def _subtract_a_day(
    connection: psycopg.Connection, table: str, columns: list[tuple[str, str]]
) -> None:
    changes = ", ".join(f'"{name}" = "{name}" - interval \'1 day\'' for name, _ in columns)
    days = [name for name, kind in columns if kind == "date"]
    if not days:
        connection.execute(f'UPDATE "{table}" SET {changes}')  # type: ignore[arg-type]
        return
    key = f'"{days[0]}"'
    rows = connection.execute(f'SELECT DISTINCT {key} FROM "{table}" ORDER BY 1 NULLS FIRST')  # type: ignore[arg-type]
    for (day,) in rows.fetchall():
        where = f"{key} IS NOT DISTINCT FROM %s"
        connection.execute(f'UPDATE "{table}" SET {changes} WHERE {where}', (day,))  # type: ignore[arg-type]
