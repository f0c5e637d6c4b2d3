"""The search page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from html import escape  # faster than Django's, which checks each part for lazy strings
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from papers import exports
from papers.citations.embedded import context_object
from papers.models import Paper
from papers.pages.citations import export_links
from papers.searching import corrections, highlighting, queries, search
from papers.searching.queries import Query
from papers.searching.query_descriptions import describe
from papers.searching.query_problems import describe_problem
from papers.text.identity import name_key
from papers.text.shortening import short_authors
from papers.text.summary import extract_summary
from web.language import active_language
from web.rate_limit import rate_limited

MAX_RESULTS = 50
# The fields of a card. Loading all fields of 50 papers takes twice as long.
FIELDS = (
    *exports.FIELDS,
    *("day", "featured", "code_url", "project_url", "votes", "site_votes", "comments", "stars"),
)


@require_safe
@rate_limited("search")
def search_page(request: HttpRequest) -> HttpResponse:
    """Show search results, best first, with matching words highlighted."""
    typed = request.GET.get("q", "")
    query = queries.parse_query(typed)
    problems = [describe_problem(problem) for problem in query.problems]
    context: dict[str, Any] = {
        "typed": typed[: queries.MAX_LENGTH],
        "query": query,
        "problems": problems,
    }
    if not query.is_plain:
        context["description"] = describe(query.tree)
    if query:
        context |= _results(query) | {"is_too_common": search.is_too_common(query)}
    return render(request, "papers/search.html", context)


def _results(query: Query) -> dict[str, Any]:
    """Return the results; if there are none, those of the query with its spelling corrected."""
    search_made = corrections.search_with_corrections(query)
    result, shown = search_made.result, search_made.shown
    papers = search.papers_in_order(result.pks[:MAX_RESULTS], FIELDS)
    return {
        "cards": result_cards(papers, shown),
        "count": len(result.pks),
        "instead": search_made.instead,
        "is_corrected": shown != query,
        "is_partial": bool(shown.text) and not result.by_words,
        "asked": str(shown),
        "follow_url": _follow_url(shown),
        "author": _author_name(shown, papers),
        "subject": shown.only_value("subject"),
        "exports": export_links("export-search", {"q": str(shown)}),
    }


def _author_name(query: Query, papers: Sequence[Paper]) -> str:
    """Return the author's name as printed if the query is one full name alone; else ""."""
    key = name_key(query.only_value("author"))
    names = (str(name) for paper in papers for name in paper.authors)
    return next((name for name in names if name_key(name) == key), "") if key else ""


def result_cards(papers: Sequence[Paper], query: Query) -> list[dict[str, Any]]:
    """Return the template context of each result, with the query's words highlighted."""
    stems = highlighting.query_stems(query.text, query.prefixes)
    author_stems = stems | highlighting.query_stems(" ".join(query.authors))
    return [
        {
            "paper": paper,
            "day": format_day(paper.day, active_language()),
            "title": mark_matches(paper.title, stems),
            "authors": mark_matches(short_authors(paper.authors), author_stems),
            "extract": mark_matches(
                highlighting.best_passage(paper.abstract, stems) or extract_summary(paper.abstract),
                stems,
            ),
            "context_object": context_object(exports.make_work(paper)),
        }
        for paper in papers
    ]


@lru_cache(maxsize=1024)  # many results share a few days
def format_day(day: date, _language: str) -> str:
    """Return a day in the active language, which is part of the cache key."""
    return date_format(day, _("j F Y"))


def mark_matches(text: str, stems: frozenset[str]) -> SafeString:
    """Return the text as HTML with matches in `mark` elements and everything else escaped."""
    parts = highlighting.highlight(text, stems)
    return SafeString(
        "".join(
            f"<mark>{escape(part)}</mark>" if matches else escape(part) for part, matches in parts
        )
    )


def _follow_url(query: Query) -> str:
    """Return the URL of the form to follow a search, or "" if it cannot be followed."""
    return f"{reverse('follow')}?{urlencode({'q': str(query)})}" if query else ""
