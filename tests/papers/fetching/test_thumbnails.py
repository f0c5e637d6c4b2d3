from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from papers.fetching import thumbnails
from papers.models import Paper, Thumbnail
from tests.papers.servers import Server

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def pictures(redis: None, settings: Any) -> Iterator[Server]:
    settings.ALLOW_PRIVATE_SOURCES, settings.SECONDS_BETWEEN_REQUESTS = True, 0
    with Server().running() as server:
        yield server


def test_a_picture_is_fetched_once_and_served_by_the_site(
    client: Client, make_paper: MakePaper, pictures: Server, now: datetime
) -> None:
    url = pictures.answer("/a.png", body=PNG, Content_Type="text/html")
    paper = make_paper("Seen", thumbnail_url=url)
    make_paper("Bare")
    make_paper("Old", thumbnail_url=url, listed_on=now.date() - timedelta(days=9))
    assert [thumbnails.fetch_missing(now) for _ in range(2)] == [1, 0]
    assert len(pictures.requests) == 1
    answer = client.get(f"/papers/{paper.pk}/picture/")
    assert (answer.content, answer["Content-Type"]) == (PNG, "image/png")
    assert "immutable" in answer["Cache-Control"]
    page = client.get(f"/days/{now:%Y-%m-%d}/").text
    assert page.count('class="thumb"') == 1
    assert url not in page
    Paper.objects.update(hidden=True)
    assert client.get(f"/papers/{paper.pk}/picture/").status_code == 404


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<svg onload='alert(1)'>"),
        (200, b"<html>"),
        (200, PNG + bytes(thumbnails.MAX_BYTES)),
        (404, PNG),
    ],
)
def test_other_content_is_not_shown_and_not_fetched_again(
    status: int,
    body: bytes,
    client: Client,
    make_paper: MakePaper,
    pictures: Server,
    now: datetime,
) -> None:
    paper = make_paper(thumbnail_url=pictures.answer("/a.png", status, body))
    assert [thumbnails.fetch_missing(now) for _ in range(2)] == [0, 0]
    assert len(pictures.requests) == 1
    assert client.get(f"/papers/{paper.pk}/picture/").status_code == 404
    assert 'class="thumb"' not in client.get(f"/days/{now:%Y-%m-%d}/").text


def test_old_pictures_are_deleted(make_paper: MakePaper, now: datetime) -> None:
    long_ago = now - timedelta(days=thumbnails.KEPT_DAYS + 1)
    for at in (now, long_ago):
        Thumbnail.objects.create(paper=make_paper(), body=PNG, fetched_at=at)
    assert thumbnails.delete_old(now) == 1
    assert Thumbnail.objects.get().fetched_at == now
