"""Learn a starter lexicon from a collection of papers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from papers.vectors.lexicon import Lexicon, PaperText, count_terms
from papers.vectors.quantized_rows import QuantizedRows
from papers.vectors.starter import MAX_CODE, Starter
from papers.vectors.term_embeddings import Effort

# Terms of fewer papers are left out, for the size and so that no single paper can be recognised.
PAPERS_FOR_TERM = 10
PAPERS_FOR_EMBEDDING = 20
EFFORT = Effort(views=4, halves_passes=8)  # a starter is learnt once, so it may take longer


def learn_starter(papers: Sequence[PaperText], newest: str = "", learnt_from: str = "") -> Starter:
    """Learn a starter from the texts of `papers`; see `Starter` for the other arguments.

    The same papers in the same order give the same starter on the same kind of machine.
    """
    counts = count_terms(papers)
    ids, frequency = counts.document_frequencies()
    kept = frequency >= PAPERS_FOR_TERM
    coverage = float(frequency[kept].sum() / frequency.sum())
    ids, frequency = ids[kept], frequency[kept]
    lexicon = Lexicon.learn_from_counts(
        counts, len(papers), papers_for_meaning=PAPERS_FOR_EMBEDDING, effort=EFFORT
    )
    starter = Starter(
        ids,
        frequency.astype(np.uint32),
        lexicon.mean_length,
        len(papers),
        coverage,
        np.searchsorted(ids, lexicon.ids[lexicon.embedded_columns]).astype(np.int32),
        QuantizedRows.quantize(lexicon.embeddings.dequantize(), MAX_CODE),
        newest,
        learnt_from,
    )
    return Starter.loads(starter.dumps())  # with its tag
