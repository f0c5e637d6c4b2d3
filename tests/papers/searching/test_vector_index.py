from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pgvector import HalfVector

from papers.models import Paper, PaperVector
from papers.searching import vector_index

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]
WIDTH = 16


@pytest.fixture
def vectors() -> vector_index.Vector:
    rows = np.random.default_rng(7).standard_normal((60, WIDTH), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def papers(make_paper: MakePaper, vectors: vector_index.Vector) -> list[Paper]:
    papers = [make_paper(f"Paper {number}") for number in range(len(vectors))]
    for paper, vector in zip(papers, vectors, strict=True):
        store_vector(paper, vector)
    return papers


def store_vector(paper: Paper, vector: vector_index.Vector, version: str = "one") -> None:
    PaperVector.objects.create(paper=paper, version=version, vector=HalfVector(vector))


def test_the_nearest_papers_have_the_greatest_products(
    papers: list[Paper], vectors: vector_index.Vector
) -> None:
    exact = [papers[place].pk for place in np.argsort(-(vectors @ vectors[3]))]
    index = vector_index.current_index("one")
    assert index.nearest(vectors[3], 1) == [papers[3].pk]
    assert len(set(index.nearest(vectors[3], 20)) & set(exact[:20])) >= 19
    assert sorted(index.nearest(vectors[3], 1000)) == sorted(exact)


def test_a_search_among_some_papers_finds_no_others(
    papers: list[Paper], vectors: vector_index.Vector
) -> None:
    some = [paper.pk for paper in papers[10:13]]
    index = vector_index.current_index("one")
    assert sorted(index.nearest(vectors[3], 5, among=[*some, 0])) == some
    assert index.nearest(vectors[3], 5, among=[]) == []


def test_new_and_changed_vectors_are_used_at_the_next_search(
    papers: list[Paper], vectors: vector_index.Vector, make_paper: MakePaper
) -> None:
    before = vector_index.current_index("one")
    assert vector_index.current_index("one") is before
    PaperVector.objects.filter(paper=papers[3]).delete()
    store_vector(papers[3], -vectors[3])
    added = make_paper("One more")
    store_vector(added, vectors[3])
    index = vector_index.current_index("one")
    assert index.nearest(vectors[3], 1) == [added.pk]
    assert index.nearest(vectors[3], 1000)[-1] == papers[3].pk
    assert len(index.papers) == len(papers) + 1
    assert before.nearest(vectors[3], 1) == [papers[3].pk], "an index in use does not change"


def test_versions_are_separate(papers: list[Paper], vectors: vector_index.Vector) -> None:
    store_vector(papers[0], vectors[0], "two")
    assert vector_index.current_index("two").nearest(vectors[0], 9) == [papers[0].pk]
    assert vector_index.current_index("none").nearest(vectors[0], 9) == []
