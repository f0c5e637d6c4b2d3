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
    found = np.random.default_rng(7).standard_normal((60, WIDTH), dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def papers(make_paper: MakePaper, vectors: vector_index.Vector) -> list[Paper]:
    made = [make_paper(f"Paper {number}") for number in range(len(vectors))]
    for paper, vector in zip(made, vectors, strict=True):
        mean(paper, vector)
    return made


def mean(paper: Paper, vector: vector_index.Vector, version: str = "one") -> None:
    PaperVector.objects.create(paper=paper, version=version, vector=HalfVector(vector))


def test_the_nearest_are_those_of_the_greatest_product(
    papers: list[Paper], vectors: vector_index.Vector
) -> None:
    exact = [papers[place].pk for place in np.argsort(-(vectors @ vectors[3]))]
    known = vector_index.current_index("one")
    assert known.nearest(vectors[3], 1) == [papers[3].pk]
    assert len(set(known.nearest(vectors[3], 20)) & set(exact[:20])) >= 19
    assert sorted(known.nearest(vectors[3], 1000)) == sorted(exact)


def test_only_those_among_which_to_look_are_found(
    papers: list[Paper], vectors: vector_index.Vector
) -> None:
    some = [paper.pk for paper in papers[10:13]]
    known = vector_index.current_index("one")
    assert sorted(known.nearest(vectors[3], 5, among=[*some, 0])) == some
    assert known.nearest(vectors[3], 5, among=[]) == []


def test_what_is_new_or_changed_comes_in_at_the_next_search(
    papers: list[Paper], vectors: vector_index.Vector, make_paper: MakePaper
) -> None:
    before = vector_index.current_index("one")
    assert vector_index.current_index("one") is before
    PaperVector.objects.filter(paper=papers[3]).delete()
    mean(papers[3], -vectors[3])
    added = make_paper("One more")
    mean(added, vectors[3])
    known = vector_index.current_index("one")
    assert known.nearest(vectors[3], 1) == [added.pk]
    assert known.nearest(vectors[3], 1000)[-1] == papers[3].pk
    assert len(known.papers) == len(papers) + 1
    assert before.nearest(vectors[3], 1) == [papers[3].pk], "who still uses it sees no change"


def test_versions_are_apart(papers: list[Paper], vectors: vector_index.Vector) -> None:
    mean(papers[0], vectors[0], "two")
    assert vector_index.current_index("two").nearest(vectors[0], 9) == [papers[0].pk]
    assert vector_index.current_index("none").nearest(vectors[0], 9) == []
