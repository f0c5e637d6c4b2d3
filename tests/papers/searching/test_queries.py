from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from papers.searching import query_tree
from papers.searching.queries import MAX_LENGTH, MAX_PROBLEMS, MAX_WORDS, Query, parse_query
from papers.searching.query_parser import MAX_DEPTH, MAX_TERMS
from papers.searching.query_problems import MESSAGES, Kind, describe_problem
from papers.searching.query_tree import And, Dates, Node, Not, Or, Term, Words

FIELDS = ("title", "abstract", "author", "cat", "venue", "doi", "source", "has", "is", "note")
PIECES = st.sampled_from(
    [
        *(f"{name}:" for name in (*FIELDS, "date", "since")),
        *("7d", "2026-04", "[", " TO ", "]", "..", '"', "(", ")", "-", "+", "!", " ", ":", "*"),
        *("~", "^2", "\\", "[ti]", "code", "cs.CL", "10.1000/x(1)", "2401.00001", "and"),
        *(" AND ", " OR ", " NOT ", " ANDNOT ", "&&", " || "),
    ]
)
TYPED = st.lists(PIECES | st.text(max_size=6), max_size=25).map("".join)


def words(*texts: str) -> Words:
    return Words(texts)


def text(value: str) -> Term:
    return Term("", value)


def days(since: date | timedelta | None, until: date | timedelta | None = None) -> Dates:
    return Dates(since, until)


@pytest.mark.parametrize(
    ("typed", "tree"),
    [
        ("", None),
        ("  \t ", None),
        ("!!! ??? *", None),
        ("Long-Context models", words("long-context", "models")),
        ("twice twice", words("twice")),
        ("C++ Node.js", words("c++", "node.js")),
        ("扩散模型，采样", words("扩散模型", "采样")),
        ("BERT: pre-training", words("bert", "pre-training")),
        ("BERT:pre-training", text("bert pre-training")),
        ("encoder/decoder (RLHF), please", words("encoder", "decoder", "rlhf", "please")),
        ("f(x) = y - z", words("f", "x", "y", "z")),
        ("cats and dogs or not", words("cats", "and", "dogs", "or", "not")),
        ("to: here", words("to", "here")),
        ('"chain of thought" agents', And((words("agents"), text("chain of thought")))),
        ("“chain of thought” x", And((words("x"), text("chain of thought")))),
        ('never "closed', And((words("never"), text("closed")))),
    ],
)
def test_words_and_phrases_are_parsed(typed: str, tree: Node | None) -> None:
    assert parse_query(typed).tree == tree


@pytest.mark.parametrize(
    ("typed", "tree"),
    [
        ("vision -medical -'", And((words("vision"), Not(text("medical"))))),
        ('-"large language"', Not(text("large language"))),
        ("vision NOT medical", And((words("vision"), Not(text("medical"))))),
        ("vision !medical", And((words("vision"), Not(text("medical"))))),
        ("-encoder/decoder", Not(text("encoder/decoder"))),
        ("-cat:cs.CV", Not(Term("subject", "cs.CV"))),
        ("-(a OR b)", Not(Or((words("a"), words("b"))))),
        ("--a NOT NOT b", And((words("a"), text("b")))),
        ("+a b", And((words("b"), text("a")))),
        ("a AND b", And((text("a"), text("b")))),
        ("a && b", And((text("a"), text("b")))),
        ("(a b) AND c", And((text("a"), text("b"), text("c")))),
        ("a OR b", Or((words("a"), words("b")))),
        ("a || b", Or((words("a"), words("b")))),
        ("b OR a OR b", Or((words("a"), words("b")))),
        ("a OR b c", Or((words("a"), words("b", "c")))),
        ("(a OR b) c", And((words("c"), Or((words("a"), words("b")))))),
        ("a OR (b OR c)", Or((words("a"), words("b"), words("c")))),
        ("title:a ANDNOT b", And((Not(text("b")), Term("title", "a")))),
        ("transf*", Term("", "transf", is_prefix=True)),
        ("title:transf*", Term("title", "transf", is_prefix=True)),
    ],
)
def test_operators_are_parsed(typed: str, tree: Node) -> None:
    assert parse_query(typed).tree == tree


