"""What the site has, as feeds: each day, each field, each search, in Atom and JSON Feed."""

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
from web.rate_limit import rate_limited

LISTED = 50
AUTHORS = 50  # of an entry; some papers have thousands
LOOKED_AT = 200  # best results of a search, of which its feed lists the newest
public = cache_control(public=True, max_age=900)


@require_safe
@public
@conditional_page
def day_feed(request: HttpRequest, kind: str, day: date | None = None) -> HttpResponse:
    """The papers of a day, best first; the newest day with papers where none is named."""
    shown = Paper.objects.visible().filter(day__lte=timezone.now().date())
    day = day or shown.aggregate(newest=Max("day"))["newest"]
    papers = shown.filter(day=day).trending()[:LISTED]
    home = reverse("day", args=[day]) if day else reverse("home")
    return respond(request, kind, "Trending papers", home, papers)


@require_safe
@public
@conditional_page
def field_feed(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """The newest papers of a category, of arXiv or of a source that has its own; of one day, the
    best first."""
    query = queries.parse_query(f"cat:{name}")
    shown = Paper.objects.visible().filter(day__lte=timezone.now().date())
    papers = shown.filter(categories__contains=query.categories).order_by("-day", "-score", "-pk")
    if not query.categories or not (categories.canonical_category(name) or papers.exists()):
        raise Http404
    home = f"{reverse('search')}?q={quote(str(query))}"
    return respond(request, kind, f"Papers of {query.categories[0]}", home, papers[:LISTED])


@require_safe
@rate_limited("search")
@public
@conditional_page
def search_feed(request: HttpRequest, kind: str) -> HttpResponse:
    """The newest of the best results of a search."""
    query = queries.parse_query(request.GET.get("q", ""))
    best = search.papers_in_order(search.search_papers(query).pks[:LOOKED_AT])
    newest = sorted(best, key=lambda paper: paper.day, reverse=True)[:LISTED]
    home = f"{reverse('search')}?q={quote(str(query))}"
    return respond(request, kind, f"Papers on {query}", home, newest)


def respond(
    request: HttpRequest, kind: str, title: str, home: str, papers: Iterable[Paper]
) -> HttpResponse:
    items = [item(paper) for paper in papers]
    return feed_document(request, kind, title, home, items)


def feed_document(
    request: HttpRequest, kind: str, title: str, home: str, items: list[Item]
) -> HttpResponse:
    """The feed at the address it was asked for, on the site's own host."""
    feed = Feed(
        title=f"{title} · {settings.SITE_NAME}",
        url=settings.SITE_URL + request.get_full_path(),
        home=settings.SITE_URL + home,
        site=settings.SITE_NAME,
        items=items,
        # A feed that is empty has not changed since the world began.
        updated=max((one.at for one in items), default=datetime(1970, 1, 1, tzinfo=UTC)),
    )
    return HttpResponse(feed.document(kind), content_type=f"{TYPES[kind]}; charset=utf-8")


def item(paper: Paper) -> Item:
    links = [
        f'<a href="{escape(url)}">{name}</a>'
        for name, url in (("abstract", paper.abstract_url), ("PDF", paper.pdf_url))
        if url
    ]
    parts = [*escape(paper.abstract).split("\n\n"), " · ".join(links)]
    return Item(
        title=paper.title,
        url=settings.SITE_URL + paper.get_absolute_url(),
        content="".join(f"<p>{part}</p>" for part in parts if part),
        at=datetime.combine(paper.day, time(), UTC),
        authors=[str(name) for name in paper.authors[:AUTHORS]],
        tags=paper.categories,
    )
