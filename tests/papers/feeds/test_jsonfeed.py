from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from papers.feeds import DocumentError, parse_document


def feed(*items: Any, **more: Any) -> bytes:
    head = {"version": "https://jsonfeed.org/version/1.1", "title": "A <b>lab</b>"}
    return json.dumps(head | {"items": list(items)} | more).encode()


def test_a_json_feed_is_recognised_by_its_version() -> None:
    item = {
        "id": 7,
        "url": "https://lab.example/posts/7",
        "title": "On &amp; about",
        "content_html": "<p>One <i>two</i><script>alert(1)</script></p>",
        "date_published": "2026-04-30T10:00:00+02:00",
        "authors": [{"name": "Ann One"}, {"name": "Bo Two"}],
        "tags": ["llm", 3],
        "image": "https://lab.example/7.png",
    }
    document = parse_document(feed(item))
    [entry] = document.entries
    assert (document.kind, document.title) == ("feed", "A lab")
    assert (entry.title, entry.abstract) == ("On & about", "One two")
    assert entry.authors == ("Ann One", "Bo Two")
    assert entry.published_at == datetime(2026, 4, 30, 8, tzinfo=UTC)
    assert (entry.abstract_url, entry.categories) == ("https://lab.example/posts/7", ("llm",))


def test_papers_are_recognised_by_their_links() -> None:
    arxiv = {"title": "A", "external_url": "https://arxiv.org/abs/2604.00001v2"}
    paper = {"title": "B", "id": "https://doi.org/10.1000/B"}
    one, two = parse_document(feed(arxiv, paper, author={"name": "Ann One"})).entries
    assert (one.arxiv_id, one.version, one.authors) == ("2604.00001", 2, ("Ann One",))
    assert two.doi == "10.1000/b"


@pytest.mark.parametrize("item", [None, 1, "x", [], {}, {"title": ""}, {"title": 1.5}])
def test_invalid_items_are_refused_and_the_others_are_kept(item: Any) -> None:
    document = parse_document(feed(item, {"title": "A"}))
    assert (len(document.entries), len(document.refused)) == (1, 1)


@pytest.mark.parametrize(
    "data",
    [feed()[:-3], feed(items={}), b'["version": "https://jsonfeed.org/version/1"]'],
)
def test_a_document_without_a_list_of_items_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_document(data)
