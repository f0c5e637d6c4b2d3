"""The page of a paper, and its picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from papers.citations.embedded import context_object
from papers.exports import make_work
from papers.models import Merge, Observation, Paper, Thumbnail
from papers.pages import sparkline
from papers.pages.citations import citation_context
from papers.pages.ranking import score_breakdown, source_label
from papers.searching import queries, search
from papers.text.shortening import short_authors
from papers.text.summary import extract_summary

MAX_SIMILAR = 5


@require_safe
def paper_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a paper: abstract, links, ranking, discussions, versions and similar papers."""
    paper = get_object_or_404(Paper, pk=pk)
    if merge := Merge.objects.filter(merged=paper).select_related("kept").first():
        return redirect(merge.kept)
    if paper.hidden:
        raise Http404
    context = card(paper) | details(paper) | citation_context(paper) | score_breakdown(paper, 1)
    return render(request, "papers/paper.html", context)


@require_safe
@cache_control(public=True, max_age=86_400, immutable=True)
def thumbnail(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the stored picture of a paper."""
    stored = Thumbnail.objects.exclude(media_type="")
    picture = get_object_or_404(stored, pk=pk, paper__hidden=False)
    return HttpResponse(bytes(picture.body), content_type=picture.media_type)


def card(paper: Paper) -> dict[str, Any]:
    """Return the template context of a paper in a list."""
    return {
        "paper": paper,
        "authors": short_authors(paper.authors),
        "extract": extract_summary(paper.abstract),
        "context_object": context_object(make_work(paper)),
    }


def details(paper: Paper) -> dict[str, Any]:
    """Return the template context that only the paper's own page needs."""
    observations = list(paper.observations.order_by("observed_at"))
    return {
        "plot": sparkline.draw_plot(
            (count.observed_at, count.kind, count.votes)
            for count in observations
            if count.votes is not None
        ),
        "discussions": discussions(observations),
        "versions": list(paper.versions.all()),
        "authors_linked": [(name, search_url(f'author:"{name}"')) for name in author_names(paper)],
        "categories_linked": [
            (name, search_url(f'cat:"{name}"')) for name in paper.categories if '"' not in name
        ],
        "picture": picture_url(paper),
        "similar": [
            {"paper": similar, "authors": short_authors(similar.authors)}
            for similar in search.similar_papers(paper, MAX_SIMILAR)
        ],
        "address": settings.SITE_URL + paper.get_absolute_url(),
        "share": share_links(paper),
    }


def author_names(paper: Paper) -> list[str]:
    """Return the authors without double quotes, which a search query could not contain."""
    return [str(name).replace('"', "'") for name in paper.authors]


def search_url(text: str) -> str:
    """Return the URL of a search, or "" if the query has a part that cannot be parsed."""
    query = queries.parse_query(text)
    if not query or query.problems:
        return ""
    return f"{reverse('search')}?{urlencode({'q': str(query)})}"


def picture_url(paper: Paper) -> str:
    """Return the absolute URL of the picture for link previews, or "" if there is none."""
    has_picture = Thumbnail.objects.filter(paper=paper).exclude(media_type="").exists()
    return settings.SITE_URL + reverse("picture", args=[paper.pk]) if has_picture else ""


def discussions(observations: Iterable[Observation]) -> list[dict[str, Any]]:
    """Return name, first date and latest counts for each kind of source, oldest first."""
    places: dict[str, dict[str, Any]] = {}
    for count in observations:
        place = places.setdefault(
            count.kind,
            {"name": source_label(count.kind), "since": count.observed_at, "figures": {}},
        )
        place["figures"] |= count.figures()
    return list(places.values())


def share_links(paper: Paper) -> list[tuple[str, str]]:
    """Return names and URLs of places to share a paper. Plain links: nothing loads from there."""
    url = settings.SITE_URL + paper.get_absolute_url()
    text_and_url = {"text": paper.title, "url": url}
    places = {
        "Bluesky": ("https://bsky.app/intent/compose", {"text": f"{paper.title} {url}"}),
        "Mastodon": ("https://mastodonshare.com/", text_and_url),
        "LinkedIn": ("https://www.linkedin.com/sharing/share-offsite/", {"url": url}),
        "X": ("https://x.com/intent/post", text_and_url),
    }
    return [(name, f"{base}?{urlencode(query)}") for name, (base, query) in places.items()]
