from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from papers.vectors import paper_vectors
from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.quantized_rows import QuantizedRows

PAPERS = [PaperText(str(n), f"one two word{n % 3}", f"said of word{n} and two") for n in range(12)]
LEXICON = Lexicon.learn(PAPERS)
EMBEDDED = replace(
    LEXICON,
    version="with embeddings",
    embedded_columns=np.arange(LEXICON.size, dtype=np.int32),
    embeddings=QuantizedRows.quantize(
        np.random.default_rng(1).standard_normal((LEXICON.size, 256), dtype=np.float32)
    ),
)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    paper_vectors._cache_for.cache_clear()


@pytest.mark.parametrize("lexicon", [LEXICON, EMBEDDED])
def test_cached_vectors_are_those_of_the_lexicon(lexicon: Lexicon) -> None:
    typed = PaperText("", "two of word1")
    for some in (PAPERS[:5], [PAPERS[8], typed, PAPERS[2], PAPERS[8]], [], [typed], PAPERS[::-1]):
        rows, embeddings, _shares = paper_vectors.paper_vectors(lexicon, some)
        expected = lexicon.vectors(some)
        assert np.array_equal(rows.toarray(), expected.toarray())
        assert rows.shape == (len(some), lexicon.size)
        assert np.allclose(embeddings, lexicon.embed(expected), atol=1e-6)
        assert embeddings.shape == (len(some), lexicon.embeddings.width)


def test_typed_texts_are_not_cached_and_papers_are_evicted_by_last_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paper_vectors, "CACHE_SIZE", 4)
    for some in (PAPERS[:3], [PAPERS[0], PaperText("", "two")], PAPERS[5:7], PAPERS):
        rows, _embeddings, _shares = paper_vectors.paper_vectors(LEXICON, some)
        assert np.array_equal(rows.toarray(), LEXICON.vectors(some).toarray())
    cached = paper_vectors._cache_for(LEXICON.version)._rows
    assert list(cached) == [PAPERS[2], PAPERS[0], *PAPERS[5:7]]


def test_changed_texts_and_other_lexicons_get_separate_vectors() -> None:
    paper = PAPERS[0]
    changed = replace(paper, title="two two word2")
    other = Lexicon.learn(PAPERS[:6])
    for lexicon, text in ((LEXICON, paper), (LEXICON, changed), (other, paper)):
        rows, _embeddings, _shares = paper_vectors.paper_vectors(lexicon, [text])
        assert np.array_equal(rows.toarray(), lexicon.vectors([text]).toarray())
