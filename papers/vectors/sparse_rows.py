"""Operations on the rows of sparse and dense matrices that scipy lacks or does slowly. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Positions = NDArray[np.int64]
Dense = NDArray[np.float32]


def normalize_rows(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """Scale sparse rows (n x terms) to unit length; empty rows stay empty."""
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return scale_rows(rows, norms)


def scale_rows(rows: sparse.csr_matrix, norms: NDArray[np.floating]) -> sparse.csr_matrix:
    """Divide each sparse row (n x terms) by its norm (n); rows with norm 0 become empty."""
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return sparse.csr_matrix(sparse.diags(scale) @ rows, dtype=np.float32)


def normalize_dense_rows(rows: Dense) -> Dense:
    """Scale dense rows (n x width) to unit length; zero rows stay zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


def square_entries(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the squares of all entries (n x terms)."""
    return rows.multiply(rows).tocsr()


def sum_rows_by_owner(
    rows: sparse.csr_matrix, owners: Positions, owner_count: int
) -> sparse.csr_matrix:
    """Return the sum of the rows of each owner (owner_count x terms).

    `owners` (rows) has the owner of each row.
    """
    ones = np.ones(len(owners), dtype=np.float32)
    shape = (owner_count, len(owners))
    return sparse.csr_matrix((ones, (owners, np.arange(len(owners)))), shape=shape) @ rows


def select_columns(rows: sparse.csr_matrix, columns: NDArray[np.int32]) -> sparse.csr_matrix:
    """Return `rows[:, columns]` for ascending `columns` (n x len(columns)).

    The cost depends on the entries of `rows`; scipy's indexing visits every column.
    """
    places = np.searchsorted(columns, rows.indices).astype(np.int32)
    kept = np.flatnonzero(places < len(columns))
    kept = kept[columns[places[kept]] == rows.indices[kept]]
    ends = np.searchsorted(kept, rows.indptr).astype(np.int32)
    shape = (rows.shape[0], len(columns))
    return sparse.csr_matrix((rows.data[kept], places[kept], ends), shape=shape)


def move_columns(
    rows: sparse.csr_matrix, columns: NDArray[np.integer], width: int
) -> sparse.csr_matrix:
    """Return the rows with column i moved to `columns[i]` of `width` columns (n x width)."""
    moved = columns.astype(np.int32)[rows.indices]
    return sparse.csr_matrix((rows.data, moved, rows.indptr), shape=(rows.shape[0], width))


def find_sorted(
    ids: NDArray[np.integer], values: NDArray[np.integer]
) -> tuple[Positions, Positions]:
    """Return the positions in `values` of those that are in the ascending `ids`, and their
    positions in `ids` (two arrays of one length)."""
    places = np.searchsorted(ids, values)
    present = np.flatnonzero(places < len(ids))
    present = present[ids[places[present]] == values[present]]
    return present, places[present]
