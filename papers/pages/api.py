"""The JSON API: its endpoints, errors and caching."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import Annotated, Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import conditional_page
from ninja import NinjaAPI, Query
from ninja.errors import HttpError, ValidationError

from papers.metadata.identifiers import parse_arxiv_id
from papers.models import Paper
from papers.pages import api_schemas as schemas
from papers.pages.api_pagination import MAX_CURSOR, list_page, page_url
from papers.pages.api_schemas import Category, Day, Limit, PaperId
from papers.searching import queries, search
from papers.searching.query_problems import describe_problem
from papers.searching.query_tokens import FIELDS
from papers.searching.query_values import parse_subject
from web.rate_limit import rate_limited

CACHE_SECONDS = 300
SYNTAX = (
    'Words, "phrases", AND, OR, NOT, -word, parentheses, word*, and fields such as title:diffusion '
    f"({', '.join(FIELDS)}). Parts that can't be read are listed in problems."
)
MAX_NAME_LENGTH = 100  # characters of an unknown parameter that an error repeats

api = NinjaAPI(
    title=settings.SITE_NAME,
    version="1",
    description="Research papers and the attention they get. Read-only, no key required. "
    "Unknown query parameters are rejected (422).",
    docs_url=None,  # ninja's page would load scripts from another host
    servers=[{"url": settings.SITE_URL}],
    urls_namespace="api",
)

ERRORS: dict[Any, Any] = {frozenset({400, 404, 422, 429, 503}): schemas.Error}


def error_response(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    return api.create_response(request, {"detail": detail}, status=status)


def too_many_requests(_request: HttpRequest, seconds: int) -> HttpResponse:
    return JsonResponse({"detail": f"Too many requests. Try again in {seconds} seconds."})


def public(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Apply the rate limit, CORS for every origin, caching and conditional requests to a view."""

    def cached_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code == 200:
            patch_cache_control(response, public=True, max_age=CACHE_SECONDS)
        response["Access-Control-Allow-Origin"] = "*"
        return response

    return rate_limited("api", refuse=too_many_requests)(conditional_page(cached_view))


