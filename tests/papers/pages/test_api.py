from __future__ import annotations

import html
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from papers import feeds
from papers.models import Paper
from papers.searching import indexing
from tests.pages import forge

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


@pytest.fixture
def papers(make_paper: MakePaper, now: datetime) -> list[Paper]:
    today = now.date()
    papers = [
        make_paper(
            f"Paper {number} of many",
            listed_on=today - timedelta(days=number // 3),
            categories=["cs.CV"] if number % 2 else ["cs.CL", "stat.ML"],
            votes=number,
            score=number,
        )
        for number in range(9)
    ]
    papers.append(make_paper("Hidden", hidden=True))
    indexing.index_changed(now)
    return papers


def ask(client: Client, address: str, **query: object) -> object:
    answer = client.get(f"/api/{address}", query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def all_pages(client: Client, address: str) -> list[int]:
    keys: list[int] = []
    while address:
        answer = client.get(address).json()
        keys += [item["id"] for item in answer["items"]]
        url = urlsplit(answer["next"] or "")
        address = url.path and f"{url.path}?{url.query}"
    return keys


def test_pages_hold_every_paper_once(client: Client, papers: list[Paper]) -> None:
    keys = all_pages(client, "/api/papers?limit=2")
    expected = Paper.objects.visible().order_by("-day", "-pk").values_list("pk", flat=True)
    assert keys == list(expected)


def test_pages_do_not_shift_when_papers_arrive(
    client: Client, papers: list[Paper], make_paper: MakePaper
) -> None:
    first = client.get("/api/papers", {"limit": 4}).json()
    make_paper("Newest")
    url = urlsplit(first["next"])
    rest = all_pages(client, f"{url.path}?{url.query}")
    assert not {item["id"] for item in first["items"]} & set(rest)
    assert len(first["items"]) + len(rest) == 9


def test_papers_are_filtered_by_day_and_category(
    client: Client, papers: list[Paper], now: datetime
) -> None:
    def titles(**query: object) -> list[str]:
        listed = client.get("/api/papers", query).json()["items"]
        return sorted(item["title"].split()[1] for item in listed)

    assert titles(day=now.date()) == ["0", "1", "2"]
    assert titles(until=now.date() - timedelta(days=2)) == ["6", "7", "8"]
    assert titles(since=now.date(), category="stat.ml") == ["0", "2"]


def test_one_paper(client: Client, papers: list[Paper]) -> None:
    one = papers[3]
    answer = ask(client, f"papers/{one.pk}")
    assert answer == ask(client, f"arxiv/{one.arxiv_id}") == ask(client, f"arxiv/{one.arxiv_id}v2")
    assert isinstance(answer, dict)
    assert answer["title"] == one.title
    assert answer["url"].endswith(one.get_absolute_url())


def test_a_search_names_the_problems_of_its_query_in_english(client: Client) -> None:
    answer = client.get("/api/search", {"q": "date:soon"}, headers={"Accept-Language": "de"})
    [problem] = answer.json()["problems"]
    assert problem.startswith("We couldn't read the date in “date:soon”")
    assert client.get("/api/search", {"q": "paper"}).json()["problems"] == []


def test_search_results_are_paginated(client: Client, papers: list[Paper]) -> None:
    keys = all_pages(client, "/api/search?q=paper&limit=4")
    assert sorted(keys) == sorted(paper.pk for paper in papers[:9])


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("papers?day=yesterday", 422),
        ("papers?limit=0", 422),
        ("papers?limit=101", 422),
        ("papers?category=%00", 422),
        ("papers?cursor=x", 422),
        ("papers/99999999", 404),
        ("papers/x", 422),
        ("arxiv/nonsense", 404),
        ("search", 422),
    ],
)
def test_invalid_requests_get_an_error_message(
    client: Client, papers: list[Paper], address: str, status: int
) -> None:
    answer = client.get(f"/api/{address}")
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


def test_hidden_papers_are_not_returned(client: Client, papers: list[Paper]) -> None:
    hidden = papers[-1]
    for address in (
        f"papers/{hidden.pk}",
        f"arxiv/{hidden.arxiv_id}",
        f"papers/{hidden.pk}/similar",
    ):
        assert client.get(f"/api/{address}").status_code == 404
    assert hidden.pk not in all_pages(client, "/api/search?q=hidden")


