from __future__ import annotations

import pytest

from devtools.benchmarks import queries, synthetic_text
from papers.searching.queries import parse_query

pytestmark = pytest.mark.django_db


def test_strict_topics_are_timed_beside_one_statement_each() -> None:
    report = queries.measure(topics=100, candidates=40, sample=20)
    assert (report["topics"], report["papers"]) == (100, 40)
    assert report["distinct"] <= 60
    assert report["matches"] > 0
    assert report["ratio"] > 1
    assert "100 strict topics" in queries.table(report)


def test_the_queries_have_no_problems() -> None:
    typed = queries.make_queries(synthetic_text.papers(50), 200)
    assert len(typed) == 200
    assert [query for query in typed if parse_query(query).problems] == []
