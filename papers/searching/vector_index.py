"""An in-memory index of paper vectors, searched by brute force.

Each process that searches holds a copy, one byte per number: 21 MB for 83,000 papers. It is loaded
once for each version of the lexicon, and new vectors are added before each search. Deleted papers
stay in it until then, so callers must check results against the database.
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

BLOCK = 512  # rows converted to floats at once, so that they stay in the processor's cache
LEVELS = 127  # quantization levels from 0 to the largest number of a column

_COPY = sql.SQL(
    "COPY (SELECT id, paper_id, vector FROM papers_papervector"
    " WHERE version = {version} AND id > {last} ORDER BY id) TO STDOUT (FORMAT BINARY)"
)
_HEADER = struct.Struct("!11sii")  # of PostgreSQL's binary COPY: signature, flags, extension length


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """The quantized vectors of papers, in the lexicon of `version`.

    * `last`: the primary key of the newest `PaperVector` included.
    * `papers` (papers): primary keys.
    * `rows` (papers x width, int8) times `steps` (width): vectors of unit length.
    """

    version: str
    last: int
    papers: Ids
    rows: NDArray[np.int8]
    steps: Vector

    @classmethod
    def empty(cls, version: str) -> VectorIndex:
        rows, steps = np.empty((0, 0), np.int8), np.empty(0, np.float32)
        return cls(version, 0, np.empty(0, np.int64), rows, steps)

    def nearest(self, vector: Vector, count: int, among: Sequence[int] | None = None) -> list[int]:
        """Return at most `count` papers with the greatest inner products with `vector` (width).

        With `among`, consider only these papers.
        """
        papers, rows = self.papers, self.rows
        if among is not None:
            places = np.flatnonzero(np.isin(papers, np.asarray(among, dtype=np.int64)))
            papers, rows = papers[places], rows[places]
        products = _multiply(rows, vector * self.steps) if len(rows) else np.empty(0, np.float32)
        count = min(count, len(papers))
        best = np.argpartition(-products, count - 1)[:count] if count else np.empty(0, np.int64)
        nearest: list[int] = papers[best[np.lexsort((-papers[best], -products[best]))]].tolist()
        return nearest

    def with_vectors(self, last: int, papers: Ids, vectors: Vector) -> VectorIndex:
        """Return an index with these vectors (n x width), in place of older ones of `papers`."""
        steps = self.steps
        if not len(self.papers):
            steps = np.abs(vectors).max(axis=0).clip(min=1e-6) / np.float32(LEVELS)
        rows = np.rint(vectors / steps).clip(-LEVELS, LEVELS).astype(np.int8)
        is_kept = ~np.isin(self.papers, papers)
        return VectorIndex(
            self.version,
            last,
            np.concatenate([self.papers[is_kept], papers]),
            np.concatenate([self.rows[is_kept], rows]) if len(self.papers) else rows,
            steps,
        )


_indexes: dict[str, VectorIndex] = {}
_lock = Lock()


def current_index(version: str) -> VectorIndex:
    """Return the index of this version, with all vectors stored so far."""
    with _lock:
        index = _indexes.get(version) or VectorIndex.empty(version)
        if added := _load_vectors(version, index.last):
            index = index.with_vectors(*added)
        _indexes.clear()  # drops the previous version
        _indexes[version] = index
        return index


def clear_cache() -> None:
    """Load all vectors again at the next search."""
    with _lock:
        _indexes.clear()


def _load_vectors(version: str, last: int) -> tuple[int, Ids, Vector] | None:
    """Return the newest key, papers (n) and vectors (n x width) stored after `last`.

    Return None if there are none. A binary COPY avoids a Python object for each number.
    """
    if not PaperVector.objects.filter(version=version, pk__gt=last).exists():
        return None
    query = _COPY.format(version=sql.Literal(version), last=sql.Literal(last))
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        data = b"".join(map(bytes, copy))
    rows = _parse_copy(data)
    return int(rows["id"][-1]), rows["paper"].astype(np.int64), rows["vector"].astype(np.float32)


def _parse_copy(data: bytes) -> NDArray[np.void]:
    """Parse a binary COPY; all its rows have one length, since vectors have one width."""
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


def _multiply(rows: NDArray[np.int8], vector: Vector) -> Vector:
    """Return the product of each row (papers x width) with `vector` (width).

    It uses einsum, since BLAS would start a thread on each core for a few milliseconds of work and
    delay other requests.
    """
    products = np.empty(len(rows), np.float32)
    floats = np.empty((min(BLOCK, len(rows)), rows.shape[1]), np.float32)
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        np.copyto(floats[: len(part)], part)
        np.einsum("ij,j->i", floats[: len(part)], vector, out=products[start : start + BLOCK])
    return products