@pytest.mark.parametrize(
    ("typed", "tree"),
    [
        ("title:diffusion", Term("title", "diffusion")),
        ("Title: diffusion", Term("title", "diffusion")),
        ('ti:"long context" abs:memory', "abstract:memory title:long context"),
        ("title:(a OR b)", Or((Term("title", "a"), Term("title", "b")))),
        ("title:(a author:b)", And((Term("author", "b"), Term("title", "a")))),
        ("diffusion[ti]", Term("title", "diffusion")),
        ('"Ada Lovelace"[au]', Term("author", "ada lovelace")),
        ("[MASK] x[MASK]", words("mask", "x")),
        ("author:Müller", Term("author", "müller")),
        ("author: Schrödinger", Term("author", "schrödinger")),
        ("author:O’Brien", Term("author", "o'brien")),
        ("author:yann_lecun", Term("author", "yann lecun")),
        ("CS.cl", words("cs.cl")),
        ("cat:CS.cl", Term("subject", "cs.CL")),
        ("subject:physics.AO-PH", Term("subject", "physics.ao-ph")),
        ("cat:quant-ph", Term("subject", "quant-ph")),
        ("cat:cs.*", Term("subject", "cs")),
        ('subject:"Cell_Biology"', Term("subject", "cell biology")),
        ("cat:cs.CL cat:stat.ML", Or((Term("subject", "cs.CL"), Term("subject", "stat.ML")))),
        (
            "cat:cs.CL AND cat:stat.ML",
            And((Term("subject", "cs.CL"), Term("subject", "stat.ML"))),
        ),
        ('venue:"Nature Physics"', Term("venue", "nature physics")),
        ("source:arXiv", Term("source", "arxiv")),
        ("has:code", Term("has", "code")),
        ("is:Trending", Term("is", "trending")),
        ("http://arxiv.org/abs/2401.00001v2", Term("arxiv", "2401.00001")),
        ("arxiv: 2401.00001", Term("arxiv", "2401.00001")),
        ("(2401.00001)", Term("arxiv", "2401.00001")),
        ("hep-th/9901001", Term("arxiv", "hep-th/9901001")),
        ("doi:10.1000/XYZ.1", Term("doi", "10.1000/xyz.1")),
        ("https://doi.org/10.1000/xyz", Term("doi", "10.1000/xyz")),
        ("(10.1016/0370-2693(93)90012-X)", Term("doi", "10.1016/0370-2693(93)90012-x")),
        ("doi:10.1016*", Term("doi", "10.1016", is_prefix=True)),
        (
            "2401.00001 2401.00002",
            Or((Term("arxiv", "2401.00001"), Term("arxiv", "2401.00002"))),
        ),
    ],
)
def test_fields_are_parsed(typed: str, tree: Node | str) -> None:
    parsed = parse_query(typed).tree
    if isinstance(tree, str):
        assert query_tree.write(parsed).replace('"', "") == tree
    else:
        assert parsed == tree


@pytest.mark.parametrize(
    ("typed", "dates"),
    [
        ("date:2026-04-30", days(date(2026, 4, 30), date(2026, 4, 30))),
        ("date: 2026-04-30", days(date(2026, 4, 30), date(2026, 4, 30))),
        ("date:2024-02", days(date(2024, 2, 1), date(2024, 2, 29))),
        ("on:2025", days(date(2025, 1, 1), date(2025, 12, 31))),
        ("date:20250102", days(date(2025, 1, 2), date(2025, 1, 2))),
        ("date:2025..2026-04", days(date(2025, 1, 1), date(2026, 4, 30))),
        ("date:2026-04..", days(date(2026, 4, 1))),
        ("date:..2026-04", days(None, date(2026, 4, 30))),
        ("date:[2026-04-01 TO 2026-04-15]", days(date(2026, 4, 1), date(2026, 4, 15))),
        ("date:{2026-04-01 TO 2026-04-15}", days(date(2026, 4, 2), date(2026, 4, 14))),
        ("submittedDate:[202604010000 TO *]", days(date(2026, 4, 1))),
        ("date:>=2026-04", days(date(2026, 4, 1))),
        ("date:>2026-04", days(date(2026, 5, 1))),
        ("date:<2026-04", days(None, date(2026, 3, 31))),
        ("date:<=2026-04", days(None, date(2026, 4, 30))),
        ("since:2026-04", days(date(2026, 4, 1))),
        ("to:2026-04", days(None, date(2026, 4, 30))),
        ("since:7d", days(timedelta(7))),
        ("since:2w", days(timedelta(14))),
        ("date:today", days(timedelta(), timedelta())),
        ("until:yesterday", days(None, timedelta(1))),
        ("since:9999-12-31", days(date(9999, 12, 31))),
    ],
)
def test_dates_are_parsed(typed: str, dates: Dates) -> None:
    assert parse_query(typed) == Query(dates)


