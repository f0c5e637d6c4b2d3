"""Papers on two subjects, and lexicons whose embeddings tell them apart."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np

from papers.models import Paper, StoredLexicon
from papers.vectors.lexicon import METHOD, Lexicon, PaperText
from papers.vectors.quantized_rows import QuantizedRows
from papers.vectors.terms import extract_words, ids_of_all

REEFS = [
    ("Novel Coral Bleaching on Warm Reefs", "We study coral bleaching at https://reef.example.com"),
    ("Coral Bleaching and CO2", "The proposed coral bleaching model measures CO2 uptake of reefs."),
    ("Fish of Reefs", "Coral bleaching drives fish away. CO2 uptake is low."),
    ("Sponges on Reefs", "Sponges survive coral bleaching and CO2 uptake."),
]
BRIDGES = [
    ("Cables of Suspension Bridges", "A suspension bridge hangs on steel cables."),
    ("Wind and the Suspension Bridge", "Wind moves a suspension bridge; steel cables hold it."),
    ("Rust of Steel Cables", "The proposed method finds rust in steel cables of bridges."),
    ("Towers of a Suspension Bridge", "Towers carry steel cables."),
]


def papers_of(texts: list[tuple[str, str]], prefix: str) -> list[PaperText]:
    return [PaperText(f"{prefix}{n}", *text) for n, text in enumerate(texts)]


ABOUT_REEFS, ABOUT_BRIDGES = papers_of(REEFS, "reef"), papers_of(BRIDGES, "bridge")


def learn_meanings(subjects: dict[str, list[PaperText]], shared: float = 0.0) -> Lexicon:
    """Return a lexicon in which the words of each subject have a direction of their own.

    `shared` is the share of a direction that all subjects have in common.
    """
    lexicon = Lexicon.learn([paper for papers in subjects.values() for paper in papers])
    embeddings = np.zeros((lexicon.size, len(subjects) + 1), dtype=np.float32)
    embeddings[:, -1] = shared
    for axis, papers in enumerate(subjects.values()):
        words = {w for p in papers for w in extract_words(f"{p.title}. {p.abstract}")}
        embeddings[lexicon.unique_columns_of(ids_of_all(sorted(words))), axis] += 1.0
    columns = np.arange(lexicon.size, dtype=np.int32)
    # Vectors are cached by version.
    version = f"{METHOD}-{zlib.crc32(embeddings.tobytes())}"
    rows = QuantizedRows.quantize(embeddings)
    return replace(lexicon, version=version, embedded_columns=columns, embeddings=rows)


def store_papers(
    make_paper: Callable[..., Paper], now: datetime
) -> tuple[list[Paper], list[Paper]]:
    """Store the papers on reefs and on bridges, and a lexicon that tells them apart."""
    reefs, bridges = (
        [make_paper(title, abstract=abstract) for title, abstract in texts]
        for texts in (REEFS, BRIDGES)
    )
    lexicon = learn_meanings({"reefs": ABOUT_REEFS, "bridges": ABOUT_BRIDGES})
    StoredLexicon.objects.create(
        version=lexicon.version, data=lexicon.dumps(), papers=8, made_at=now
    )
    return reefs, bridges
