"""Bulk inserts, updates and lookups in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter
from typing import Any

from django import db
from django.db import models
from django.db.models import F, Lookup
from psycopg.types.json import Jsonb


class AnyOf(Lookup):
    """`field = ANY(array)`, with one parameter for all keys.

    Django's `in` has one parameter per key, which takes Django and the driver several times longer
    than PostgreSQL needs for the lookup.
    """

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, values = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s)", (*values, self.rhs)


def any_of(field: str, keys: Collection[int]) -> AnyOf:
    """Return a condition for `filter` and `exclude`: `field` is one of very many integers."""
    return AnyOf(F(field), list(keys))


def insert(rows: Sequence[models.Model]) -> None:
    """Insert rows of one model with COPY and set their primary keys; requires a transaction.

    COPY is five times as fast as INSERT with parameters.
    """
    if not rows:
        return
    meta = rows[0]._meta
    for row, pk in zip(rows, _keys(meta, len(rows)), strict=True):
        row.pk = pk
    fields = _stored_fields(meta)
    with db.connection.cursor() as cursor:
        _copy(cursor, meta.db_table, fields, rows)
    for row in rows:
        row._state.adding, row._state.db = False, db.connection.alias


def update(rows: Sequence[models.Model], names: Iterable[str]) -> None:
    """Update these fields of existing rows; requires a transaction that excludes other writers."""
    if not rows:
        return
    meta: Any = rows[0]._meta
    fields = [meta.get_field(name) for name in names]
    columns = [_quoted(field.column) for field in fields]
    pk = _quoted(meta.pk.column)
    table, values = _quoted(meta.db_table), _quoted(f"new_{meta.db_table}")
    with db.connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE {values} ON COMMIT DROP AS "  # noqa: S608 - names of our own columns
            f"SELECT {', '.join([pk, *columns])} FROM {table} WITH NO DATA"
        )
        _copy(cursor, f"new_{meta.db_table}", [meta.pk, *fields], rows)
        setting = ", ".join(f"{column} = {values}.{column}" for column in columns)
        cursor.execute(
            f"UPDATE {table} SET {setting} FROM {values} WHERE {table}.{pk} = {values}.{pk}"  # noqa: S608
        )
        cursor.execute(f"DROP TABLE {values}")


def _stored_fields(meta: Any) -> list[Any]:
    return [field for field in meta.concrete_fields if not field.generated]


def _keys(meta: Any, count: int) -> list[int]:
    """Return new primary keys from the model's sequence."""
    with db.connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [_quoted(meta.db_table), meta.pk.column, count],
        )
        return [pk for (pk,) in cursor.fetchall()]


def _copy(cursor: Any, table: str, fields: Sequence[Any], rows: Iterable[models.Model]) -> None:
    columns = ", ".join(_quoted(field.column) for field in fields)
    read = attrgetter(*(field.attname for field in fields))
    as_json = [place for place, field in enumerate(fields) if isinstance(field, models.JSONField)]
    statement = f"COPY {_quoted(table)} ({columns}) FROM STDIN"
    with db.connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            values = list(read(row))
            for place in as_json:
                values[place] = Jsonb(values[place])
            copy.write_row(values)


def _quoted(name: str) -> str:
    return db.connection.ops.quote_name(name)
