from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from papers.searching.queries import MAX_LENGTH, MAX_TERMS, Query, parse_query

PIECES = st.sampled_from(
    ["author:", "cat:", "date:", "since:", "until:", '"', "-", "..", ":", " ", "or", "2026-04"]
)
TYPED = st.lists(PIECES | st.text(max_size=12), max_size=20).map("".join)


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("", Query()),
        ("  \t ", Query()),
        ("Long-Context models", Query(words=("long-context", "models"))),
        ('"chain of thought" agents', Query(words=("agents",), phrases=("chain of thought",))),
        ('never "closed', Query(words=("never",), phrases=("closed",))),
        ("vision -medical -'", Query(words=("vision",), excluded=("medical",))),
        ('-"large language"', Query(excluded=("large language",))),
        ("author:Müller", Query(authors=("müller",))),
        ("author: Schrödinger", Query(authors=("schrödinger",))),
        ("author:O’Brien", Query(authors=("o'brien",))),
        ('au:"Yann LeCun" jepa', Query(words=("jepa",), authors=("yann lecun",))),
        ("author:yann_lecun", Query(authors=("yann lecun",))),
        ("cat:cs.CL cat:stat.ML", Query(categories=("cs.CL", "stat.ML"))),
        ("cat:CS.cl cat:physics.AO-PH", Query(categories=("cs.CL", "physics.ao-ph"))),
        ("cat:quant-ph", Query(categories=("quant-ph",))),
        ("date:2026-04-30", Query(since=date(2026, 4, 30), until=date(2026, 4, 30))),
        ("date:2024-02", Query(since=date(2024, 2, 1), until=date(2024, 2, 29))),
        ("on:2025", Query(since=date(2025, 1, 1), until=date(2025, 12, 31))),
        ("date:2025..2026-04", Query(since=date(2025, 1, 1), until=date(2026, 4, 30))),
        ("since:2026-04", Query(since=date(2026, 4, 1))),
        ("to:2026-04", Query(until=date(2026, 4, 30))),
        ("date:2026-02-30 x", Query(words=("x",), ignored=("date:2026-02-30",))),
        ("date:0000", Query(ignored=("date:0000",))),
        ("cat:%", Query(ignored=("cat:%",))),
        ("http://arxiv.org/abs/2401.00001v2", Query(arxiv_ids=("2401.00001",))),
        ("hep-th/9901001", Query(arxiv_ids=("hep-th/9901001",))),
        ("note:this", Query(words=("this",), unknown=("note",))),
        ("“chain of thought” x", Query(words=("x",), phrases=("chain of thought",))),
        ("title:diffusion", Query(titles=("diffusion",))),
        ('ti:"long context" abs:memory', Query(titles=("long context",), abstracts=("memory",))),
        ("title: diffusion", Query(titles=("diffusion",))),
        ("author:", Query(ignored=("author:",))),
        ("author: cat:cs.CL", Query(categories=("cs.CL",), ignored=("author:",))),
        ('author:""', Query(ignored=('author:""',))),
        ("cat:", Query(ignored=("cat:",))),
        ("date: 2026-04-30", Query(since=date(2026, 4, 30), until=date(2026, 4, 30))),
        ("BERT: pre-training", Query(words=("bert", "pre-training"))),
        ("BERT:pre-training", Query(phrases=("bert pre-training",))),
        ("to: here", Query(words=("to", "here"))),
        ("encoder/decoder (RLHF), please", Query(words=("encoder", "decoder", "rlhf", "please"))),
        ("C++ Node.js", Query(words=("c++", "node.js"))),
        ("扩散模型，采样", Query(words=("扩散模型", "采样"))),
        ("doi:10.1000/XYZ.1", Query(dois=("10.1000/xyz.1",))),
        ("https://doi.org/10.1000/xyz", Query(dois=("10.1000/xyz",))),
        ("(2401.00001)", Query(arxiv_ids=("2401.00001",))),
        ("how can I make LLM inference cheaper?", Query(words=("llm", "inference", "cheaper"))),
        ("papers about robots", Query(words=("robots",))),
        ("show me robots that learn", Query(words=("robots", "learn"))),
        ("is attention all you need?", Query(words=("attention", "all"))),
        ("attention is all you need", Query(words=("attention", "is", "all", "you", "need"))),
        ('"how to" make', Query(words=("make",), phrases=("how to",))),
        ("what is this?", Query(words=("what", "is", "this"))),
        ("twice twice", Query(words=("twice",))),
        ("!!! ??? *", Query()),
    ],
)
def test_typed_queries_are_parsed(typed: str, query: Query) -> None:
    assert parse_query(typed) == query


@given(TYPED)
@example("0»")  # a mark that folding makes a quotation mark
def test_the_normal_form_parses_to_the_same_query(typed: str) -> None:
    query = parse_query(typed)
    again = parse_query(str(query))
    fields = {
        name: getattr(query, name) for name in Query.__slots__ if name not in ("ignored", "unknown")
    }
    assert len(str(query)) > MAX_LENGTH or again == Query(**fields)


@given(st.text(max_size=3 * MAX_LENGTH))
def test_no_query_is_too_long(typed: str) -> None:
    query = parse_query(typed)
    tuples = [value for name in Query.__slots__ if isinstance(value := getattr(query, name), tuple)]
    assert sum(map(len, tuples)) <= MAX_TERMS
    assert bool(query) == bool(str(query).replace(" ", "")) or query.excluded


def test_an_unknown_field_comes_with_a_suggestion() -> None:
    assert parse_query("autor:hinton").suggested_fields == ("author",)
    assert parse_query("venue:neurips").suggested_fields == ()


def test_a_misspelt_word_is_replaced_in_place() -> None:
    query = parse_query('difusion "of video" author:"jonathon ho" cat:cs.CV')
    corrected = query.with_corrections({"difusion": "diffusion", "jonathon": "jonathan"})
    assert str(corrected) == 'diffusion "of video" author:"jonathan ho" cat:cs.CV'
