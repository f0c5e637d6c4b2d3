"""Feeds of a day, a field or a search, in Atom and JSON Feed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from urllib.parse import quote

from django.conf import settings
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from papers.metadata import categories
from papers.models import Paper
from papers.pages.syndication import TYPES, Feed, Item
from papers.searching import queries, search
from papers.searching.query_values import parse_subject
from web.rate_limit import rate_limited

MAX_ENTRIES = 50
MAX_AUTHORS = 50  # per entry; some papers have thousands
SEARCH_RESULTS = 200  # best results of a search, of which the feed lists the newest
public = cache_control(public=True, max_age=900)


@require_safe
@public
@conditional_page
def day_feed(request: HttpRequest, kind: str, day: date | None = None) -> HttpResponse:
    """Return a day's papers, best first; by default those of the newest day with papers."""
    papers = Paper.objects.visible().filter(day__lte=timezone.now().date())
    day = day or papers.aggregate(newest=Max("day"))["newest"]
    best = papers.filter(day=day).trending()[:MAX_ENTRIES]
    home = reverse("day", args=[day]) if day else reverse("home")
    return paper_feed(request, kind, "Trending papers", home, best)


@require_safe
@public
@conditional_page
def field_feed(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """Return a category's papers, newest day first and best first within a day.

    A category is one of arXiv or one that a source uses for its papers.
    """
    subject = parse_subject(name)
    public_papers = Paper.objects.visible().filter(day__lte=timezone.now().date())
    papers = public_papers.filter(categories__contains=[subject])
    papers = papers.order_by("-day", "-score", "-pk")
    if not subject or not (categories.canonical_category(name) or papers.exists()):
        raise Http404
    home = f"{reverse('search')}?q={quote(f'cat:{subject}')}"
    title = f"Papers in {subject}"
    return paper_feed(request, kind, title, home, papers[:MAX_ENTRIES])


@require_safe
@rate_limited("search")
@public
@conditional_page
def search_feed(request: HttpRequest, kind: str) -> HttpResponse:
    """Return the newest of the best results of a search."""
    query = queries.parse_query(request.GET.get("q", ""))
    best = search.papers_in_order(search.search_papers(query).pks[:SEARCH_RESULTS])
    newest = sorted(best, key=lambda paper: paper.day, reverse=True)[:MAX_ENTRIES]
    home = f"{reverse('search')}?q={quote(str(query))}"
    return paper_feed(request, kind, f"Papers on {query}", home, newest)


def paper_feed(
    request: HttpRequest, kind: str, title: str, home: str, papers: Iterable[Paper]
) -> HttpResponse:
    """Return a feed of papers; `home` is the path of the page that it belongs to."""
    items = [feed_item(paper) for paper in papers]
    return feed_document(request, kind, title, home, items)


def feed_document(
    request: HttpRequest, kind: str, title: str, home: str, items: list[Item]
) -> HttpResponse:
    """Return a feed with the request's path on `SITE_URL` as its URL."""
    feed = Feed(
        title=f"{title} · {settings.SITE_NAME}",
        url=settings.SITE_URL + request.get_full_path(),
        home=settings.SITE_URL + home,
        site=settings.SITE_NAME,
        items=items,
        # A fixed date keeps the ETag of an empty feed unchanged.
        updated=max((item.at for item in items), default=datetime(1970, 1, 1, tzinfo=UTC)),
    )
    return HttpResponse(feed.document(kind), content_type=f"{TYPES[kind]}; charset=utf-8")


def feed_item(paper: Paper) -> Item:
    """Return a paper as a feed entry: its abstract and links as HTML."""
    links = [
        f'<a href="{escape(url)}">{name}</a>'
        for name, url in (("abstract", paper.abstract_url), ("PDF", paper.pdf_url))
        if url
    ]
    paragraphs = [*escape(paper.abstract).split("\n\n"), " · ".join(links)]
    return Item(
        title=paper.title,
        url=settings.SITE_URL + paper.get_absolute_url(),
        content="".join(f"<p>{text}</p>" for text in paragraphs if text),
        at=datetime.combine(paper.day, time(), UTC),
        authors=[str(name) for name in paper.authors[:MAX_AUTHORS]],
        tags=paper.categories,
    )
