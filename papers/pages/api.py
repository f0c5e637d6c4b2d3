"""The JSON API. What it takes and gives is said by types; the OpenAPI document is made of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import Annotated, Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import conditional_page
from ninja import NinjaAPI, Path, Query, Schema
from ninja.errors import HttpError, ValidationError
from pydantic import BeforeValidator, Field

from papers.metadata.identifiers import parse_arxiv_id
from papers.models import Paper
from papers.searching import queries, search
from web.rate_limit import rate_limited

ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
EACH_DAY = 10**12  # keys of papers stay below
LAST = date.max.toordinal() * EACH_DAY
FRESH = 300  # seconds that an answer may be kept
LONGEST_NAME = 100  # characters of an unknown parameter that are repeated


def iso(value: Any) -> Any:
    """Pydantic would take 0 for the first day of 1970."""
    if isinstance(value, str) and not ISO.fullmatch(value):
        raise ValueError("a day is written 2026-04-30")
    return value


Day = Annotated[date, BeforeValidator(iso)]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Category = Annotated[str, Query(pattern=r"^[A-Za-z-]{2,12}(\.[A-Za-z-]{2,12})?$")]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]

api = NinjaAPI(
    title=settings.SITE_NAME,
    version="1",
    description="Research papers and how much they are talked about. Read only, without a key. "
    "An unknown query parameter is an error (422).",
    docs_url=None,  # it would load scripts from elsewhere
    servers=[{"url": settings.SITE_URL}],
    urls_namespace="api",
)


class Problem(Schema):
    detail: str = Field(description="What is wrong, in a sentence.")


class PaperOut(Schema):
    id: int
    url: str = Field(description="Its page here.")
    arxiv_id: str | None
    doi: str | None
    title: str
    abstract: str
    authors: list[str]
    categories: list[str]
    day: date = Field(description="The day it was news: featured, or else listed.")
    published_at: datetime | None
    version: int | None
    abstract_url: str
    pdf_url: str
    code_url: str
    project_url: str
    votes: int
    comments: int
    stars: int
    picked: bool = Field(description="By the curator.")
    note: str = Field(description="The curator's.")
    withdrawn: bool


class Page(Schema):
    items: list[PaperOut]
    next: str | None = Field(description="The address of the next page; null on the last one.")


class DailyAuthor(Schema):
    name: str
    hidden: bool = False


class DailyPaper(Schema):
    id: str
    title: str
    summary: str
    authors: list[DailyAuthor]
    publishedAt: datetime
    submittedOnDailyAt: datetime
    upvotes: int
    githubRepo: str | None
    githubStars: int | None
    projectPage: str | None


class DailyItem(Schema):
    """As the Hugging Face API of this name has it, as far as we know a paper."""

    paper: DailyPaper
    title: str
    summary: str
    publishedAt: datetime
    thumbnail: str | None
    numComments: int


PROBLEMS: dict[Any, Any] = {frozenset({400, 404, 422, 429, 503}): Problem}


def told(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    return api.create_response(request, {"detail": detail}, status=status)


def too_many(_request: HttpRequest, seconds: int) -> HttpResponse:
    return JsonResponse({"detail": f"Too many requests; try again in {seconds} seconds."})


def public(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Guarded, for every origin, kept for some minutes, and not sent again while unchanged."""

    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code == 200:
            patch_cache_control(response, public=True, max_age=FRESH)
        response["Access-Control-Allow-Origin"] = "*"
        return response

    return rate_limited("api", refuse=too_many)(conditional_page(answer))