@pytest.mark.parametrize(
    ("typed", "rest", "problems"),
    [
        ("note:this x", "this x", [(Kind.UNKNOWN_FIELD, "note:")]),
        ("autor:hinton", "hinton", [(Kind.UNKNOWN_FIELD, "autor:")]),
        ("note:(a OR b)", "a OR b", [(Kind.UNKNOWN_FIELD, "note:")]),
        ("author: cat:cs.CL", "cat:cs.CL", [(Kind.NO_VALUE, "author:")]),
        ('author:"" x', "x", [(Kind.NO_VALUE, 'author:""')]),
        ("author:... x", "x", [(Kind.BAD_TEXT, "author:...")]),
        ("date:2026-02-30 x", "x", [(Kind.BAD_DATE, "date:2026-02-30")]),
        ("date:2026-05..2026-04 x", "x", [(Kind.BAD_DATE, "date:2026-05..2026-04")]),
        ("date:[2026 TO soon] x", "x", [(Kind.BAD_DATE, "date:[2026 TO soon]")]),
        ("date:0000 since:13d2", "", [(Kind.BAD_DATE, "date:0000"), (Kind.BAD_DATE, "since:13d2")]),
        ("date:{9999-12-31 TO *}", "", [(Kind.BAD_DATE, "date:{9999-12-31 TO *}")]),
        ("cat:% x", "x", [(Kind.BAD_SUBJECT, "cat:%")]),
        ("doi:abc x", "x", [(Kind.BAD_ID, "doi:abc")]),
        ("is:cool x", "x", [(Kind.BAD_CHOICE, "is:cool")]),
        ("source:nowhere x", "x", [(Kind.BAD_CHOICE, "source:nowhere")]),
        ('x "never closed', 'x "never closed"', [(Kind.OPEN_QUOTE, "never closed")]),
        ("(a OR b", "a OR b", [(Kind.OPEN_GROUP, "")]),
        ("a) b", "a b", [(Kind.UNOPENED_GROUP, "")]),
        ("a AND", "a", [(Kind.DANGLING, "AND")]),
        ("OR a", "a", [(Kind.DANGLING, "OR")]),
        ("a AND OR b", "a OR b", [(Kind.DANGLING, "AND")]),
        ("(NOT) a", "a", [(Kind.DANGLING, "NOT")]),
        ('"a b"~5 c^2', 'c 2 "a b"', [(Kind.UNSUPPORTED, "~5")]),
        ("(a OR b)^3", "a OR b", [(Kind.UNSUPPORTED, "^3")]),
        ("roam~0.8", "roam", [(Kind.UNSUPPORTED, "~0.8")]),
        ("tr* x", "tr x", [(Kind.WILDCARD, "tr*")]),
        ("te*t", "te t", [(Kind.WILDCARD, "te*t")]),
        ("-a -b", "-a -b", [(Kind.ONLY_EXCLUDED, "")]),
    ],
)
def test_problems_are_named_and_the_rest_counts(
    typed: str, rest: str, problems: list[tuple[Kind, str]]
) -> None:
    query = parse_query(typed)
    assert str(query) == rest
    assert [(problem.kind, problem.text) for problem in query.problems] == problems


