from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from papers.vectors import paper_vectors
from papers.vectors.lexicon import Lexicon, PaperText

PAPERS = [PaperText(str(n), f"one two word{n % 3}", f"said of word{n} and two") for n in range(12)]
LEXICON = Lexicon.learn(PAPERS)
MEANT = replace(
    LEXICON,
    version="with meanings",
    embedded_columns=np.arange(LEXICON.size, dtype=np.int32),
    embeddings=np.random.default_rng(1).standard_normal((LEXICON.size, 256)).astype(np.float16),
)


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    paper_vectors._cache_for.cache_clear()


@pytest.mark.parametrize("lexicon", [LEXICON, MEANT])
def test_kept_vectors_are_those_the_lexicon_makes(lexicon: Lexicon) -> None:
    typed = PaperText("", "two of word1")
    for some in (PAPERS[:5], [PAPERS[8], typed, PAPERS[2], PAPERS[8]], [], [typed], PAPERS[::-1]):
        rows, meanings = paper_vectors.paper_vectors(lexicon, some)
        wanted = lexicon.vectors(some)
        assert np.array_equal(rows.toarray(), wanted.toarray())
        assert rows.shape == (len(some), lexicon.size)
        assert np.allclose(meanings, lexicon.embed(wanted), atol=1e-6)
        assert meanings.shape == (len(some), lexicon.embeddings.shape[1])


def test_what_readers_typed_is_not_kept_and_of_papers_those_asked_for_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paper_vectors, "CACHE_SIZE", 4)
    for some in (PAPERS[:3], [PAPERS[0], PaperText("", "two")], PAPERS[5:7], PAPERS):
        rows, _meanings = paper_vectors.paper_vectors(LEXICON, some)
        assert np.array_equal(rows.toarray(), LEXICON.vectors(some).toarray())
    kept = paper_vectors._cache_for(LEXICON.version)._rows
    assert list(kept) == [PAPERS[2], PAPERS[0], *PAPERS[5:7]]


def test_a_paper_whose_text_changed_and_another_lexicon_get_vectors_of_their_own() -> None:
    paper = PAPERS[0]
    changed = replace(paper, title="two two word2")
    other = Lexicon.learn(PAPERS[:6])
    for lexicon, one in ((LEXICON, paper), (LEXICON, changed), (other, paper)):
        rows, _meanings = paper_vectors.paper_vectors(lexicon, [one])
        assert np.array_equal(rows.toarray(), lexicon.vectors([one]).toarray())
