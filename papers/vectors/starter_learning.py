"""Learn a starter lexicon from a collection of papers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from papers.vectors.lexicon import Lexicon, PaperText, count_terms
from papers.vectors.sparse_rows import find_sorted
from papers.vectors.starter import MAX_CODE, Starter

# Terms of fewer papers are left out, for the size and so that no single paper can be recognised.
PAPERS_FOR_TERM = 10
PAPERS_FOR_EMBEDDING = 20
WIDTH = 256  # of embeddings; fewer are the first principal directions


def learn_starter(papers: Sequence[PaperText], newest: str = "", learnt_from: str = "") -> Starter:
    """Learn a starter from the texts of `papers`; see `Starter` for the other arguments.

    The same papers in the same order give the same starter on the same kind of machine.
    """
    counts = count_terms(papers)
    ids, frequency = counts.document_frequencies()
    kept = frequency >= PAPERS_FOR_TERM
    ids, frequency = ids[kept], frequency[kept]
    lexicon = Lexicon.learn_from_counts(counts, len(papers))
    embedded = np.intersect1d(
        lexicon.ids[lexicon.embedded_columns], ids[frequency >= PAPERS_FOR_EMBEDDING]
    )
    _present, rows = find_sorted(lexicon.ids[lexicon.embedded_columns], embedded)
    codes, scales = _quantize(lexicon.embeddings[rows, :WIDTH])
    starter = Starter(
        ids,
        frequency.astype(np.uint32),
        lexicon.mean_length,
        len(papers),
        np.searchsorted(ids, embedded).astype(np.int32),
        codes,
        scales,
        newest,
        learnt_from,
    )
    return Starter.loads(starter.dumps())  # with its tag


def _quantize(embeddings: NDArray[np.float16]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Return codes (terms x width) and the scale of each row (terms)."""
    rows = embeddings.astype(np.float32)
    largest = np.abs(rows).max(axis=1, initial=0.0)
    # A scale rounded down could push the largest code out of range.
    scales = np.nextafter((largest / MAX_CODE).astype(np.float16), np.float16(np.inf))
    return np.rint(rows / scales[:, None].astype(np.float32)).astype(np.int8), scales