def reject_unknown_parameters(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Answer 422 to query parameters that the operation does not have.

    Ignoring a misspelt parameter would silently change the result.
    """
    parameters = [name for name in signature(operation).parameters if name != "request"]

    @wraps(operation)
    def checked_operation(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        in_path = request.resolver_match.kwargs if request.resolver_match else {}
        allowed = [name for name in parameters if name not in in_path]
        unknown = [name for name in request.GET if name not in allowed]
        if unknown:
            raise HttpError(422, "; ".join(describe_unknown(name, allowed) for name in unknown))
        return operation(request, *args, **kwargs)

    return checked_operation


def describe_unknown(name: str, allowed: list[str]) -> str:
    """Return an error message for an unknown parameter, with the nearest allowed name."""
    message = f"{name[:MAX_NAME_LENGTH]}: unknown parameter"
    if matches := get_close_matches(name[:MAX_NAME_LENGTH], allowed, 1):
        return f"{message}; did you mean {matches[0]}?"
    if allowed:
        return f"{message}; this endpoint accepts {', '.join(allowed)}"
    return f"{message}; this endpoint accepts none"


api.add_decorator(reject_unknown_parameters, mode="operation")
api.add_decorator(public, mode="view")


@api.exception_handler(ValidationError)
def validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    messages = (f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors)
    return error_response(request, 422, "; ".join(messages))


@api.exception_handler(Http404)
def paper_not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return error_response(request, 404, "Paper not found.")


@csrf_exempt
def endpoint_not_found(request: HttpRequest) -> HttpResponse:
    """Answer in JSON under /api/ where no endpoint matches."""
    return error_response(request, 404, "No such endpoint; /api/ lists all of them.")


@api.get("/papers", response={200: schemas.PaperList, **ERRORS}, summary="List papers")
def list_papers(
    request: HttpRequest,
    day: Day | None = None,
    since: Day | None = None,
    until: Day | None = None,
    category: Category | None = None,
    limit: Limit = 50,
    cursor: Annotated[
        int | None, Query(ge=0, le=MAX_CURSOR, description="Position, taken from next.")
    ] = None,
) -> dict[str, Any]:
    """Newest first. Pages don't shift when new papers arrive."""
    papers = Paper.objects.visible().filter(day__lte=timezone.now().date())
    bounds = {"day": day, "day__gte": since, "day__lte": until}
    papers = papers.filter(**{name: value for name, value in bounds.items() if value})
    if category:
        papers = papers.filter(categories__contains=[parse_subject(category)])
    return list_page(request, papers, limit, cursor)


@api.get("/papers/{pk}", response={200: schemas.Paper, **ERRORS}, summary="Get a paper")
def get_paper(request: HttpRequest, pk: PaperId) -> dict[str, Any]:
    return schemas.serialize_paper(get_object_or_404(Paper, pk=pk, hidden=False))


@api.get(
    "/papers/{pk}/similar",
    response={200: list[schemas.Paper], **ERRORS},
    summary="List similar papers",
)
def list_similar_papers(
    request: HttpRequest, pk: PaperId, limit: Limit = 10
) -> list[dict[str, Any]]:
    """Most similar in meaning first. Until the index is built, compares the words of titles."""
    paper = get_object_or_404(Paper, pk=pk, hidden=False)
    return [schemas.serialize_paper(similar) for similar in search.similar_papers(paper, limit)]


@api.get(
    "/arxiv/{path:name}",
    response={200: schemas.Paper, **ERRORS},
    summary="Get a paper by arXiv ID",
)
def get_paper_by_arxiv_id(request: HttpRequest, name: str) -> dict[str, Any]:
    arxiv_id, _version = parse_arxiv_id(name)
    paper = get_object_or_404(Paper, arxiv_id=arxiv_id or None, hidden=False)
    return schemas.serialize_paper(paper)


@api.get("/search", response={200: schemas.SearchResults, **ERRORS}, summary="Search papers")
def search_papers(
    request: HttpRequest,
    q: Annotated[
        str,
        Query(max_length=queries.MAX_LENGTH, description=SYNTAX),
    ],
    limit: Limit = 50,
    cursor: Annotated[int, Query(ge=0, le=10_000, description="Position, taken from next.")] = 0,
) -> dict[str, Any]:
    """Searches words and meaning. Best first; at most a few thousand results."""
    query = queries.parse_query(q)
    pks = search.search_papers(query).pks
    end = cursor + limit
    next_query = {"q": q, "limit": limit, "cursor": end}
    papers = search.papers_in_order(pks[cursor:end])
    return {
        "items": [schemas.serialize_paper(paper) for paper in papers],
        "next": page_url(request, next_query) if end < len(pks) else None,
        "problems": [describe_problem(problem) for problem in query.problems],
    }


@api.get(
    "/daily_papers",
    response={200: list[schemas.DailyItem], **ERRORS},
    summary="List a day's papers in Hugging Face's format",
)
def list_daily_papers(
    request: HttpRequest,
    date: Day | None = None,
    limit: Limit = 50,
    p: Annotated[int, Query(ge=0, le=1000, description="Page number, from 0.")] = 0,
) -> list[dict[str, Any]]:
    """Papers of a day (default: the newest day), best first, in the format of Hugging Face's
    daily_papers API. Papers without an arXiv ID are left out."""
    papers = Paper.objects.visible().filter(day__lte=timezone.now().date()).exclude(arxiv_id=None)
    day = date or papers.order_by("-day").values_list("day", flat=True).first()
    page = papers.filter(day=day).trending()[p * limit : (p + 1) * limit]
    return [schemas.serialize_daily_item(paper) for paper in page]