def test_limits_are_named() -> None:
    def kinds(typed: str) -> list[Kind]:
        return [problem.kind for problem in parse_query(typed).problems]

    assert kinds("x " * MAX_LENGTH) == [Kind.TOO_MANY, Kind.TOO_LONG]
    assert kinds(" OR ".join(f"a{n}" for n in range(MAX_TERMS + 1))) == [Kind.TOO_MANY]
    assert kinds(" ".join(f"a{n}" for n in range(MAX_WORDS + 1))) == [Kind.TOO_MANY]
    assert kinds("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) == []
    assert Kind.TOO_DEEP in kinds("(" * 400 + "a OR b" + ")" * 400)
    assert str(parse_query("(" * 400 + "a OR b" + ")" * 400)) == "a OR b"


def test_every_problem_has_a_message() -> None:
    assert set(MESSAGES) == set(Kind)
    [problem] = parse_query("autor:hinton").problems
    assert describe_problem(problem) == (
        "“autor:” isn't a search field, so we searched for the text after it. Did you mean author:?"
    )
    [problem] = parse_query("zzz:hinton").problems
    assert "Search fields: title:, abstract:" in describe_problem(problem)


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("how can I make LLM inference cheaper?", "llm inference cheaper"),
        ("papers about robots", "robots"),
        ("show me robots that learn", "robots learn"),
        ("is attention all you need?", "attention all"),
        ("attention is all you need", "attention is all you need"),
        ('"how to" make', 'make "how to"'),
        ("what is this?", "what is this"),
    ],
)
def test_only_the_subject_of_a_question_counts(typed: str, left: str) -> None:
    assert str(parse_query(typed)) == left


@pytest.mark.parametrize("typed", ["sparse attention", "(sparse) attention", "how to (walk)?"])
def test_words_without_operators_are_plain(typed: str) -> None:
    assert parse_query(typed).is_plain


@pytest.mark.parametrize(
    "typed",
    ["a AND b", "a OR b", "+a", "a -b", '"a"', "title:a", "a cat:cs.CL", "abc*", "2401.00001", ""],
)
def test_operators_and_fields_need_strict_matching(typed: str) -> None:
    assert not parse_query(typed).is_plain


@given(TYPED)
@example("0»")  # a mark that folding makes a quotation mark
@example('("")(a')
@example('NOT "!title"')
@example("(10.1000/x(1)(")
@example("ſ: ı: K:")
def test_every_text_parses_and_its_normal_form_is_stable(typed: str) -> None:
    query = parse_query(typed)
    assert len(query.problems) <= MAX_PROBLEMS + 1
    assert all(describe_problem(problem) for problem in query.problems)
    written = str(query)
    again = parse_query(written)
    if len(written) <= MAX_LENGTH:
        assert again.tree == query.tree
        assert str(again) == written


@given(st.text(max_size=2 * MAX_LENGTH))
def test_no_query_is_too_large(typed: str) -> None:
    leaves = list(query_tree.positive_leaves(parse_query(typed).tree))
    assert len(leaves) <= MAX_LENGTH


def test_queries_that_differ_in_order_only_are_equal() -> None:
    first = parse_query("(title:a OR title:b) cat:cs.CL -survey")
    second = parse_query('NOT "survey" AND cat:CS.CL AND (ti:B OR ti:A)')
    assert first.tree == second.tree
    assert str(first) == str(second)


def test_a_misspelt_word_is_replaced_in_place() -> None:
    query = parse_query('difusion "of video" author:"jonathon ho" cat:cs.CV -difusion')
    corrected = query.with_corrections({"difusion": "diffusion", "jonathon": "jonathan"})
    assert str(corrected) == 'diffusion "of video" -difusion author:"jonathan ho" cat:cs.CV'


@pytest.mark.parametrize(
    ("typed", "author", "subject"),
    [
        ('author:"Ada Example"', "ada example", ""),
        ("cat:cs.CL", "", "cs.CL"),
        ("cat:cs.CL memory", "", ""),
        ("cat:cs.CL OR cat:cs.CV", "", ""),
        ("-author:ada", "", ""),
        ("memory", "", ""),
        ("", "", ""),
    ],
)
def test_a_query_of_one_field_alone_has_its_value(typed: str, author: str, subject: str) -> None:
    query = parse_query(typed)
    assert (query.only_value("author"), query.only_value("subject")) == (author, subject)
