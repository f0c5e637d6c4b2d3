"""What the home page weighs: itself and all that it loads, thumbnails aside."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone

from papers.models import Paper
from papers.pages.home import PAPERS_PER_PAGE

pytestmark = pytest.mark.django_db
MOST = 100_000  # bytes, as they go over the wire
LOADED = re.compile(r'<(?:link|script|img)[^>]* (?:href|src)="([^"]+)"')


def packed(body: bytes) -> int:
    return len(gzip.compress(body, 6))


def test_home_weighs_less_than_100_kb_and_loads_nothing_from_elsewhere(
    client: Client, make_paper: Callable[..., Paper]
) -> None:
    today = timezone.now().date()
    for number in range(PAPERS_PER_PAGE):
        words = [f"w{number * word % 9973}" for word in range(220)]  # little to be packed away
        make_paper(
            " ".join(words[:12]), abstract=" ".join(words), listed_on=today, votes=number, score=1.0
        )
    answer = client.get("/")
    assert answer.text.count('class="card"') == PAPERS_PER_PAGE
    loaded = set(LOADED.findall(answer.text))
    assert len(loaded) >= 4
    assert all(one.startswith("/") for one in loaded)
    files = [finders.find(one.removeprefix("/static/")) for one in loaded if "/static/" in one]
    weights = [packed(Path(file).read_bytes()) for file in files if file]
    assert len(weights) == len(files)
    assert packed(answer.content) + sum(weights) < MOST


def test_no_style_and_no_script_stands_in_the_page(
    client: Client, make_paper: Callable[..., Paper]
) -> None:
    make_paper(listed_on=timezone.now().date())
    page = client.get("/").text
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert not re.search(r"<[^>]+ (style|on\w+)=", page)
