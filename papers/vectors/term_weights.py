"""Weights of terms: BM25, and rarity by document frequency. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Weights = NDArray[np.float32]

SATURATION, LENGTH_SHARE = 1.2, 0.75  # k1 and b of BM25
# Rarities are raised to MAX_POWER in a collection of SMALL_CORPUS papers; the power falls to 1 at
# LARGE_CORPUS papers.
MAX_POWER, SMALL_CORPUS, LARGE_CORPUS = 2.0, 1_000, 80_000


def bm25(counts: sparse.csr_matrix, damping: Weights, rarity: Weights) -> sparse.csr_matrix:
    """Return BM25 weights of term counts (texts x terms).

    `damping` (texts) is from `length_damping`, `rarity` (terms) from `sharpened_rarity`.
    """
    rows = sparse.csr_matrix(counts, dtype=np.float32, copy=True)
    damped = rows.data + np.repeat(damping, np.diff(rows.indptr))
    rows.data *= (SATURATION + 1.0) / damped * rarity[rows.indices]
    return rows


def length_damping(relative_lengths: NDArray[np.floating]) -> Weights:
    """Return the damping of each text (texts), by its length relative to the mean length."""
    damping = SATURATION * (1.0 - LENGTH_SHARE + LENGTH_SHARE * relative_lengths)
    return np.asarray(damping, dtype=np.float32)


def inverse_document_frequency(frequency: NDArray[Any], papers: int) -> Weights:
    """Return the rarity of terms (terms) that occur in so many of `papers` papers."""
    most = np.maximum(papers, frequency)
    return np.log1p((most - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)


def sharpen(rarity: Weights, papers: int) -> Weights:
    """Increase the differences between rarities (terms) in a small collection.

    There, a term that occurs in one paper is much rarer on average than one that occurs in two.
    """
    growth = np.log(max(papers, SMALL_CORPUS) / SMALL_CORPUS) / np.log(LARGE_CORPUS / SMALL_CORPUS)
    power = MAX_POWER - (MAX_POWER - 1.0) * min(growth, 1.0)
    return np.asarray(rarity**power, dtype=np.float32)
