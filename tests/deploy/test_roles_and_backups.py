"""deploy/roles.sql, backup.sh and restore.sh on a real PostgreSQL server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.deploy.conftest import APP, DEPLOY, OWNER, PRODUCTION, ROOT, DatabaseServer, script

BARE, MIGRATED, RESTORED = "roles_test", "roles_test_migrated", "roles_test_restored"


@pytest.fixture(scope="module")
def bare(server: DatabaseServer) -> Iterator[DatabaseServer]:
    """Provide a database with the two roles and one table of the owner."""
    server.create(BARE)
    with server.connect(BARE, OWNER) as owner:
        owner.execute("CREATE TABLE subscriptions_subscriber AS SELECT 42 AS answer")
    yield server
    server.drop(BARE, MIGRATED, RESTORED)


@pytest.fixture(scope="module")
def place(bare: DatabaseServer) -> DatabaseServer:
    """Provide a database that one role has migrated and the other has filled."""
    bare.create(MIGRATED)
    bare.manage("migrate", "--noinput", database=MIGRATED, user=OWNER)
    bare.manage("ingest", "devtools/sample/arxiv-2026-04-30.xml", database=MIGRATED, user=APP)
    return bare


@pytest.mark.slow
def test_the_app_works_with_the_restricted_role(place: DatabaseServer) -> None:
    assert "sent 1 1" in place.manage(
        "shell", "-c", script("day_of_work"), database=MIGRATED, user=APP
    )


@pytest.mark.parametrize(
    "forbidden",
    [
        "DROP TABLE subscriptions_subscriber",
        "ALTER TABLE subscriptions_subscriber ADD COLUMN x int",
        "TRUNCATE subscriptions_subscriber CASCADE",
        "CREATE TABLE mine (x int)",
        "CREATE INDEX ON subscriptions_subscriber (answer)",
        "COPY subscriptions_subscriber TO PROGRAM 'cat'",
        "CREATE ROLE more",
        "SET ROLE paperboy_owner",
        "SELECT * FROM pg_authid",
    ],
)
def test_the_app_role_can_only_read_and_write_rows(bare: DatabaseServer, forbidden: str) -> None:
    with (
        bare.connect(BARE, APP) as app,
        pytest.raises(
            psycopg.errors.InsufficientPrivilege, match=r"must be owner|permission denied"
        ),
    ):
        app.execute(forbidden)  # type: ignore[arg-type]


def test_a_migration_with_the_role_of_the_app_is_refused_in_one_line(bare: DatabaseServer) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=ROOT,
        env=PRODUCTION | {"PATH": os.environ["PATH"], "DATABASE_URL": bare.url(BARE, APP)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert line.startswith("PostgreSQL: permission denied for schema public.")
    assert "paperboy_owner" in line


def test_roles_can_be_created_again_and_migrations_have_a_lock_timeout(
    bare: DatabaseServer,
) -> None:
    passwords = ("-v", "owner_password=a", "-v", "app_password=b")
    file = str(DEPLOY / "roles.sql")
    bare.run("psql", "-X", "-q", *passwords, "-f", file, database=BARE, user="postgres")
    with bare.connect(BARE, OWNER) as owner:
        assert owner.execute("SHOW lock_timeout").fetchone() == ("5s",)


def backup(
    server: DatabaseServer, folder: Path, database: str = BARE, **variables: str
) -> list[Path]:
    server.run(
        str(DEPLOY / "backup.sh"),
        "now",
        database=database,
        user=OWNER,
        BACKUP_TO=str(folder),
        **variables,
    )
    return sorted(folder.iterdir())


def rows(place: DatabaseServer, database: str) -> dict[str, int]:
    tables = "papers_paper papers_document papers_observation subscriptions_subscriber"
    with place.connect(database, APP) as app:
        counts = {}
        for table in tables.split():
            [(counts[table],)] = app.execute(f"SELECT count(*) FROM {table}").fetchall()  # type: ignore[arg-type]
        return counts


def test_a_backup_can_be_restored(bare: DatabaseServer, tmp_path: Path) -> None:
    [dump] = backup(bare, tmp_path)
    bare.create(RESTORED)
    output = bare.run(str(DEPLOY / "restore.sh"), str(dump), database=RESTORED, user=OWNER)
    assert output.startswith("restored: ")
    with bare.connect(RESTORED, APP) as app:
        assert app.execute("SELECT answer FROM subscriptions_subscriber").fetchone() == (42,)


@pytest.mark.slow
def test_a_backup_of_all_tables_can_be_restored(place: DatabaseServer, tmp_path: Path) -> None:
    [dump] = backup(place, tmp_path, MIGRATED)
    place.create(RESTORED)
    output = place.run(str(DEPLOY / "restore.sh"), str(dump), database=RESTORED, user=OWNER)
    assert output.startswith("restored: ")
    assert rows(place, RESTORED) == rows(place, MIGRATED)
    assert rows(place, RESTORED)["papers_paper"] > 0
    with place.connect(RESTORED, APP) as app:  # sequences and privileges are restored
        app.execute(
            "INSERT INTO papers_source (name, kind, url, active, check_every, next_check_at,"
            " etag, last_modified, outcome, error, failures)"
            " VALUES ('', '', 'https://x.example/', true, 60, now(), '', '', '', '', 0)"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("DROP TABLE papers_source")


def test_restoring_into_a_database_with_tables_is_refused(
    bare: DatabaseServer, tmp_path: Path
) -> None:
    [dump] = backup(bare, tmp_path)
    result = subprocess.run(
        [DEPLOY / "restore.sh", dump],
        env=bare.environment(BARE, OWNER),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "Restore into an empty database" in result.stderr


def test_old_backups_are_deleted_and_other_files_are_kept(
    bare: DatabaseServer, tmp_path: Path
) -> None:
    other = tmp_path / "paperboy-by-hand.dump"
    other.touch()
    old = [tmp_path / f"paperboy-2020-01-0{day}T010000Z.dump" for day in range(1, 6)]
    for path in old:
        path.touch()
    remaining = backup(bare, tmp_path, BACKUPS_KEPT="3")
    [new] = set(remaining) - {*old, other}
    assert new.name.startswith(f"paperboy-{datetime.now(UTC):%Y}")
    assert set(remaining) == {new, other, *old[3:]}


def test_a_failed_backup_reports_an_error_and_leaves_no_file(
    bare: DatabaseServer, tmp_path: Path
) -> None:
    result = subprocess.run(
        [DEPLOY / "backup.sh", "now"],
        env=bare.environment("missing", OWNER, BACKUP_TO=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "backup FAILED" in result.stderr
    assert list(tmp_path.iterdir()) == []
