"""The search page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from html import escape  # Django's looks whether each part is lazy, a hundred times a page
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from papers.models import Paper
from papers.searching import highlighting, queries, search
from papers.searching.queries import Query
from papers.text.markup import extract_summary, join_names, short_authors
from web.language import active_language
from web.rate_limit import rate_limited

SHOWN = 50
# All that a card shows; of 50 papers the rest would take as long again to read.
FIELDS = (
    *("title", "abstract", "authors", "categories", "day", "featured"),
    *("arxiv_id", "abstract_url", "pdf_url", "code_url", "project_url"),
    *("votes", "site_votes", "comments", "stars"),
)


@require_safe
@rate_limited("search")
def search_page(request: HttpRequest) -> HttpResponse:
    """What was asked for, best first, with the words that were found marked."""
    typed = request.GET.get("q", "")[: queries.MAX_LENGTH]
    query = queries.parse_query(typed)
    context: dict[str, Any] = {"typed": typed, "query": query} | _fields(query)
    if query:
        context |= _results(query) | {"is_too_common": search.is_too_common(query)}
    return render(request, "papers/search.html", context)


def _fields(query: Query) -> dict[str, str]:
    """What a page says of fields that search does not have."""
    names = {"unknown": query.unknown, "meant": query.meant_fields, "fields": queries.FIELDS}
    return {key: join_names([f"{name}:" for name in each]) for key, each in names.items()}


def _results(query: Query) -> dict[str, Any]:
    found = search.search_papers(query)
    instead = (
        query.spelt(search.spelling_corrections(query)) if found.by_words < search.FEW else query
    )
    shown = query
    if not found.pks and instead != query:
        shown, found = instead, search.search_papers(instead)
    papers = search.papers_in_order(found.pks[:SHOWN], FIELDS)
    return {
        "cards": cards(papers, shown),
        "count": len(found.pks),
        "instead": instead if instead != query else None,
        "is_corrected": shown != query,
        "is_partial": bool(shown.text) and not found.by_words,
        "asked": str(shown),
        "follow_url": _follow_url(shown),
    }


def cards(papers: Sequence[Paper], query: Query) -> list[dict[str, Any]]:
    wanted = highlighting.query_stems(query.text)
    names = wanted | highlighting.query_stems(" ".join(query.authors))
    return [
        {
            "paper": paper,
            "day": written(paper.day, active_language()),
            "title": marked(paper.title, wanted),
            "authors": marked(short_authors(paper.authors), names),
            "extract": marked(
                highlighting.best_passage(paper.abstract, wanted)
                or extract_summary(paper.abstract),
                wanted,
            ),
        }
        for paper in papers
    ]


@lru_cache(maxsize=1024)  # the same few days stand in many results
def written(day: date, _language: str) -> str:
    """A day in words, in the language of the moment."""
    return date_format(day, _("j F Y"))


def marked(text: str, wanted: frozenset[str]) -> SafeString:
    """The text as HTML, with what was looked for in `mark`; nothing of the text is markup."""
    parts = highlighting.highlight(text, wanted)
    return SafeString(
        "".join(f"<mark>{escape(part)}</mark>" if on else escape(part) for part, on in parts)
    )


def _follow_url(query: Query) -> str:
    """Where one asks to be mailed papers like these; "" for what cannot be followed."""
    said = {"topics": query.text, "categories": ",".join(query.categories)}
    said = {name: value for name, value in said.items() if value}
    return f"{reverse('follow')}?{urlencode(said)}" if said else ""
