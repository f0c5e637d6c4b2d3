import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from papers.feeds import DocumentError, ParsedDocument, parse_document

PAPER: dict[str, Any] = {
    "id": "2504.00001",
    "authors": [
        {"_id": "1", "name": "Ann One", "hidden": False, "user": {"fullname": "someone"}},
        {"_id": "2", "name": "Wrongly Found", "hidden": True},
        {"_id": "3", "name": "Bo Two"},
    ],
    "publishedAt": "2025-04-01T17:34:15.000Z",
    "submittedOnDailyAt": "2025-04-03T00:44:05.364Z",
    "title": "Cats are\n  Small",
    "summary": "We show that\ncats are $\\alpha$-small.",
    "upvotes": 32,
    "githubRepo": "https://github.com/example/cats",
    "githubStars": 20,
    "projectPage": "https://example.org/cats",
    "ai_summary": "Cats are small.",
}
ITEM: dict[str, Any] = {
    "paper": PAPER,
    "publishedAt": "2025-04-01T13:34:15.000Z",
    "title": "Cats are Small",
    "thumbnail": "https://example.org/cats.png",
    "numComments": 3,
    "isAuthorParticipating": True,
}


def read(*items: object) -> ParsedDocument:
    return parse_document(json.dumps(items).encode())


def test_an_item_has_all_its_fields() -> None:
    document = read(ITEM)
    (entry,) = document.entries
    assert document.kind == "hf-daily"
    assert (entry.title, entry.title_raw) == ("Cats are Small", "Cats are\n  Small")
    assert entry.abstract == "We show that cats are α-small."
    assert entry.authors == ("Ann One", "Bo Two")
    assert (entry.arxiv_id, entry.version) == ("2504.00001", None)
    assert entry.published_at == datetime(2025, 4, 1, 17, 34, 15, tzinfo=UTC)
    assert entry.featured_on == entry.listed_on == date(2025, 4, 3)
    assert (entry.votes, entry.comments, entry.stars) == (32, 3, 20)
    assert entry.code_url == "https://github.com/example/cats"
    assert entry.project_url == "https://example.org/cats"
    assert entry.thumbnail_url == "https://example.org/cats.png"
    assert entry.abstract_url == "https://arxiv.org/abs/2504.00001"
    assert entry.tldr == "Cats are small."


def test_nearly_every_field_may_be_absent_null_or_of_another_type() -> None:
    bare = {"paper": {"id": "2504.00001", "title": "Cats"}}
    nulls = {"paper": {**dict.fromkeys(PAPER), "id": "2504.00002", "title": "Cats"}, "title": None}
    odd = {
        "paper": {
            **dict.fromkeys(PAPER, (True,)),
            "id": 7,
            "title": "Cats",
            "upvotes": True,
            "authors": [None, "x", {"name": 1}],
        },
        "numComments": -4,
        "thumbnail": "javascript:x",
    }
    document = read(bare, nulls, odd)
    assert document.refused == ()
    assert [entry.arxiv_id for entry in document.entries] == ["2504.00001", "2504.00002", ""]
    for entry in document.entries:
        assert entry.authors == ()
        assert (entry.votes, entry.comments, entry.stars) == (None, None, None)
        assert (entry.published_at, entry.featured_on, entry.thumbnail_url) == (None, None, "")


def test_the_outer_date_is_the_date_of_the_listing_before_2025() -> None:
    paper = {key: PAPER[key] for key in PAPER if key != "submittedOnDailyAt"}
    (early,) = read({**ITEM, "paper": paper, "publishedAt": "2025-04-02T03:50:58.348Z"}).entries
    (late,) = read({**ITEM, "paper": paper}).entries
    assert early.featured_on == date(2025, 4, 2)
    assert late.featured_on is None


def test_items_written_as_python_literals_are_read() -> None:
    assert read(repr(ITEM)).entries == read(ITEM).entries


def test_a_recording_wrapped_twice_is_read() -> None:
    wrapped = {"status": "success", "data": json.dumps([repr(ITEM)])}
    assert parse_document(json.dumps(wrapped).encode()).entries == read(ITEM).entries


def test_nul_and_lone_surrogates_are_removed() -> None:
    data = b'[{"paper": {"title": "a\\u0000b\\ud800", "summary": "x\\u2028y\\u0000"}}]'
    (entry,) = parse_document(data).entries
    assert (entry.title, entry.title_raw) == ("ab", "ab")
    assert "\0" not in entry.abstract + entry.abstract_raw


@pytest.mark.parametrize(
    "item",
    [
        1,
        None,
        [],
        {},
        {"paper": None},
        {"paper": [1]},
        "not a literal",
        "__import__('os').system('true')",
        "1",
        "[" * 100_000,
        "(" * 39 + ")" * 39,
        "-" * 100_000 + "1",
        "1" + "+1j" * 50_000,
        "not " * 50_000 + "1",
        "x" + "()" * 50_000,
        "'" + "x" * 2**20 + "'",
        "'\0'",
    ],
)
def test_an_item_of_the_wrong_shape_is_refused_and_the_others_are_kept(item: object) -> None:
    document = read(ITEM, item)
    assert len(document.entries) == 1
    assert [refusal.where for refusal in document.refused] == ["entry 2"]


def test_an_item_without_title_is_refused_and_named() -> None:
    (refusal,) = read({"paper": {"id": "2504.00001"}}).refused
    assert (refusal.where, refusal.reason) == ("entry 1 (2504.00001)", "no title")


def test_a_day_without_papers_is_valid() -> None:
    assert parse_document(b"[]").entries == ()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"1", "JSON that is not a list of papers: int 1"),
        (b'"x"', "broken JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{}", "JSON that is not a list of papers: an object with no keys"),
        (b'{"a": 1, "b": 2}', "JSON that is not a list of papers: an object with a, b"),
        (b'{"error": "Bad date"}', 'JSON that is not a list of papers: the message "Bad date"'),
        (b'[{"paper": ', "broken JSON: Expecting value: line 1 column 12 (char 11)"),
        (b"[" * 1_000_000, "JSON nested too deeply"),
        (b'{"a":' * 500_000, "JSON nested too deeply"),
    ],
)
def test_a_document_of_another_shape_raises_a_one_line_error(data: bytes, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(data)
    assert str(caught.value) == message


@pytest.mark.parametrize("data", [b"[" + b"1" * 10_000 + b"]", b'["\xff"]', b"[\xfe\xff\x00"])
def test_too_long_numbers_and_binary_data_raise_errors(data: bytes) -> None:
    with pytest.raises(DocumentError, match=r"^broken JSON: "):
        parse_document(data)