def test_daily_papers_have_the_format_of_hugging_face(
    client: Client, papers: list[Paper], now: datetime
) -> None:
    answer = client.get("/api/daily_papers", {"date": now.date()})
    document = feeds.parse_document(json.dumps(answer.json()).encode(), "hf-daily")
    assert [entry.title for entry in document.entries] == [f"Paper {n} of many" for n in (2, 1, 0)]
    assert [entry.votes for entry in document.entries] == [2, 1, 0]
    assert document.entries[0].arxiv_id == papers[2].arxiv_id
    assert document.entries[0].authors == ("Ada Example", "Bo Example")
    assert len(ask(client, "daily_papers", limit=2, p=1, date=now.date())) == 1  # type: ignore[arg-type]


def test_an_unchanged_response_is_not_sent_again(client: Client, papers: list[Paper]) -> None:
    first = client.get("/api/papers")
    assert first["Cache-Control"] == "public, max-age=300"
    assert first["Access-Control-Allow-Origin"] == "*"
    again = client.get("/api/papers", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304


def test_too_many_requests_are_refused(
    client: Client, papers: list[Paper], redis: None, settings: Any
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api": (6, 0)}
    answers = [client.get(f"/api/papers/{papers[0].pk}") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert "Too many requests" in answers[-1].json()["detail"]


def test_the_openapi_document_lists_all_endpoints(client: Client, db: None) -> None:
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/api/papers",
        "/api/papers/{pk}",
        "/api/papers/{pk}/similar",
        "/api/arxiv/{name}",
        "/api/search",
        "/api/daily_papers",
    }


def test_the_reference_page_shows_the_openapi_document(client: Client) -> None:
    document = client.get("/api/openapi.json").json()
    answer = client.get("/api/")
    assert answer.status_code == 200
    page = html.unescape(answer.text)
    operations = [one["get"] for one in document["paths"].values()]
    for path, one in document["paths"].items():
        assert f"{path}</code>" in page
        assert one["get"]["summary"] in page
    for name in {
        parameter["name"] for one in operations for parameter in one.get("parameters", [])
    }:
        assert f"<dt><code>{name}</code></dt>" in page
    for name, schema in document["components"]["schemas"].items():
        assert f'id="schema-{name}"' in page
        for field in schema["properties"].values():
            assert field.get("description", "") in page
    assert "list of Paper" in page
    assert "integer or null" in page
    assert "<dd>date.</dd>" in page
    assert "integer, from 1 to 100; default 50" in page
    assert forge(client, "/api/").status_code == 405


@pytest.mark.parametrize("path", ["nowhere", "arxiv/%0A2604.23536", "papers/", "papers/x/similar"])
def test_an_unknown_url_gets_a_json_error(client: Client, path: str) -> None:
    for answer in (client.get(f"/api/{path}"), forge(client, f"/api/{path}", {"a": "b"})):
        assert answer.status_code in {404, 405, 422}
    document = client.get(f"/api/{path}")
    assert document["Content-Type"].startswith("application/json")
    assert document.json()["detail"]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "papers?categroy=cs.CL",
            "categroy: unknown parameter; did you mean category?",
        ),
        ("papers?limits=3&limit=2", "did you mean limit?"),
        ("papers?pk=1", "pk: unknown parameter; this endpoint accepts day, since, until"),
        ("papers/1?pk=1", "pk: unknown parameter; this endpoint accepts none"),
        ("papers/1/similar?cursor=3", "this endpoint accepts limit"),
        ("search?q=x&page=2", "page: unknown parameter; this endpoint accepts q, limit, cursor"),
        ("daily_papers?sort=trending&x=1", "x: unknown parameter"),
        ("arxiv/2401.00001?fields=title", "fields: unknown parameter; this endpoint accepts none"),
        ("papers?=1", ": unknown parameter"),
    ],
)
def test_an_unknown_parameter_is_rejected_by_name(
    client: Client, papers: list[Paper], address: str, message: str
) -> None:
    answer = client.get(f"/api/{address}")
    assert answer.status_code == 422
    assert message in answer.json()["detail"]


def test_without_a_vector_index_similarity_uses_titles(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    one = make_paper("Native models for multimodal agents")
    near = make_paper("A multimodal agent that plans")
    make_paper("Multimodal retrieval", hidden=False)
    make_paper("Agents of multimodal speech", hidden=True)
    indexing.index_changed(now)
    assert [item["id"] for item in ask(client, f"papers/{one.pk}/similar")] == [near.pk]
