"""Term counts of texts and of a collection of papers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.vectors.sparse_rows import find_sorted, move_columns, sum_rows_by_owner
from papers.vectors.terms import TermIds, term_ids

Owners = NDArray[np.int64]
CHUNK = 2000  # papers counted at once; bounds the memory of their term IDs


@dataclass(frozen=True, slots=True)
class TermCounts:
    """Counts of terms by text: `rows` (texts x terms), with a column for each ascending ID."""

    ids: TermIds
    rows: sparse.csr_matrix

    @classmethod
    def of_texts(cls, texts: Sequence[str]) -> TermCounts:
        ids_by_text = list(map(term_ids, texts))
        ends = np.cumsum([0, *map(len, ids_by_text)])
        ids, columns = np.unique(
            np.concatenate([np.empty(0, np.uint64), *ids_by_text]), return_inverse=True
        )
        ones = np.ones(len(columns), dtype=np.float32)
        rows = sparse.csr_matrix(
            (ones, columns.astype(np.int32), ends), shape=(len(texts), len(ids))
        )
        rows.sum_duplicates()
        return cls(ids, rows)

    def with_columns(self, ids: TermIds) -> sparse.csr_matrix:
        """Return the counts with a column for each of `ids` (texts x ids); drop other terms."""
        present, places = find_sorted(ids, self.ids)
        return move_columns(self.rows[:, present], places, len(ids))

    def without(self, ids: TermIds) -> TermCounts:
        """Return the counts of the terms that are not among `ids`."""
        present, _places = find_sorted(ids, self.ids)
        rest = np.setdiff1d(np.arange(len(self.ids)), present)
        return TermCounts(self.ids[rest], self.rows[:, rest])


@dataclass(frozen=True, slots=True)
class CorpusCounts:
    """Term counts of many papers, by chunks of `CHUNK` papers.

    The rows of a chunk are the titles of its papers, then the parts of their abstracts. The
    array beside it has, for each part, the position of its paper in the chunk.
    """

    chunks: list[tuple[TermCounts, Owners]]

    @classmethod
    def of_papers(
        cls, titles: Sequence[str], abstracts: Sequence[str], split: Callable[[str], list[str]]
    ) -> CorpusCounts:
        """Count the terms of titles, and of the parts that `split` makes of each abstract."""
        chunks = []
        for start in range(0, len(titles), CHUNK):
            parts = [split(abstract) for abstract in abstracts[start : start + CHUNK]]
            texts = [*titles[start : start + CHUNK], *chain.from_iterable(parts)]
            owners = np.repeat(np.arange(len(parts)), [len(row) for row in parts])
            chunks.append((TermCounts.of_texts(texts), owners))
        return cls(chunks)

    def document_frequencies(self) -> tuple[TermIds, NDArray[np.int64]]:
        """Return all term IDs, ascending, and in how many papers each occurs."""
        counts = [_papers_with_terms(chunk, owners) for chunk, owners in self.chunks]
        ids, places = np.unique(
            np.concatenate([np.empty(0, np.uint64), *(chunk.ids for chunk, _ in self.chunks)]),
            return_inverse=True,
        )
        counted = np.concatenate([np.empty(0, np.int64), *counts])
        return ids, np.bincount(places, counted, len(ids)).astype(np.int64)

    def with_columns(self, ids: TermIds) -> tuple[sparse.csr_matrix, sparse.csr_matrix, Owners]:
        """Return titles (papers x ids), parts (parts x ids), and the paper of each part."""
        titles = [sparse.csr_matrix((0, len(ids)), dtype=np.float32)]
        parts, owners_of_parts, papers_before = [*titles], [np.empty(0, np.int64)], 0
        for chunk, owners in self.chunks:
            rows = chunk.with_columns(ids)
            paper_count = rows.shape[0] - len(owners)
            titles.append(rows[:paper_count])
            parts.append(rows[paper_count:])
            owners_of_parts.append(papers_before + owners)
            papers_before += paper_count
        return (
            sparse.vstack(titles, format="csr"),
            sparse.vstack(parts, format="csr"),
            np.concatenate(owners_of_parts),
        )


def _papers_with_terms(chunk: TermCounts, owners: Owners) -> NDArray[np.int64]:
    """Return in how many papers of the chunk each term occurs (terms)."""
    paper_count = chunk.rows.shape[0] - len(owners)
    abstracts = sum_rows_by_owner(chunk.rows[paper_count:], owners, paper_count)
    rows = chunk.rows[:paper_count] + abstracts
    return np.bincount(rows.indices, minlength=len(chunk.ids))
