"""deploy/roles.sql, backup.sh and restore.sh on a real PostgreSQL server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.deploy.conftest import APP, DEPLOY, OWNER, DatabaseServer, script

FIRST, SECOND = "roles_test", "roles_test_restored"


@pytest.fixture(scope="module")
def place(server: DatabaseServer) -> Iterator[DatabaseServer]:
    """Provide a database that one role has migrated and the other has filled."""
    server.create(FIRST)
    server.manage("migrate", "--noinput", database=FIRST, user=OWNER)
    server.manage("ingest", "devtools/sample/arxiv-2026-04-30.xml", database=FIRST, user=APP)
    yield server
    server.drop(FIRST, SECOND)


def test_the_app_works_with_the_restricted_role(place: DatabaseServer) -> None:
    assert "sent 1 1" in place.manage(
        "shell", "-c", script("day_of_work"), database=FIRST, user=APP
    )


@pytest.mark.parametrize(
    "forbidden",
    [
        "DROP TABLE subscriptions_digest",
        "ALTER TABLE subscriptions_subscriber ADD COLUMN x int",
        "TRUNCATE papers_paper CASCADE",
        "CREATE TABLE mine (x int)",
        "CREATE INDEX ON papers_paper (title)",
        "COPY papers_paper TO PROGRAM 'cat'",
        "CREATE ROLE more",
        "SET ROLE paperboy_owner",
        "SELECT * FROM pg_authid",
    ],
)
def test_the_app_role_can_only_read_and_write_rows(place: DatabaseServer, forbidden: str) -> None:
    with (
        place.connect(FIRST, APP) as app,
        pytest.raises(
            psycopg.errors.InsufficientPrivilege, match=r"must be owner|permission denied"
        ),
    ):
        app.execute(forbidden)  # type: ignore[arg-type]


def test_roles_can_be_created_again_and_migrations_have_a_lock_timeout(
    place: DatabaseServer,
) -> None:
    passwords = ("-v", "owner_password=a", "-v", "app_password=b")
    file = str(DEPLOY / "roles.sql")
    place.run("psql", "-X", "-q", *passwords, "-f", file, database=FIRST, user="postgres")
    with place.connect(FIRST, OWNER) as owner:
        assert owner.execute("SHOW lock_timeout").fetchone() == ("5s",)


def backup(place: DatabaseServer, folder: Path, **variables: str) -> list[Path]:
    place.run(
        str(DEPLOY / "backup.sh"),
        "now",
        database=FIRST,
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


def test_a_backup_can_be_restored(place: DatabaseServer, tmp_path: Path) -> None:
    [dump] = backup(place, tmp_path)
    place.create(SECOND)
    output = place.run(str(DEPLOY / "restore.sh"), str(dump), database=SECOND, user=OWNER)
    assert output.startswith("restored: ")
    assert rows(place, SECOND) == rows(place, FIRST)
    assert rows(place, SECOND)["papers_paper"] > 0
    with place.connect(SECOND, APP) as app:  # sequences and privileges are restored
        app.execute(
            "INSERT INTO papers_source (name, kind, url, active, check_every, next_check_at,"
            " etag, last_modified, outcome, error, failures)"
            " VALUES ('', '', 'https://x.example/', true, 60, now(), '', '', '', '', 0)"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("DROP TABLE papers_source")


def test_restoring_into_a_database_with_tables_is_refused(
    place: DatabaseServer, tmp_path: Path
) -> None:
    [dump] = backup(place, tmp_path)
    result = subprocess.run(
        [DEPLOY / "restore.sh", dump],
        env=place.environment(FIRST, OWNER),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "Restore into an empty database" in result.stderr


def test_old_backups_are_deleted_and_other_files_are_kept(
    place: DatabaseServer, tmp_path: Path
) -> None:
    other = tmp_path / "paperboy-by-hand.dump"
    other.touch()
    old = [tmp_path / f"paperboy-2020-01-0{day}T010000Z.dump" for day in range(1, 6)]
    for path in old:
        path.touch()
    remaining = backup(place, tmp_path, BACKUPS_KEPT="3")
    [new] = set(remaining) - {*old, other}
    assert new.name.startswith(f"paperboy-{datetime.now(UTC):%Y}")
    assert set(remaining) == {new, other, *old[3:]}


def test_a_failed_backup_reports_an_error_and_leaves_no_file(
    place: DatabaseServer, tmp_path: Path
) -> None:
    result = subprocess.run(
        [DEPLOY / "backup.sh", "now"],
        env=place.environment("missing", OWNER, BACKUP_TO=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "backup FAILED" in result.stderr
    assert list(tmp_path.iterdir()) == []
