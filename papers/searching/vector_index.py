"""The meanings of all papers in memory, to be compared with one by multiplication.

Each process that searches holds its own copy, one byte a number: 21 MB for 83,000 papers. It is
read once for each version of the lexicon; what was added since comes in at the next search. What
went without anything in its place stays until then, which harms nothing: who shows papers asks the
database for them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg import sql

from papers.models import PaperVector

Ids = NDArray[np.int64]
Vector = NDArray[np.float32]

BLOCK = 512  # rows that are made floats at once, so that they stay in the processor's cache
STEPS = 127  # from nought to the largest number of a column

_COPY = sql.SQL(
    "COPY (SELECT id, paper_id, vector FROM papers_papervector"
    " WHERE version = {version} AND id > {last} ORDER BY id) TO STDOUT (FORMAT BINARY)"
)
_HEADER = struct.Struct("!11sii")  # of PostgreSQL's binary COPY: signature, flags, more bytes


@dataclass(frozen=True, slots=True)
class Meanings:
    """Papers and their meanings by the lexicon of `version`.

    `papers` are primary keys; `rows` (papers x width, int8) times `steps` (width) are the meanings
    of unit length. `last` is the newest `Meaning` that is among them. Never changed in place.
    """

    version: str
    last: int
    papers: Ids
    rows: NDArray[np.int8]
    steps: Vector

    def nearest(self, vector: Vector, count: int, among: Sequence[int] | None = None) -> list[int]:
        """At most `count` papers by their inner product with `vector`, the greatest first; only of
        those `among` which to look."""
        papers, rows = self.papers, self.rows
        if among is not None:
            places = np.flatnonzero(np.isin(papers, np.asarray(among, dtype=np.int64)))
            papers, rows = papers[places], rows[places]
        likeness = _product(rows, vector * self.steps) if len(rows) else np.empty(0, np.float32)
        count = min(count, len(papers))
        best = np.argpartition(-likeness, count - 1)[:count] if count else np.empty(0, np.int64)
        found: list[int] = papers[best[np.lexsort((-papers[best], -likeness[best]))]].tolist()
        return found

    def joined(self, last: int, papers: Ids, vectors: Vector) -> Meanings:
        """With these, which replace what was known of the same papers."""
        steps = self.steps
        if not len(self.papers):
            steps = np.abs(vectors).max(axis=0).clip(min=1e-6) / np.float32(STEPS)
        rows = np.rint(vectors / steps).clip(-STEPS, STEPS).astype(np.int8)
        stay = ~np.isin(self.papers, papers)
        return Meanings(
            self.version,
            last,
            np.concatenate([self.papers[stay], papers]),
            np.concatenate([self.rows[stay], rows]) if len(self.papers) else rows,
            steps,
        )


_held: dict[str, Meanings] = {}
_reading = Lock()


def held(version: str) -> Meanings:
    """All that is known by this lexicon now."""
    with _reading:
        known = _held.get(version) or _empty(version)
        if fresh := _read(version, known.last):
            known = known.joined(*fresh)
        _held.clear()  # of the version before
        _held[version] = known
        return known


def forget() -> None:
    """Read all anew at the next search."""
    with _reading:
        _held.clear()


def _empty(version: str) -> Meanings:
    none = np.empty((0, 0), np.int8)
    return Meanings(version, 0, np.empty(0, np.int64), none, np.empty(0, np.float32))


def _read(version: str, last: int) -> tuple[int, Ids, Vector] | None:
    """The newest key, papers and vectors of the meanings after `last`; None if there are none.

    Copied as bytes, since of so many numbers none should become an object of its own.
    """
    if not PaperVector.objects.filter(version=version, pk__gt=last).exists():
        return None
    asked = _COPY.format(version=sql.Literal(version), last=sql.Literal(last))
    with connection.cursor() as cursor, cursor.copy(asked) as copy:
        data = b"".join(map(bytes, copy))
    rows = _records(data)
    return int(rows["id"][-1]), rows["paper"].astype(np.int64), rows["vector"].astype(np.float32)


def _records(data: bytes) -> NDArray[np.void]:
    """Rows of a binary COPY; all vectors of one lexicon have one width, so that all rows have."""
    start = _HEADER.size + _HEADER.unpack_from(data)[2]
    (size,) = struct.unpack_from("!i", data, start + 2 + 2 * (4 + 8))
    record = np.dtype(
        [
            ("fields", ">i2"),
            *(("id_size", ">i4"), ("id", ">i8")),
            *(("paper_size", ">i4"), ("paper", ">i8")),
            *(("vector_size", ">i4"), ("width", ">i2"), ("unused", ">i2")),
            ("vector", ">f2", ((size - 4) // 2,)),
        ]
    )
    count, _trailer = divmod(len(data) - start, record.itemsize)
    return np.frombuffer(data, record, count, start)


def _product(rows: NDArray[np.int8], vector: Vector) -> Vector:
    """By einsum, since BLAS would wake a thread on each core for a few milliseconds' work, while
    other requests are served there."""
    found = np.empty(len(rows), np.float32)
    floats = np.empty((min(BLOCK, len(rows)), rows.shape[1]), np.float32)
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        np.copyto(floats[: len(part)], part)
        np.einsum("ij,j->i", floats[: len(part)], vector, out=found[start : start + BLOCK])
    return found
