"""Terms with embeddings: embed papers, join two sets, fold in further terms. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.vectors.quantized_rows import QuantizedRows
from papers.vectors.sparse_rows import normalize_dense_rows, normalize_rows, select_columns
from papers.vectors.term_embeddings import WIDTH, Embeddings, principal_directions

PAPERS_TO_FOLD_IN = 2  # terms of a single paper would only tell what its other terms tell


@dataclass(frozen=True, slots=True)
class EmbeddedTerms:
    """The columns of terms in their lexicon (terms), ascending, and their embeddings."""

    columns: NDArray[np.int32]
    embeddings: QuantizedRows

    def sum_embeddings(self, rows: sparse.csr_matrix) -> Embeddings:
        """Return the weighted sum of the embeddings of the terms of each row (rows x width).

        `rows` (rows x columns of the lexicon) are scaled to unit length over these terms.
        """
        narrow = normalize_rows(select_columns(rows, self.columns))
        used = np.unique(narrow.indices)  # dequantizes only the embeddings that occur
        return np.asarray(narrow[:, used] @ self.embeddings.take(used), dtype=np.float32)

    def embed(self, rows: sparse.csr_matrix) -> Embeddings:
        """Return a unit-length embedding for each row (rows x width)."""
        return normalize_dense_rows(self.sum_embeddings(rows))

    def fold_in(self, rows: sparse.csr_matrix, common: NDArray[np.int32]) -> EmbeddedTerms:
        """Return also the other terms that two papers or more share, except the `common` ones.

        `rows` are weights (papers x columns of the lexicon). Each such term gets the direction of
        its papers and the mean length of the known embeddings.
        """
        frequency = np.bincount(rows.indices, minlength=rows.shape[1])
        others = np.flatnonzero(frequency >= PAPERS_TO_FOLD_IN).astype(np.int32)
        others = np.setdiff1d(others, np.append(self.columns, common), assume_unique=True)
        if not len(others) or not len(self.columns):
            return self
        directions = normalize_dense_rows(select_columns(rows, others).T @ self.embed(rows))
        length = np.linalg.norm(self.embeddings.dequantize(), axis=1).mean()
        columns = np.append(self.columns, others)
        embeddings = self.embeddings.append(QuantizedRows.quantize(directions * length))
        order = np.argsort(columns)
        return EmbeddedTerms(columns[order], embeddings.select(order))


def join_terms(
    own: EmbeddedTerms, others: EmbeddedTerms, rows: sparse.csr_matrix, weight: float
) -> EmbeddedTerms:
    """Return the terms of both, with embeddings of WIDTH.

    These are the principal directions of both side by side in the papers (`rows`, papers x columns
    of the lexicon), as for two views. The others' part of a paper is `weight` times as long as its
    own part.
    """
    columns = np.union1d(own.columns, others.columns).astype(np.int32)
    sides = (own, others)
    sums = [side.sum_embeddings(rows) for side in sides]
    scales = [
        np.float32(length / max(np.linalg.norm(part, axis=1).mean(), 1e-6))
        for part, length in zip(sums, (1.0, weight), strict=True)
    ]
    scaled = [part * scale for part, scale in zip(sums, scales, strict=True)]
    directions = principal_directions(normalize_dense_rows(np.hstack(scaled)))
    turns = np.split(directions, [own.embeddings.width])
    embeddings = np.zeros((len(columns), WIDTH), dtype=np.float32)
    for side, scale, turn in zip(sides, scales, turns, strict=True):
        places = np.searchsorted(columns, side.columns)
        embeddings[places] += side.embeddings.dequantize() @ (scale * turn)
    return EmbeddedTerms(columns, QuantizedRows.quantize(embeddings))
