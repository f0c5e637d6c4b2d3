from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from papers.models import Observation, Paper
from papers.searching import indexing, query_tree
from papers.searching.conditions import matching_papers
from papers.searching.queries import parse_query
from papers.searching.query_tree import Node, conjunction, disjunction, negation
from papers.searching.strict_matching import match_queries
from tests.examples import examples
from tests.papers.searching.test_queries import TYPED

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]
TITLES = ("Sparse attention", "Dense attention maps", "Pre-training of maps", "Pretraining, sparse")
AUTHORS = ("Ada Lovelace", "Geoffrey Hinton", "Jürgen Müller")
LEAVES = (
    *("sparse", "attention", "maps", "pre training", "pretraining", "the", "sparse attention"),
    *('"attention maps"', "title:dense", "abstract:sparse", "atten*", "title:pre*", "title:the"),
    *("author:hinton", 'author:"j mueller"', "cat:cs", "cat:cs.CL", 'subject:"cell biology"'),
    *("venue:nature", "venue:nat*", "doi:10.1000*", "doi:10.1000/x", "source:arxiv", "source:hf"),
    *("has:code", "is:trending", "is:picked", "since:7d", "until:2026-03", "date:2026-04-30"),
)
EXAMPLES = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def combine(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Return larger trees made of `nodes`."""
    several = st.lists(nodes, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda group: conjunction(group) or group[0]),
        several.map(lambda group: disjunction(group) or group[0]),
        nodes.map(negation),
    )


TREES = st.recursive(
    st.sampled_from([tree for text in LEAVES if (tree := parse_query(text).tree)]),
    combine,
    max_leaves=8,
)
QUERIES = st.lists(TREES.map(query_tree.write) | TYPED, min_size=1, max_size=12)


@pytest.fixture
def papers(make_paper: MakePaper, now: datetime) -> list[Paper]:
    papers = [
        make_paper(
            f"{TITLES[number % 4]} {number}",
            abstract=("Nothing.", "Sparse maps of the brain.", "")[number % 3],
            authors=[AUTHORS[number % 3]],
            categories=[["cs.CL"], ["cs.LG", "stat.ML"], ["Cell_Biology"], []][number % 4],
            journal_ref="Nature 7" if number % 5 == 0 else "",
            doi=f"10.1000/{'x' * number}" if number % 3 == 1 else None,
            code_url="https://example.org/code" if number % 2 else "",
            standing=number % 3 - 1,
            featured=number % 7 == 0,
            listed_on=date(2026, 3 + number % 2, 30),
            text_source="arxiv-rss" if number % 2 else "feed",
        )
        for number in range(14)
    ]
    for paper in papers[::4]:
        Observation.objects.create(paper=paper, kind="hf-daily", observed_at=now, votes=1)
    indexing.index_changed(now)
    return [*papers, make_paper("Sparse attention that is not indexed")]


def match_each(queries: Sequence[str], pks: Sequence[int], today: date) -> dict[str, list[int]]:
    """Return the matches of each query by a query of its own."""
    rows = Paper.objects.filter(pk__in=pks)
    matches = {}
    for query in queries:
        found = matching_papers(parse_query(query).tree, rows, today).values_list("pk", flat=True)
        matches[query] = [pk for pk in pks if pk in set(found)]
    return matches


@EXAMPLES
@given(queries=QUERIES)
def test_matching_many_queries_equals_matching_each(
    papers: list[Paper], now: datetime, queries: list[str]
) -> None:
    pks = [paper.pk for paper in papers[::-1]]
    assert match_queries(queries, pks, now.date()) == match_each(queries, pks, now.date())


def test_only_the_given_papers_match_in_their_order(papers: list[Paper]) -> None:
    pks = [papers[4].pk, papers[0].pk, papers[0].pk, 10**9]
    assert match_queries(["sparse", "dense"], pks) == {"sparse": pks[:2], "dense": []}


def test_equal_queries_are_matched_once(papers: list[Paper]) -> None:
    typed = ["sparse OR dense", "dense || sparse", "(dense) OR (sparse)"]
    matches = match_queries(typed, [paper.pk for paper in papers])
    assert len({id(found) for found in matches.values()}) == 1


def test_the_number_of_statements_does_not_depend_on_the_number_of_queries(
    papers: list[Paper],
) -> None:
    pks = [paper.pk for paper in papers]
    counts = []
    for queries in (["sparse has:code"], [f"{leaf} sparse has:code" for leaf in LEAVES]):
        with CaptureQueriesContext(connection) as statements:
            match_queries(queries, pks)
        counts.append(len(statements))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("queries", [[], ["", "-sparse", "the of", "title:"]])
def test_queries_without_anything_to_find_match_nothing(
    papers: list[Paper], queries: list[str]
) -> None:
    assert match_queries(queries, [paper.pk for paper in papers]) == {q: [] for q in queries}
    assert match_queries(["sparse"], []) == {"sparse": []}
