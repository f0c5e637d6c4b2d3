"""Migrations lock no large table, and upgrade a large installation while digests are sent."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from django_migration_linter.sql_analyser import PostgresqlAnalyser, analyse_sql_statements

from tests.deploy.conftest import APP, OWNER, DatabaseServer, script

DATABASE = "upgrade_test"
PAUSE = 0.005  # seconds between two digests, so that some remain until the migration ends
READERS = int(os.environ.get("UPGRADE_READERS", "5000"))  # `make upgrade-test` sets 100,000
LARGE_TABLES = (
    *("papers_paper", "papers_observation"),
    *("subscriptions_subscriber", "subscriptions_interests", "subscriptions_reaction"),
    *("subscriptions_digest", "subscriptions_deliveryevent"),
)
CONCURRENT_UNIQUE_INDEX = "CREATE UNIQUE INDEX CONCURRENTLY"
# Older migrations are exempt: no large installation existed when they were written.
LAST_EXEMPT = {"papers": "0005", "subscriptions": "0012"}


def new_migrations() -> list[tuple[str, str]]:
    loader = MigrationLoader(None)
    return sorted(
        (app, name)
        for app, name in loader.disk_migrations
        if app in LAST_EXEMPT and name[:4] > LAST_EXEMPT[app]
    )


def find_risks(statements: list[str]) -> list[str]:
    """Return the statements' problems: locks on large tables, or breaking the running version."""
    relevant = [
        statement
        for statement in statements
        if any(f'"{table}"' in statement for table in LARGE_TABLES)
        # The linter reports unique indexes as locks even if they are built concurrently.
        and not statement.startswith(CONCURRENT_UNIQUE_INDEX)
    ]
    errors, _ignored, warnings = analyse_sql_statements(PostgresqlAnalyser, relevant)
    return [problem.message for problem in (*errors, *warnings)]


@pytest.mark.django_db(transaction=True)  # concurrent index builds cannot run in a transaction
def test_new_migrations_lock_no_large_table(capsys: pytest.CaptureFixture[str]) -> None:
    risks = {}
    for app, name in new_migrations():
        call_command("sqlmigrate", app, name)
        lines = re.sub(r"--.*", "", capsys.readouterr().out).split(";")
        if problems := find_risks([line.strip() for line in lines]):
            risks[f"{app}.{name}"] = problems
    assert risks == {}, (
        "Build indexes with AddIndexConcurrently (atomic = False), give new columns a db_default, "
        "and drop unused columns one release later: docs/operations.md, “Upgrade”."
    )


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX "x" ON "subscriptions_digest" ("day")',
        'CREATE UNIQUE INDEX "x" ON "subscriptions_digest" ("day")',
        'ALTER TABLE "subscriptions_subscriber" ADD COLUMN "x" integer NOT NULL',
        'ALTER TABLE "papers_paper" RENAME COLUMN "title" TO "name"',
        'ALTER TABLE "papers_paper" DROP COLUMN "title" CASCADE',
    ],
)
def test_risky_statements_are_detected(statement: str) -> None:
    assert find_risks([statement])
    assert not find_risks(
        [re.sub("subscriptions_subscriber|subscriptions_digest|papers_paper", "s", statement)]
    )


FILL = {
    "ARRAY": "'{}'",
    "boolean": "false",
    "character varying": "''",
    "date": "current_date",
    "integer": "0",
    "jsonb": "'[]'",
    "smallint": "0",
    "text": "''",
    "timestamp with time zone": "now()",
    "uuid": "gen_random_uuid()",
}


def insert(owner: psycopg.Connection, table: str, source: str, **values: str) -> None:
    """Insert rows with these columns.

    Other required columns get a default by type, so this does not depend on the old schema.
    """
    needed = owner.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'"
        " AND is_generated = 'NEVER'",
        [table],
    ).fetchall()
    columns = {name: FILL[kind] for name, kind in needed if name not in values} | values
    names = ", ".join(f'"{name}"' for name in columns)
    expressions = ", ".join(columns.values())
    owner.execute(f"INSERT INTO {table} ({names}) SELECT {expressions} FROM {source}")  # type: ignore[arg-type]


@pytest.fixture
def old(server: DatabaseServer) -> Iterator[DatabaseServer]:
    """Provide a database with the oldest schema, readers and their pending digests."""
    server.create(DATABASE)
    for oldest in (("auth",), ("subscriptions", "0001")):
        server.manage("migrate", *oldest, database=DATABASE, user=OWNER)
    with server.connect(DATABASE, OWNER) as owner:
        insert(
            owner,
            "subscriptions_subscriber",
            f"generate_series(1, {READERS}) AS n",
            email="n || '@example.org'",
            email_key="n || '@example.org'",
            status="'active'",
            timezone="'UTC'",
        )
        readers = "subscriptions_subscriber"
        insert(owner, "subscriptions_topic", readers, subscriber_id="id", text="'language'")
        insert(
            owner,
            "subscriptions_subscription",
            readers,
            subscriber_id="id",
            destination="'email'",
            state="'active'",
            frequency="'daily'",
            max_papers="10",
            all_topics="true",
            next_digest_at="now() + interval '1 day'",
        )
        insert(
            owner,
            "subscriptions_digest",
            "subscriptions_subscription",
            subscriber_id="subscriber_id",
            subscription_id="id",
            status="'pending'",
            expires_at="now() + interval '8 hours'",
        )
        insert(
            owner,
            "subscriptions_edition",
            "(SELECT 1) AS single",
            state="'open'",
            due=str(READERS),
        )
    yield server
    server.drop(DATABASE)


class OldSender(threading.Thread):
    """A worker of the old version: claim and settle digests, and save preferences."""

    def __init__(self, app: psycopg.Connection) -> None:
        super().__init__()
        self.app, self.stopping = app, threading.Event()
        self.sent, self.longest = 0, 0.0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                start = time.monotonic()
                self.send_one()
                self.longest = max(self.longest, time.monotonic() - start)
                time.sleep(PAUSE)
        except Exception as error:
            self.error = error

    def send_one(self) -> None:
        claimed = self.app.execute(
            "UPDATE subscriptions_digest SET status = 'sending', claimed_at = now() WHERE id ="
            " (SELECT id FROM subscriptions_digest WHERE status = 'pending'"
            " ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
            " RETURNING id, subscription_id"
        ).fetchone()
        assert claimed
        self.app.execute(
            "UPDATE subscriptions_digest SET status = 'sent', sent_at = now() WHERE id = %s",
            claimed[:1],
        )
        self.app.execute(
            "UPDATE subscriptions_subscription SET hour = 9 WHERE id = %s", claimed[1:]
        )
        self.sent += 1


@pytest.mark.slow
def test_many_readers_are_migrated_while_digests_are_sent(old: DatabaseServer) -> None:
    with old.connect(DATABASE, APP) as app:
        sender = OldSender(app)
        sender.start()
        start = time.monotonic()
        old.manage("migrate", "--noinput", database=DATABASE, user=OWNER)
        seconds = time.monotonic() - start
        sender.stopping.set()
        sender.join()
    assert sender.error is None
    assert sender.sent > 10
    print(f"{seconds:.1f} s; sent {sender.sent}; longest wait {sender.longest:.2f} s")
    output = old.manage("shell", "-c", script("after_upgrade"), database=DATABASE, user=APP)
    assert f"totals {READERS} {READERS} {READERS}" in output
    assert "recovered True" in output
