"""Zotero's documents: what is read from them, and the items that are written. Pure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers.citations.work import Work
from subscriptions.profiles.references import Reference
from subscriptions.zotero import answers, api, items
from tests.examples import examples
from tests.shared_data import SHARED, needs_shared_data
from tests.subscriptions.zotero.conftest import Clock
from tests.subscriptions.zotero.server import FIELDS, KEY, Fault, Zotero

RECORDED = SHARED / "apis" / "zotero"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_text())


def make_work(**fields: Any) -> Work:
    values: dict[str, Any] = {
        "title": "A title",
        "authors": ["Ada Example", "CERN Collaboration", "Martin Luther King Jr."],
        "date": (2026, 4, 30),
        "url": "https://example.org/paper",
    }
    return Work(**values | fields)


@pytest.mark.parametrize(
    ("fields", "item_type", "place"),
    [
        ({"arxiv_id": "2604.10000"}, "preprint", ("repository", "arXiv")),
        ({"doi": "10.1101/2026.01.01.1"}, "preprint", ("repository", "bioRxiv")),
        ({"journal": "Nature 5 (2026)"}, "journalArticle", ("publicationTitle", "Nature 5 (2026)")),
        ({"journal": "ICML 2026"}, "conferencePaper", ("proceedingsTitle", "ICML 2026")),
        ({}, "journalArticle", ("publicationTitle", None)),
    ],
)
def test_the_type_of_an_item_is_that_of_the_work(
    fields: dict[str, str], item_type: str, place: tuple[str, str | None]
) -> None:
    item = items.write_item(make_work(**fields), "AAAA2222", "BBBB2222", [])
    assert (item["itemType"], item.get(place[0])) == (item_type, place[1])
    assert set(item) <= FIELDS[item_type]
    assert item["creators"][1:] == [
        {"creatorType": "author", "name": "CERN Collaboration"},
        {"creatorType": "author", "firstName": "Martin Luther, Jr.", "lastName": "King"},
    ]


def test_a_written_item_is_found_again_as_the_same_work() -> None:
    work = make_work(arxiv_id="2604.10000", categories=["cs.CL"])
    item = items.write_item(work, "AAAA2222", "BBBB2222", [])
    document = {"key": item["key"], "data": item}
    assert answers.item_reference(document) == Reference("A title", "2604.10000")
    assert answers.find_work([document], "2604.10000", "", "Renamed") is document
    assert answers.find_work([document], "2604.10001", "", "A title") is None
    assert answers.find_work([document], "", "10.1000/published", "A title") is document
    assert answers.find_work([document], "", "", "Another") is None


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Attention is all you need", "Attention need all you"),
        ("On $\\alpha$-decay of Müller’s graphs", "graphs"),
        ("关于 图神经网络", "图神经网络"),
        ("$x^2$", ""),
    ],
)
def test_the_search_has_words_that_every_spelling_of_a_title_has(title: str, words: str) -> None:
    assert items.search_words(title) == words


def test_the_keys_of_an_item_and_its_parts_are_valid_and_different() -> None:
    key = items.new_key()
    keys = {key, items.child_key(key, "pdf"), items.child_key(key, "note")}
    assert len(keys) == 3
    assert all(answers.KEY.fullmatch(one) for one in keys)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "key", "userID", "access", "user", "failed", "0", "creators"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
@settings(max_examples=examples(200))
def test_no_document_breaks_the_reading(document: Any) -> None:
    answers.read_key(document)
    assert len(answers.read_write(document, 2)) == 2
    listed = document if isinstance(document, list) else [document]
    answers.read_collections(listed)
    answers.read_examples(listed)
    answers.find_work(listed, "2604.10000", "", "")
    answers.collection_keys(document)


def test_a_nested_collection_has_the_names_of_its_parents_and_a_circle_ends() -> None:
    documents = [
        {"key": "AAAA2222", "data": {"name": "Thesis", "parentCollection": False}},
        {"key": "BBBB2222", "data": {"name": "Chapter 1", "parentCollection": "AAAA2222"}},
        {"key": "CCCC2222", "data": {"name": "Circle", "parentCollection": "CCCC2222"}},
    ]
    names = {one["key"]: one["name"] for one in answers.read_collections(documents)}
    assert (names["AAAA2222"], names["BBBB2222"]) == ("Thesis", "Thesis / Chapter 1")
    assert len(names["CCCC2222"]) < 255


# --- Recorded documents ---------------------------------------------------------------------------


@needs_shared_data
def test_recorded_collections_and_items_are_read() -> None:
    collections = recorded("pyzotero_collections_doc.json")
    assert len(answers.read_collections(collections)) == len(collections)
    for name in ("pyzotero_items_doc.json", "weblibrary_test-user-get-items-golden.json"):
        documents = recorded(name)
        works = [one for one in documents if one["data"]["itemType"] not in answers.NO_PAPERS]
        read = answers.read_examples(documents)
        assert [one["added"] for one in read] == [one["data"]["dateAdded"] for one in works]
        assert all(one["title"] for one in read)


@needs_shared_data
def test_recorded_answers_to_a_write_are_judged_object_by_object() -> None:
    document = recorded("error_and_write_answers.json")["write_multi"]["body"]
    results = answers.read_write(document, 6)
    assert results[:2] == [None, None]
    assert [(one.code, one.is_temporary) for one in results if one] == [
        *((412, True), (400, False), (409, True), (413, False))
    ]
    for name in ("pyzotero_creation_doc.json", "weblibrary_test-user-add-new-item.json"):
        assert answers.read_write(recorded(name), 1) == [None]
    assert answers.read_write({}, 1) == [answers.Failure(500, "")]


@needs_shared_data
def test_recorded_rights_of_a_key_are_read() -> None:
    rights = answers.read_key(recorded("error_and_write_answers.json")["keys_current"]["body"])
    assert rights == answers.KeyRights(475425, "example", True, True, True)


@needs_shared_data
def test_recorded_errors_are_told_apart(zotero: Zotero, clock: Clock) -> None:
    kinds = {
        403: api.Denied, 404: api.NotFound, 412: api.Changed, 400: api.Refused, 428: api.Refused,
        429: api.Unavailable, 503: api.Unavailable,
    }  # fmt: skip
    for name, case in recorded("error_and_write_answers.json").items():
        if case["status"] < 400:
            continue
        client = api.Client(KEY, clock(), 4711)
        body = str(case["body"]).encode()
        zotero.faults.append(Fault(case["status"], body, case.get("headers", {})))
        with pytest.raises(kinds[case["status"]]) as raised:
            client.get("/keys/current")
        assert raised.value.detail == case["body"]
        asked = int(case.get("headers", {}).get("Retry-After", 60 if name == "429_auth" else 0))
        assert client.pause.total_seconds() == asked
