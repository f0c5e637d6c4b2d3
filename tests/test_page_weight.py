"""The size of the home page with everything it loads, except thumbnails."""

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
MAX_BYTES = 100_000  # compressed
RESOURCE = re.compile(r'<(?:link|script|img)[^>]* (?:href|src)="([^"]+)"')


def compressed_size(body: bytes) -> int:
    return len(gzip.compress(body, 6))


def test_home_is_smaller_than_100_kb_and_loads_nothing_from_other_hosts(
    client: Client, make_paper: Callable[..., Paper]
) -> None:
    today = timezone.now().date()
    for number in range(PAPERS_PER_PAGE):
        words = [f"w{number * word % 9973}" for word in range(220)]  # compresses badly
        make_paper(
            " ".join(words[:12]), abstract=" ".join(words), listed_on=today, votes=number, score=1.0
        )
    answer = client.get("/")
    assert answer.text.count('class="card"') == PAPERS_PER_PAGE
    urls = set(RESOURCE.findall(answer.text))
    assert len(urls) >= 4
    assert all(url.startswith("/") for url in urls)
    files = [finders.find(url.removeprefix("/static/")) for url in urls if "/static/" in url]
    sizes = [compressed_size(Path(file).read_bytes()) for file in files if file]
    assert len(sizes) == len(files)
    assert compressed_size(answer.content) + sum(sizes) < MAX_BYTES


def test_home_has_no_inline_styles_or_scripts(
    client: Client, make_paper: Callable[..., Paper]
) -> None:
    make_paper(listed_on=timezone.now().date())
    page = client.get("/").text
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert not re.search(r"<[^>]+ (style|on\w+)=", page)
