"""deploy/roles.sql, backup.sh and restore.sh, as they stand, on a real PostgreSQL."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.deploy.conftest import APP, DEPLOY, OWNER, Place, script

FIRST, SECOND = "roles_test", "roles_test_restored"


@pytest.fixture(scope="module")
def place(server: Place) -> Iterator[Place]:
    """A database with two roles, migrated by the one and filled by the other."""
    server.make(FIRST)
    server.manage("migrate", "--noinput", database=FIRST, user=OWNER)
    server.manage("ingest", "devtools/sample/arxiv-2026-04-30.xml", database=FIRST, user=APP)
    yield server
    server.drop(FIRST, SECOND)


def test_the_app_does_its_work_with_the_lesser_role(place: Place) -> None:
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
def test_the_app_may_read_and_write_rows_and_no_more(place: Place, forbidden: str) -> None:
    with (
        place.connect(FIRST, APP) as app,
        pytest.raises(
            psycopg.errors.InsufficientPrivilege, match=r"must be owner|permission denied"
        ),
    ):
        app.execute(forbidden)  # type: ignore[arg-type]


def test_roles_may_be_made_again_and_migrations_do_not_wait_long(place: Place) -> None:
    passwords = ("-v", "owner_password=a", "-v", "app_password=b")
    file = str(DEPLOY / "roles.sql")
    place.run("psql", "-X", "-q", *passwords, "-f", file, database=FIRST, user="postgres")
    with place.connect(FIRST, OWNER) as owner:
        assert owner.execute("SHOW lock_timeout").fetchone() == ("5s",)


def backup(place: Place, folder: Path, **more: str) -> list[Path]:
    place.run(
        str(DEPLOY / "backup.sh"),
        "now",
        database=FIRST,
        user=OWNER,
        BACKUP_TO=str(folder),
        **more,
    )
    return sorted(folder.iterdir())


def rows(place: Place, database: str) -> dict[str, int]:
    tables = "papers_paper papers_document papers_observation subscriptions_subscriber"
    with place.connect(database, APP) as app:
        counts = {}
        for table in tables.split():
            [(counts[table],)] = app.execute(f"SELECT count(*) FROM {table}").fetchall()  # type: ignore[arg-type]
        return counts


def test_what_was_backed_up_is_restored(place: Place, tmp_path: Path) -> None:
    [dump] = backup(place, tmp_path)
    place.make(SECOND)
    said = place.run(str(DEPLOY / "restore.sh"), str(dump), database=SECOND, user=OWNER)
    assert said.startswith("restored: ")
    assert rows(place, SECOND) == rows(place, FIRST)
    assert rows(place, SECOND)["papers_paper"] > 0
    with place.connect(SECOND, APP) as app:  # sequences go on, rights are there, nothing is owned
        app.execute(
            "INSERT INTO papers_source (name, kind, url, active, check_every, next_check_at,"
            " etag, last_modified, outcome, error, failures)"
            " VALUES ('', '', 'https://x.example/', true, 60, now(), '', '', '', '', 0)"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("DROP TABLE papers_source")


def test_a_database_with_tables_is_not_restored_into(place: Place, tmp_path: Path) -> None:
    [dump] = backup(place, tmp_path)
    done = subprocess.run(
        [DEPLOY / "restore.sh", dump],
        env=place.environment(FIRST, OWNER),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Restore into an empty database" in done.stderr


def test_only_so_many_backups_are_kept_and_nothing_else_is_touched(
    place: Place, tmp_path: Path
) -> None:
    other = tmp_path / "paperboy-by-hand.dump"
    other.touch()
    old = [tmp_path / f"paperboy-2020-01-0{day}T010000Z.dump" for day in range(1, 6)]
    for path in old:
        path.touch()
    left = backup(place, tmp_path, BACKUPS_KEPT="3")
    [new] = set(left) - {*old, other}
    assert new.name.startswith(f"paperboy-{datetime.now(UTC):%Y}")
    assert set(left) == {new, other, *old[3:]}


def test_a_backup_that_fails_says_so_and_leaves_nothing(place: Place, tmp_path: Path) -> None:
    done = subprocess.run(
        [DEPLOY / "backup.sh", "now"],
        env=place.environment("there_is_none", OWNER, BACKUP_TO=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "backup FAILED" in done.stderr
    assert list(tmp_path.iterdir()) == []
