"""Fixtures of the deployment tests: the database server as an operator uses it, and the image."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from config import services
from devtools import embedded
from tests.deploy.docker_context import build_context

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
OWNER, APP = "paperboy_owner", "paperboy_app"
PRODUCTION = dict(line.split("=", 1) for line in (DEPLOY / "check.env").read_text().splitlines())


def script(name: str) -> str:
    """Return the text of a program for `manage.py shell -c`."""
    return (Path(__file__).parent / "scripts" / f"{name}.py").read_text()


class DatabaseServer:
    """The embedded PostgreSQL server, used through shell commands."""

    def __init__(self) -> None:
        services.start_embedded()
        self.server = embedded.Postgres(settings.DATA_DIR)
        self.programs = self.server.find_program("pginstall/bin")

    def environment(self, database: str, user: str, **variables: str) -> dict[str, str]:
        return {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PGHOST": str(self.server.socket_dir),
            "PGDATABASE": database,
            "PGUSER": user,
            **variables,
        }

    def run(self, *command: str, database: str, user: str, **variables: str) -> str:
        result = subprocess.run(
            command,
            env=self.environment(database, user, **variables),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def url(self, database: str, user: str) -> str:
        return f"postgresql://{user}@:5432/{database}?host={self.server.socket_dir}"

    def manage(self, *command: str, database: str, user: str) -> str:
        result = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "DATA_DIR": str(settings.DATA_DIR),
                "DATABASE_URL": self.url(database, user),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def connect(self, database: str, user: str) -> psycopg.Connection:
        host = str(self.server.socket_dir)
        return psycopg.connect(host=host, port=5432, user=user, dbname=database, autocommit=True)

    def create(self, database: str) -> None:
        """Create an empty database with the two roles, replacing an existing one."""
        with self.connect("postgres", "postgres") as server:
            server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")  # type: ignore[arg-type]
            server.execute(f"CREATE DATABASE {database}")  # type: ignore[arg-type]
        passwords = ("-v", "owner_password=it's quoted", "-v", "app_password=another")
        file = str(DEPLOY / "roles.sql")
        self.run("psql", "-X", "-q", *passwords, "-f", file, database=database, user="postgres")

    def drop(self, *databases: str) -> None:
        with self.connect("postgres", "postgres") as server:
            for database in databases:
                server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")  # type: ignore[arg-type]
            for role in (OWNER, APP):
                server.execute(f"DROP ROLE IF EXISTS {role}")  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def server() -> DatabaseServer:
    if os.environ.get("DATABASE_URL"):
        pytest.skip("creates roles and databases, so it only runs on the embedded server")
    return DatabaseServer()


def copy_instructions() -> Iterator[tuple[list[str], str]]:
    """Yield the sources and target of each COPY in the Dockerfile's last stage."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").rpartition("\nFROM ")[2]
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *sources, target = shlex.split(line)
        if not sources[0].startswith("--from"):
            yield sources, target


@pytest.fixture(scope="session")
def image_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of the image, copied from the build context."""
    folder = tmp_path_factory.mktemp("image")
    for sources, target in copy_instructions():
        for source in sources:
            for name in build_context(ROOT, [source]):
                path = folder / target / Path(name).relative_to(source)
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, path)
    return folder


@pytest.fixture(scope="session")
def image(image_files: Path) -> Path:
    """Return the files of the image, with its static files collected."""
    manage(image_files, "collectstatic", "--noinput")
    return image_files


def manage(folder: Path, *command: str) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=folder,
        env=PRODUCTION | {"DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
