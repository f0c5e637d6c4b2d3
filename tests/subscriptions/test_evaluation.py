"""The evaluation gives no answer away: what competes is learnt from as little as what is right."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from papers.lexicon import Lexicon, PaperText
from subscriptions.evaluation import Case, Corpus, Product


def test_no_paper_of_a_pool_gives_its_authors_to_what_is_learnt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    papers = [PaperText(f"{n}", f"paper {n} on words", authors=("Ada",)) for n in range(6)]
    corpus = Corpus(papers, {"all": np.arange(6), "a day": np.array([1, 2, 3])})
    learn = Lexicon.learn
    given: list[list[str]] = []

    def noted(papers: Iterable[PaperText]) -> Lexicon:
        known = list(papers)
        given.append([paper.key for paper in known if paper.authors])
        return learn(known)

    monkeypatch.setattr(Lexicon, "learn", noted)
    for pool in ("a day", "all"):
        case = Case("reader", liked=(0,), text="", pool=pool, relevant=frozenset({2}))
        Product.of(corpus, [case])
        Product.of(corpus, [case], authorship=False)
    assert given == [["4", "5"], [], [], []]
