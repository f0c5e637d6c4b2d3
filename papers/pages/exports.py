"""Citations as files: of a paper, of the list of a day, and of a search."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from papers.citations.export import Export
from papers.exports import MAX_PAPERS, export_papers, make_work
from papers.models import Paper
from papers.pages.home import ListChoice
from papers.searching import queries, search
from web.rate_limit import rate_limited

public = cache_control(public=True, max_age=900)


@require_safe
@public
@conditional_page
def paper_citation(request: HttpRequest, pk: int, ending: str = "bib") -> HttpResponse:
    """Return the citation of a paper."""
    paper = get_object_or_404(Paper, pk=pk, hidden=False)
    return file_response(export_papers([paper], ending, make_work(paper).key))


@require_safe
@rate_limited("search")
@public
@conditional_page
def day_citations(request: HttpRequest, day: date, ending: str) -> HttpResponse:
    """Return the citations of a list of the home page, in its order."""
    choice = ListChoice.from_query(request.GET)
    days = Paper.objects.visible().filter(day__lte=timezone.now().date())
    papers = choice.select_papers(days, day)[:MAX_PAPERS]
    name = (
        f"papers {day.isoformat()} {'' if choice.window == 'day' else choice.window} {choice.field}"
    )
    return file_response(export_papers(papers, ending, name))


@require_safe
@rate_limited("search")
@public
@conditional_page
def search_citations(request: HttpRequest, ending: str) -> HttpResponse:
    """Return the citations of the best results of a search."""
    query = queries.parse_query(request.GET.get("q", ""))
    papers = search.papers_in_order(search.search_papers(query).pks[:MAX_PAPERS])
    return file_response(export_papers(papers, ending, f"search {query}"))


def export_visible(pks: Sequence[int], ending: str, name: str) -> HttpResponse:
    """Return the citations of papers in this order, without hidden and withdrawn ones."""
    visible = set(Paper.objects.visible().filter(pk__in=pks).values_list("pk", flat=True))
    papers = search.papers_in_order([pk for pk in pks if pk in visible][:MAX_PAPERS])
    return file_response(export_papers(papers, ending, name))


def file_response(export: Export) -> HttpResponse:
    """Return a file to download."""
    return HttpResponse(
        export.content,
        content_type=export.content_type,
        headers={"Content-Disposition": f'attachment; filename="{export.file_name}"'},
    )
