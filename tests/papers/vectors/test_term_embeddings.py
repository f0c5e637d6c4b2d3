"""Meanings are learnt from the papers' own texts: titles, abstracts, and halves of abstracts."""

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
    """Of eight subjects in turn, each of a few words drawn from its subject's own."""
    rng = np.random.default_rng(3)
    return [_paper(n, rng.permutation(WORDS)[:9]) for n in range(PAPERS)]


@pytest.fixture(scope="module")
def lexicon(papers: list[PaperText]) -> Lexicon:
    return Lexicon.learn(papers)


def _paper(number: int, words: np.ndarray) -> PaperText:
    said = [f"subject{number % SUBJECTS}word{word}" for word in words]
    pairs = zip(said[1::2], said[2::2], strict=True)
    sentences = [f"Here {one} {other} says." for one, other in pairs]
    return PaperText(str(number), said[0], " ".join(sentences), authors=(f"Author {number % 9}",))


def test_papers_without_a_word_in_common_lie_near_by_their_subject(lexicon: Lexicon) -> None:
    same = [_paper(0, np.arange(9)), _paper(0, np.arange(9, 18))]
    apart = _paper(1, np.arange(9))
    one, other, third = lexicon.embed(lexicon.vectors([*same, apart]))
    assert one @ other > 0.5 > abs(one @ third) + 0.2


def test_who_wrote_a_paper_is_not_learnt(papers: list[PaperText], lexicon: Lexicon) -> None:
    nameless = [replace(paper, authors=()) for paper in papers]
    assert Lexicon.learn(nameless).version == lexicon.version


def test_halves_of_an_abstract_are_drawn_by_chance_and_are_the_whole_of_it() -> None:
    counts = sparse.csr_matrix(np.arange(1, 15, dtype=np.float32).reshape(7, 2))
    owners = np.array([0, 0, 0, 1, 3, 3, 3])  # one sentence is no two halves, nor is none
    rows = sparse.csr_matrix((4, 2), dtype=np.float32)
    corpus = Corpus(rows, rows, rows, counts, owners, weigh=lambda summed: summed)
    rng = np.random.default_rng(0)
    drawn = [corpus.random_halves(rng) for _ in range(9)]
    for ones, others in drawn:
        assert (ones + others).toarray().tolist() == [[9, 12], [33, 36]]
        assert ones.toarray().all()
        assert others.toarray().all()
    assert len({ones.toarray().tobytes() for ones, _others in drawn}) > 2
