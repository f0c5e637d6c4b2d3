"""Embeddings are learnt from titles, abstracts, and halves of abstracts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.term_embeddings import Corpus

SUBJECTS, WORDS, PAPERS = 8, 24, 2400


@pytest.fixture(scope="module")
def papers() -> list[PaperText]:
    """Return papers of eight subjects in turn, with random words of their subject."""
    rng = np.random.default_rng(3)
    return [_paper(n, rng.permutation(WORDS)[:9]) for n in range(PAPERS)]


@pytest.fixture(scope="module")
def lexicon(papers: list[PaperText]) -> Lexicon:
    return Lexicon.learn(papers)


def _paper(number: int, words: np.ndarray) -> PaperText:
    names = [f"subject{number % SUBJECTS}word{word}" for word in words]
    pairs = zip(names[1::2], names[2::2], strict=True)
    sentences = [f"Here {left} {right} says." for left, right in pairs]
    return PaperText(str(number), names[0], " ".join(sentences), authors=(f"Author {number % 9}",))


def test_papers_of_one_subject_are_close_without_common_words(lexicon: Lexicon) -> None:
    same = [_paper(0, np.arange(9)), _paper(0, np.arange(9, 18))]
    apart = _paper(1, np.arange(9))
    first, second, third = lexicon.embed(lexicon.vectors([*same, apart]))
    assert first @ second > 0.5 > abs(first @ third) + 0.2


@pytest.mark.parametrize("phrase", ["subject1word2 of subject1word3", "says subject2word1", "new"])
def test_a_phrase_has_the_embedding_of_a_paper_with_its_words(
    lexicon: Lexicon, phrase: str
) -> None:
    [expected] = lexicon.embed(lexicon.vectors([PaperText("", phrase)]))
    assert lexicon.embed_phrase(phrase) == pytest.approx(expected, abs=1e-6)


def test_authors_are_not_learnt_from(papers: list[PaperText]) -> None:
    some = papers[:400]
    nameless = [replace(paper, authors=()) for paper in some]
    assert Lexicon.learn(nameless).version == Lexicon.learn(some).version


def test_random_halves_add_up_to_the_abstract() -> None:
    counts = sparse.csr_matrix(np.arange(1, 15, dtype=np.float32).reshape(7, 2))
    owners = np.array([0, 0, 0, 1, 3, 3, 3])  # a single sentence and no sentence have no halves
    rows = sparse.csr_matrix((4, 2), dtype=np.float32)
    corpus = Corpus(rows, rows, rows, counts, owners, weigh=lambda summed: summed)
    rng = np.random.default_rng(0)
    drawn = [corpus.random_halves(rng) for _ in range(9)]
    for ones, others in drawn:
        assert (ones + others).toarray().tolist() == [[9, 12], [33, 36]]
        assert ones.toarray().all()
        assert others.toarray().all()
    assert len({ones.toarray().tobytes() for ones, _others in drawn}) > 2
