from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from papers.models import Observation, Paper
from papers.searching import indexing, search
from papers.searching.conditions import matching_papers
from papers.searching.queries import parse_query

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]
Library = dict[str, Paper]


@pytest.fixture
def library(make_paper: MakePaper, now: datetime) -> Library:
    papers = {
        "sparse": make_paper(
            "Sparse attention for transformers",
            abstract="A survey of pretraining.",
            authors=["Ada Lovelace", "Geoffrey Hinton"],
            categories=["cs.CL", "cs.LG"],
            code_url="https://example.org/code",
            standing=1.5,
            text_source="arxiv-rss",
        ),
        "cells": make_paper(
            "Attention of cells",
            abstract="Sparse data. Pre-training of cells.",
            authors=["Jürgen Müller"],
            categories=["Cell_Biology"],
            journal_ref="Nature Physics 12 (2026)",
            doi="10.1000/xyz.1",
            featured=True,
            standing=-1,
            text_source="feed",
        ),
        "old": make_paper(
            "Transfer of GPT-4o",
            abstract="Nothing else.",
            categories=["stat.ML"],
            listed_on=date(2026, 3, 1),
            text_source="arxiv-oai",
        ),
    }
    Observation.objects.create(paper=papers["cells"], kind="hf-daily", observed_at=now, votes=3)
    indexing.index_changed(now)
    make_paper("Attention that is not indexed")
    return papers


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("sparse attention", {"sparse", "cells"}),
        ('"sparse attention"', {"sparse"}),
        ("sparse AND attention NOT survey", {"cells"}),
        ("survey OR transfer", {"sparse", "old"}),
        ("(survey OR transfer) -sparse", {"old"}),
        ("-sparse -transfer", set()),
        ("attention OR -sparse", {"sparse", "cells", "old"}),
        ("pretraining", {"sparse", "cells"}),
        ("pre training", {"sparse", "cells"}),
        ("transf*", {"sparse", "old"}),
        ("title:transf*", {"sparse", "old"}),
        ("abstract:transf*", set()),
        ("gpt-4*", {"old"}),
        ("gpt4*", {"old"}),
        ("title:sparse", {"sparse"}),
        ("title:(sparse OR cells)", {"sparse", "cells"}),
        ("abstract:sparse", {"cells"}),
        ("author:muller", {"cells"}),
        ('author:"g. hinton"', {"sparse"}),
        ("author:(hinton OR mueller)", {"sparse", "cells"}),
        ("cat:cs", {"sparse"}),
        ("cat:cs.LG", {"sparse"}),
        ("cat:cs.LG cat:stat.ML", {"sparse", "old"}),
        ("cat:cs.LG AND cat:stat.ML", set()),
        ("cat:cs.LG AND cat:cs.CL", {"sparse"}),
        ("NOT cat:cs attention", {"cells"}),
        ('subject:"cell biology"', {"cells"}),
        ("subject:cell", set()),
        ("venue:nature", {"cells"}),
        ('venue:"nature physics"', {"cells"}),
        ("venue:physic", set()),
        ("venue:physic*", {"cells"}),
        ("doi:10.1000/XYZ.1", {"cells"}),
        ("doi:10.1000*", {"cells"}),
        ("-doi:10.1000/xyz.1 date:2026", {"sparse", "old"}),
        ("source:arxiv", {"sparse", "old"}),
        ("source:arxiv-oai", {"old"}),
        ("source:huggingface", {"cells"}),
        ("attention -source:hf", {"sparse"}),
        ("has:code", {"sparse"}),
        ("date:2026 -has:code", {"cells", "old"}),
        ("is:trending", {"sparse"}),
        ("is:picked", {"cells"}),
        ("is:picked OR is:trending", {"sparse", "cells"}),
        ("title:transfer OR cat:cs", {"sparse", "old"}),
        ("date:2026-03", {"old"}),
        ("since:7d", {"sparse", "cells"}),
        ("until:7d", {"old"}),
        ("date:2026 -since:7d", {"old"}),
        ("the of", set()),
        ("the cat:cs", {"sparse"}),
        ("", set()),
    ],
)
def test_a_strict_query_matches(
    library: Library, now: datetime, typed: str, names: set[str]
) -> None:
    matches = matching_papers(parse_query(typed).tree, Paper.objects.all(), now.date())
    assert {name for name, paper in library.items() if paper in matches} == names
    assert len(matches) == len(names)


def test_an_arxiv_id_matches_its_paper(library: Library, now: datetime) -> None:
    paper = library["sparse"]
    for typed in (f"{paper.arxiv_id}", f"attention {paper.arxiv_id}", f"arxiv:{paper.arxiv_id}"):
        assert list(matching_papers(parse_query(typed).tree, Paper.objects.all())) == [paper]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("survey OR transfer", {"sparse", "old"}),
        ("title:transfer OR cat:cs", {"sparse", "old"}),
        ("attention (title:cells OR has:code)", {"sparse", "cells"}),
        ("attention -(title:cells OR has:code)", set()),
        ("has:code OR venue:nature", {"sparse", "cells"}),
        ("author:hinton OR venue:nature", {"sparse", "cells"}),
        ("sparse attention is:picked", {"cells"}),
        ("the has:code", {"sparse"}),
        ("transf* -title:sparse", {"old"}),
    ],
)
def test_search_finds_what_a_strict_query_matches(
    library: Library, typed: str, names: set[str]
) -> None:
    hits = search.search_papers(parse_query(typed)).pks
    assert {name for name, paper in library.items() if paper.pk in hits} == names


def test_relative_dates_count_from_the_given_day(library: Library, now: datetime) -> None:
    tree = parse_query("since:7d").tree
    for later, count in ((0, 2), (7, 2), (8, 0)):
        today = now.date() + timedelta(later)
        assert matching_papers(tree, Paper.objects.all(), today).count() == count


def test_an_unknown_id_finds_nothing(library: Library) -> None:
    assert search.search_papers(parse_query("2401.99999")).pks == []
