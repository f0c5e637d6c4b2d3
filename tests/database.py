"""Faster test databases: no waiting for the disk, and only changed tables are restored."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

# A crash of the machine may corrupt the test cluster, which holds no valuable data.
# synchronous_commit stays on: it is cheap without fsync, and the doctor checks it.
DISK_SETTINGS = ("fsync", "full_page_writes")

_COLUMNS = """
    SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position)
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
    GROUP BY table_name
"""


def disable_fsync() -> None:
    """Change the settings of the running server; its cluster stores them."""
    with connection._nodb_cursor() as cursor:
        cursor.execute("ALTER SYSTEM RESET ALL")
        for name in DISK_SETTINGS:
            cursor.execute(f"ALTER SYSTEM SET {name} = off")
        cursor.execute("SELECT pg_reload_conf()")


def is_superuser() -> bool:
    """Return True if foreign keys can be ignored, as on the embedded server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


class Snapshot:
    """Copy of the rows of all tables with a prefix, in another schema of the same database.

    Restoring needs a superuser.
    """

    def __init__(self, schema: str, prefix: str = "") -> None:
        self.schema, self.prefix = schema, prefix
        self.columns: dict[str, str] = {}
        self.filled: set[str] = set()

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
            self.filled = self._filter_tables(
                cursor, "EXISTS (SELECT FROM public.{table})", self.columns
            )
            for table in self.filled:
                cursor.execute(
                    f"CREATE TABLE {self.schema}.{table} AS"
                    f" SELECT {self.columns[table]} FROM public.{table}"
                )

    def restore(self) -> None:
        """Restore the rows of this snapshot; sequences keep their values."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # ignore foreign keys
            changed = self.changed_tables(cursor)
            for table in changed:
                cursor.execute(f"DELETE FROM public.{table}")
            for table in changed & self.filled:
                columns = self.columns[table]
                cursor.execute(
                    f"INSERT INTO public.{table} ({columns}) OVERRIDING SYSTEM VALUE"
                    f" SELECT {columns} FROM {self.schema}.{table}"
                )

    def changed_tables(self, cursor: Any) -> set[str]:
        """Return the tables whose rows differ from the snapshot."""
        empty = self.columns.keys() - self.filled
        differs = (
            "EXISTS (SELECT {columns} FROM public.{table} EXCEPT TABLE {schema}.{table})"
            " OR EXISTS (TABLE {schema}.{table} EXCEPT SELECT {columns} FROM public.{table})"
        )
        return self._filter_tables(
            cursor, "EXISTS (SELECT FROM public.{table})", empty
        ) | self._filter_tables(cursor, differs, self.filled)

    def _filter_tables(self, cursor: Any, condition: str, tables: Collection[str]) -> set[str]:
        """Return the tables for which the condition is true, with a single query."""
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
    """Restore only the changed tables after a transactional test.

    Django's flush truncates all tables and sends `post_migrate`, which takes longer than most
    tests. It is still used if the database user is not a superuser.
    """
    with pytest.MonkeyPatch.context() as patch:
        if is_superuser():
            snapshot = Snapshot("migrated")
            snapshot.take()
            patch.setattr(
                TransactionTestCase, "_fixture_teardown", lambda _case: snapshot.restore()
            )
        yield
