from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.clusters.cluster_names import name_clusters
from subscriptions.matching.clusters.interest_clusters import (
    divide_examples,
    find_clusters,
    nearer_to_second,
)
from tests.examples import examples
from tests.subscriptions.two_interests import (
    ABOUT_BRIDGES,
    ABOUT_REEFS,
    REEFS,
    learn_meanings,
    papers_of,
)

LEXICON = learn_meanings({"reefs": ABOUT_REEFS, "bridges": ABOUT_BRIDGES})


def keys(papers: list[PaperText]) -> tuple[str, ...]:
    return tuple(paper.key for paper in papers)


def test_two_subjects_are_two_clusters_the_larger_first() -> None:
    clusters = find_clusters([*ABOUT_BRIDGES[:3], *ABOUT_REEFS], LEXICON)
    assert clusters is not None
    assert [cluster.keys for cluster in clusters] == [keys(ABOUT_REEFS), keys(ABOUT_BRIDGES[:3])]


@settings(max_examples=examples(30), deadline=None)
@given(st.permutations([*ABOUT_REEFS, *ABOUT_BRIDGES]))
def test_the_order_of_examples_does_not_matter(examples: list[PaperText]) -> None:
    clusters = find_clusters(examples, LEXICON)
    assert clusters is not None
    assert {frozenset(cluster.keys): cluster.words for cluster in clusters} == {
        frozenset(keys(ABOUT_REEFS)): name(ABOUT_REEFS, ABOUT_BRIDGES),
        frozenset(keys(ABOUT_BRIDGES)): name(ABOUT_BRIDGES, ABOUT_REEFS),
    }


def test_one_subject_is_not_divided() -> None:
    more = [PaperText(f"more{n}", *text) for n, text in enumerate(REEFS)]
    assert find_clusters([*ABOUT_REEFS, *more], LEXICON) is None


def test_subjects_with_much_in_common_are_not_divided() -> None:
    near = learn_meanings({"reefs": ABOUT_REEFS, "bridges": ABOUT_BRIDGES}, shared=3.0)
    assert find_clusters([*ABOUT_REEFS, *ABOUT_BRIDGES], near) is None


@pytest.mark.parametrize(
    "examples",
    [
        [],
        ABOUT_REEFS[:3] + ABOUT_BRIDGES[:2],
        ABOUT_REEFS + ABOUT_BRIDGES[:2],
        [PaperText(str(n), "") for n in range(8)],
        [PaperText(str(n), "Words that no paper has") for n in range(8)],
    ],
    ids=["none", "five", "two outliers", "empty", "unknown words"],
)
def test_few_or_empty_examples_are_not_divided(examples: list[PaperText]) -> None:
    assert find_clusters(examples, LEXICON) is None


def test_a_lexicon_without_embeddings_divides_nothing() -> None:
    small = Lexicon.learn([*ABOUT_REEFS, *ABOUT_BRIDGES])
    assert find_clusters([*ABOUT_REEFS, *ABOUT_BRIDGES], small) is None


def test_the_smaller_cluster_is_marked() -> None:
    flags = divide_examples([*ABOUT_REEFS, *ABOUT_BRIDGES[:3]], LEXICON)
    assert flags is not None
    assert flags.tolist() == [False] * 4 + [True] * 3


def test_other_papers_belong_to_the_nearer_cluster() -> None:
    others = [ABOUT_BRIDGES[3], ABOUT_REEFS[3]]
    flags = nearer_to_second(others, ABOUT_REEFS[:3], ABOUT_BRIDGES[:3], LEXICON)
    assert flags.tolist() == [True, False]
    assert not nearer_to_second([], ABOUT_REEFS, ABOUT_BRIDGES, LEXICON).size


def name(first: list[PaperText], second: list[PaperText]) -> tuple[str, ...]:
    lexicon = learn_meanings({"first": first, "second": second})
    return name_clusters(first, second, lexicon)[0]


def test_names_are_whole_phrases_as_the_abstracts_write_them() -> None:
    assert name(ABOUT_REEFS, ABOUT_BRIDGES) == ("coral bleaching", "reefs", "CO2 uptake")
    assert name(ABOUT_BRIDGES, ABOUT_REEFS) == ("steel cables", "suspension bridge")


def test_names_have_no_filler_nor_address() -> None:
    words = " ".join([*name(ABOUT_REEFS, ABOUT_BRIDGES), *name(ABOUT_BRIDGES, ABOUT_REEFS)])
    assert not {"proposed", "novel", "study", "com"} & set(words.lower().split())


def test_a_filler_stays_where_it_belongs_to_the_subject() -> None:
    scans = papers_of([("Scans", f"We use a {n} point cloud.") for n in ("new", "sparse")], "s")
    assert name(scans, ABOUT_BRIDGES)[0] == "point cloud"


def test_a_phrase_of_both_clusters_names_neither() -> None:
    both = "Finite elements are used. Finite elements are useful."
    first, second = (
        [replace(paper, abstract=f"{paper.abstract} {both}") for paper in papers]
        for papers in (ABOUT_REEFS, ABOUT_BRIDGES)
    )
    assert "finite elements" not in " ".join([*name(first, second), *name(second, first)]).lower()


def test_papers_without_a_common_phrase_have_no_names() -> None:
    others = papers_of([("Whales", ""), ("Tides", ""), ("Salt", "")], "o")
    assert name(others, ABOUT_BRIDGES) == ()
