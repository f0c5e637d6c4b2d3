"""Faster test databases: nothing waits for the disk, and only changed tables are restored."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

# A crash of the machine may damage the tests' cluster. It holds nothing of value. Without fsync,
# synchronous_commit costs little, and the doctor wants it on.
WAITING_FOR_DISK = ("fsync", "full_page_writes")

_COLUMNS = """
    SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position)
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
    GROUP BY table_name
"""


def stop_waiting_for_disk() -> None:
    """Change the running server's settings; they stay in its cluster."""
    with connection._nodb_cursor() as cursor:
        cursor.execute("ALTER SYSTEM RESET ALL")
        for name in WAITING_FOR_DISK:
            cursor.execute(f"ALTER SYSTEM SET {name} = off")
        cursor.execute("SELECT pg_reload_conf()")


def is_superuser() -> bool:
    """Return whether foreign keys can be ignored, as the embedded server allows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


class Snapshot:
    """The rows at one moment of all tables with a prefix, kept in a schema of the same database.

    Restoring needs a superuser.
    """

    def __init__(self, schema: str, prefix: str = "") -> None:
        self.schema, self.prefix = schema, prefix
        self.columns: dict[str, str] = {}
        self.kept: set[str] = set()

    def take(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
            cursor.execute(f"CREATE SCHEMA {self.schema}")
            cursor.execute(_COLUMNS)
            self.columns = {
                table: columns
                for table, columns in cursor.fetchall()
                if table.startswith(self.prefix)
            }
            self.kept = self._names(cursor, "EXISTS (SELECT FROM public.{table})", self.columns)
            for table in self.kept:
                cursor.execute(
                    f"CREATE TABLE {self.schema}.{table} AS"
                    f" SELECT {self.columns[table]} FROM public.{table}"
                )

    def restore(self) -> None:
        """Bring back the rows of this snapshot; sequences go on where they are."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # in any order
            changed = self.changed(cursor)
            for table in changed:
                cursor.execute(f"DELETE FROM public.{table}")
            for table in changed & self.kept:
                columns = self.columns[table]
                cursor.execute(
                    f"INSERT INTO public.{table} ({columns}) OVERRIDING SYSTEM VALUE"
                    f" SELECT {columns} FROM {self.schema}.{table}"
                )

    def changed(self, cursor: Any) -> set[str]:
        """Return the tables with rows that the snapshot does not have, or without some it has."""
        empty = self.columns.keys() - self.kept
        differs = (
            "EXISTS (SELECT {columns} FROM public.{table} EXCEPT TABLE {schema}.{table})"
            " OR EXISTS (TABLE {schema}.{table} EXCEPT SELECT {columns} FROM public.{table})"
        )
        return self._names(cursor, "EXISTS (SELECT FROM public.{table})", empty) | self._names(
            cursor, differs, self.kept
        )

    def _names(self, cursor: Any, condition: str, tables: Collection[str]) -> set[str]:
        """Return those of the tables that the condition is true of, asked in one statement."""
        if not tables:
            return set()
        selects = (
            f"SELECT '{table}' WHERE "
            + condition.format(table=table, columns=self.columns[table], schema=self.schema)
            for table in tables
        )
        cursor.execute(" UNION ALL ".join(selects))
        return {name for (name,) in cursor.fetchall()}


@contextmanager
def quick_flush() -> Iterator[None]:
    """After a transactional test, restore what it changed.

    Django's own flush truncates all tables and runs the `post_migrate` signal, which takes longer
    than most tests. It stays where the database user is no superuser.
    """
    with pytest.MonkeyPatch.context() as patch:
        if is_superuser():
            migrated = Snapshot("migrated")
            migrated.take()
            patch.setattr(
                TransactionTestCase, "_fixture_teardown", lambda _case: migrated.restore()
            )
        yield
