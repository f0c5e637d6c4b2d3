"""What the page of one paper shows besides the paper, and its citation as a file."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from papers.models import Observation, Paper, Source, Thumbnail
from papers.pages import citations, sparkline
from papers.searching import queries, search
from papers.text.markup import short_authors

SIMILAR = 5
READERS = "readers"  # the kind of our own readers' votes
KINDS = dict(Source.Kind.choices)


@require_safe
def bibtex_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The citation as a file to open in a reference manager."""
    work = cited(get_object_or_404(Paper, pk=pk, hidden=False))
    response = HttpResponse(
        citations.bibtex_entry(work), content_type="application/x-bibtex; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{citations.citation_key(work)}.bib"'
    return response


def details(paper: Paper) -> dict[str, Any]:
    """Where and when it was talked about, its versions, what is like it, how to cite and share."""
    counted = list(paper.observations.order_by("observed_at"))
    return {
        "plot": sparkline.draw_plot(
            (one.observed_at, one.kind, one.votes) for one in counted if one.votes is not None
        ),
        "talked": talked(counted),
        "versions": list(paper.versions.all()),
        "authors_linked": [(name, search_url(f'author:"{name}"')) for name in names(paper)],
        "categories_linked": [(name, search_url(f"cat:{name}")) for name in paper.categories],
        "picture": picture_url(paper),
        "similar": [
            {"paper": one, "authors": short_authors(one.authors)}
            for one in search.similar_papers(paper, SIMILAR)
        ],
        "bibtex": citations.bibtex_entry(cited(paper)),
        "address": settings.SITE_URL + paper.get_absolute_url(),
        "share": share(paper),
    }


def names(paper: Paper) -> list[str]:
    return [str(name).replace('"', "'") for name in paper.authors]


def search_url(typed: str) -> str:
    """Where the papers of an author or a category are found; "" where search cannot read it."""
    query = queries.parse_query(typed)
    return (
        f"{reverse('search')}?{urlencode({'q': str(query)})}" if query and not query.ignored else ""
    )


def picture_url(paper: Paper) -> str:
    """The whole address of its picture, for places that show a card of a link; "" without one."""
    has_one = Thumbnail.objects.filter(paper=paper).exclude(media_type="").exists()
    return settings.SITE_URL + reverse("picture", args=[paper.pk]) if has_one else ""


def talked(counted: list[Observation]) -> list[dict[str, Any]]:
    """For each kind of place that counted: since when, and its last figures."""
    places: dict[str, dict[str, Any]] = {}
    for one in counted:
        place = places.setdefault(one.kind, {"since": one.observed_at, "figures": {}})
        place["name"] = place_name(one.kind)
        place["figures"] |= one.figures()
        place["last"] = one.observed_at
    return list(places.values())


def place_name(kind: str) -> str:
    """Who counted; "" for our own readers."""
    return "" if kind == READERS else str(KINDS.get(kind, kind))


def cited(paper: Paper) -> citations.Work:
    when = paper.published_at or paper.listed_on
    return citations.Work(
        title=paper.title,
        authors=[str(name) for name in paper.authors],
        year=when.year,
        url=paper.abstract_url or settings.SITE_URL + paper.get_absolute_url(),
        arxiv_id=paper.arxiv_id or "",
        category=paper.primary_category,
        doi=paper.doi or "",
        journal=paper.journal_ref,
    )


def share(paper: Paper) -> list[tuple[str, str]]:
    """Names and addresses of places to share it; nothing is asked of them until one is chosen."""
    address = settings.SITE_URL + paper.get_absolute_url()
    said = {"text": paper.title, "url": address}
    places = {
        "Bluesky": ("https://bsky.app/intent/compose", {"text": f"{paper.title} {address}"}),
        "Mastodon": ("https://mastodonshare.com/", said),
        "LinkedIn": ("https://www.linkedin.com/sharing/share-offsite/", {"url": address}),
        "X": ("https://x.com/intent/post", said),
    }
    return [(name, f"{place}?{urlencode(query)}") for name, (place, query) in places.items()]
