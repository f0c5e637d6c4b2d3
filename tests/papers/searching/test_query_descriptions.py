from __future__ import annotations

import pytest
from django.utils import translation
from hypothesis import given

from papers.searching.queries import parse_query
from papers.searching.query_descriptions import describe
from tests.papers.searching.test_queries import TYPED


@pytest.mark.parametrize(
    ("typed", "description"),
    [
        ("", ""),
        ("long context", "“long” and “context”"),
        ('title:"sparse attention" -survey', "title contains “sparse attention”, not “survey”"),
        ("(a OR b c) d", "“d”, (“a” or “b” and “c”)"),
        ("-(title:a OR abstract:beg*)", "not (abstract contains “beg…” or title contains “a”)"),
        ("author:hinton cat:cs.CL has:code", "by “hinton”, in cs.CL, with code"),
        ("is:trending is:picked", "picked by a curator, trending"),
        ("venue:nature source:arxiv", "from the source “arxiv”, published in “nature”"),
        ("transf* since:7d", "in the last 7 days, “transf…”"),
        ("date:2026-04-01..2026-04-15", "from 1 April 2026 to 15 April 2026"),
        ("date:2026-04-01", "on 1 April 2026"),
        ("since:2026-04-01", "since 1 April 2026"),
        ("until:yesterday", "until yesterday"),
        ("doi:10.1000/x OR 2401.00001", "(DOI 10.1000/x or arXiv 2401.00001)"),
    ],
)
def test_a_query_is_described_in_words(typed: str, description: str) -> None:
    assert describe(parse_query(typed).tree) == description


def test_a_description_is_translated() -> None:
    with translation.override("de"):
        assert (
            describe(parse_query("title:a NOT has:code").tree)
            == "Titel enthält „a“, nicht mit Code"
        )


@given(TYPED)
def test_every_query_can_be_described(typed: str) -> None:
    tree = parse_query(typed).tree
    assert bool(describe(tree)) == bool(tree)