def strict(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse query parameters that the operation does not have: a misspelt one that was ignored
    would change the answer without a word."""
    names = [name for name in signature(operation).parameters if name != "request"]

    @wraps(operation)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        in_path = request.resolver_match.kwargs if request.resolver_match else {}
        taken = [name for name in names if name not in in_path]
        if problems := [_unknown(name, taken) for name in request.GET if name not in taken]:
            raise HttpError(422, "; ".join(problems))
        return operation(request, *args, **kwargs)

    return checked


def _unknown(name: str, taken: list[str]) -> str:
    said = f"{name[:LONGEST_NAME]}: there is no such parameter here"
    if near := get_close_matches(name[:LONGEST_NAME], taken, 1):
        return f"{said}; did you mean {near[0]}?"
    return f"{said}; there is {', '.join(taken)}" if taken else f"{said}, and no other"


api.add_decorator(strict, mode="operation")
api.add_decorator(public, mode="view")


@api.exception_handler(ValidationError)
def not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    said = (f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors)
    return told(request, 422, "; ".join(said))


@api.exception_handler(Http404)
def not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return told(request, 404, "There is no such paper.")


@csrf_exempt
def not_found_page(request: HttpRequest) -> HttpResponse:
    """Whatever no operation has, such as names with a line break, is answered in JSON too."""
    return told(request, 404, "There is no such address; /api/ lists those there are.")


@api.get("/papers", response={200: Page, **PROBLEMS}, summary="Papers, the newest first")
def papers(
    request: HttpRequest,
    day: Day | None = None,
    since: Day | None = None,
    until: Day | None = None,
    category: Category | None = None,
    limit: Limit = 50,
    cursor: Annotated[int | None, Query(ge=0, le=LAST, description="From `next`.")] = None,
) -> dict[str, Any]:
    """All papers of these days and this category. Pages do not shift while new papers come in."""
    shown = Paper.objects.visible().filter(day__lte=timezone.now().date())
    bounds = {"day": day, "day__gte": since, "day__lte": until}
    shown = shown.filter(**{name: value for name, value in bounds.items() if value})
    if category:
        shown = shown.filter(categories__contains=queries.parse_query(f"cat:{category}").categories)
    if cursor is not None:
        last, pk = place(cursor)
        shown = shown.filter(Q(day__lt=last) | Q(day=last, pk__lt=pk))
    return page(request, shown.order_by("-day", "-pk"), limit)


@api.get("/papers/{pk}", response={200: PaperOut, **PROBLEMS}, summary="One paper")
def paper(request: HttpRequest, pk: Number) -> dict[str, Any]:
    return out(get_object_or_404(Paper, pk=pk, hidden=False))


@api.get(
    "/papers/{pk}/similar",
    response={200: list[PaperOut], **PROBLEMS},
    summary="Papers like one",
)
def similar(request: HttpRequest, pk: Number, limit: Limit = 10) -> list[dict[str, Any]]:
    """Papers with similar meaning, the nearest first; by words of the title while meanings are
    being learnt."""
    known = get_object_or_404(Paper, pk=pk, hidden=False)
    return [out(one) for one in search.similar_papers(known, limit)]


@api.get("/arxiv/{path:name}", response={200: PaperOut, **PROBLEMS}, summary="By arXiv id")
def by_arxiv_id(request: HttpRequest, name: str) -> dict[str, Any]:
    known, _version = parse_arxiv_id(name)
    return out(get_object_or_404(Paper, arxiv_id=known or None, hidden=False))


@api.get("/search", response={200: Page, **PROBLEMS}, summary="Papers by words and by meaning")
def found(
    request: HttpRequest,
    q: Annotated[str, Query(max_length=queries.MAX_LENGTH, description="As on the search page.")],
    limit: Limit = 50,
    cursor: Annotated[int, Query(ge=0, le=10_000, description="From `next`.")] = 0,
) -> dict[str, Any]:
    """The best first; some thousand at most."""
    pks = search.search_papers(queries.parse_query(q)).pks
    end = cursor + limit
    following = {"q": q, "limit": limit, "cursor": end}
    return {
        "items": [out(one) for one in search.papers_in_order(pks[cursor:end])],
        "next": address(request, following) if end < len(pks) else None,
    }


@api.get(
    "/daily_papers",
    response={200: list[DailyItem], **PROBLEMS},
    summary="A day, as Hugging Face lists it",
)
def daily_papers(
    request: HttpRequest,
    date: Day | None = None,
    limit: Limit = 50,
    p: Annotated[int, Query(ge=0, le=1000, description="Page, from 0.")] = 0,
) -> list[dict[str, Any]]:
    """The papers of a day (the newest, where none is named), best first, in the form of the
    Hugging Face API of this name. Papers without an arXiv id are left out."""
    shown = Paper.objects.visible().filter(day__lte=timezone.now().date()).exclude(arxiv_id=None)
    chosen = date or shown.order_by("-day").values_list("day", flat=True).first()
    best = shown.filter(day=chosen).trending()[p * limit : (p + 1) * limit]
    return [daily(one) for one in best]


def page(request: HttpRequest, ordered: QuerySet[Paper], limit: int) -> dict[str, Any]:
    listed = list(ordered.defer("title_raw", "abstract_raw")[: limit + 1])
    more = len(listed) > limit
    listed = listed[:limit]
    given = {name: value for name, value in request.GET.items() if name != "cursor"}
    following = given | {"cursor": cursor_of(listed[-1])} if more else {}
    return {
        "items": [out(one) for one in listed],
        "next": address(request, following) if more else None,
    }


def address(request: HttpRequest, query: dict[str, Any]) -> str:
    return f"{settings.SITE_URL}{request.path}?{urlencode(query)}"


def cursor_of(paper: Paper) -> int:
    """A paper's place in the list, as one number."""
    return paper.day.toordinal() * EACH_DAY + paper.pk


def place(cursor: int) -> tuple[date, int]:
    """The day and key that a cursor stands for; each number stands for some."""
    return date.fromordinal(max(cursor // EACH_DAY, 1)), cursor % EACH_DAY


def out(paper: Paper) -> dict[str, Any]:
    names = [name for name in PaperOut.model_fields if name not in ("url", "picked")]
    return {name: getattr(paper, name) for name in names} | {
        "url": settings.SITE_URL + paper.get_absolute_url(),
        "authors": [str(name) for name in paper.authors],
        "picked": paper.featured,
    }


def daily(paper: Paper) -> dict[str, Any]:
    published = paper.published_at or midnight(paper.listed_on)
    known = {
        "id": paper.arxiv_id,
        "title": paper.title,
        "summary": paper.abstract,
        "authors": [{"name": str(name)} for name in paper.authors],
        "publishedAt": published,
        "submittedOnDailyAt": midnight(paper.day),
        "upvotes": paper.all_votes,
        "githubRepo": paper.code_url or None,
        "githubStars": paper.stars or None,
        "projectPage": paper.project_url or None,
    }
    return {
        "paper": known,
        "title": paper.title,
        "summary": paper.abstract,
        "publishedAt": published,
        "thumbnail": paper.thumbnail_url or None,
        "numComments": paper.comments,
    }


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_default_timezone())
