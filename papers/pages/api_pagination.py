"""Keyset pagination of the JSON API: a cursor is the day and key of the last paper of a page."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from papers.models import Paper
from papers.pages.api_schemas import serialize_paper

KEYS_PER_DAY = 10**12  # primary keys of papers stay below this
MAX_CURSOR = date.max.toordinal() * KEYS_PER_DAY


def list_page(
    request: HttpRequest, papers: QuerySet[Paper], limit: int, cursor: int | None
) -> dict[str, Any]:
    """Return the papers after the cursor, newest first, and the URL of the next page."""
    if cursor is not None:
        day, pk = decode_cursor(cursor)
        papers = papers.filter(Q(day__lt=day) | Q(day=day, pk__lt=pk))
    ordered = papers.order_by("-day", "-pk").defer("title_raw", "abstract_raw")
    rows = list(ordered[: limit + 1])  # one more shows whether there is a next page
    page = rows[:limit]
    query = {name: value for name, value in request.GET.items() if name != "cursor"}
    return {
        "items": [serialize_paper(paper) for paper in page],
        "next": (
            page_url(request, query | {"cursor": encode_cursor(page[-1])})
            if len(rows) > limit
            else None
        ),
    }


def page_url(request: HttpRequest, query: dict[str, Any]) -> str:
    """Return the request's URL with another query string."""
    return f"{settings.SITE_URL}{request.path}?{urlencode(query)}"


def encode_cursor(paper: Paper) -> int:
    """Return a paper's position in the list as one number."""
    return paper.day.toordinal() * KEYS_PER_DAY + paper.pk


def decode_cursor(cursor: int) -> tuple[date, int]:
    """Return the day and key of a cursor. Every number from 0 to `MAX_CURSOR` is valid."""
    return date.fromordinal(max(cursor // KEYS_PER_DAY, 1)), cursor % KEYS_PER_DAY
