"""Pages of papers: trending by day, and one paper."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from papers import silence
from papers.models import Paper
from papers.paper_views import details
from papers.text import extract, short_authors

PAPERS_A_DAY = 50


@require_safe
def home(request: HttpRequest, day: date | None = None) -> HttpResponse:
    """Trending papers of a day; the newest day with papers where none is named."""
    days = Paper.objects.visible().filter(day__lte=timezone.now().date())
    day = day or days.aggregate(newest=Max("day"))["newest"]
    cards = (
        [card(paper) for paper in Paper.objects.visible().on(day).trending()[:PAPERS_A_DAY]]
        if day
        else []
    )
    context = {
        "day": day,
        "cards": cards,
        "previous": day and days.filter(day__lt=day).aggregate(last=Max("day"))["last"],
        "next": day and days.filter(day__gt=day).aggregate(first=Min("day"))["first"],
        "is_newest": "day" not in (request.resolver_match.kwargs if request.resolver_match else {}),
    }
    return render(request, "papers/home.html", context)


@require_safe
def paper(request: HttpRequest, pk: int) -> HttpResponse:
    """One paper: abstract, links, how it was ranked, and all else that is known of it."""
    found = get_object_or_404(Paper, pk=pk)
    if found.hidden:
        raise Http404
    context = card(found) | details(found) | {"rows": ranking(found)}
    return render(request, "papers/paper.html", context)


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """How every source stands and how its last days went."""
    now = timezone.now()
    rows = silence.standing(now)
    context = {"rows": rows, "notices": silence.report(now).notices(), "now": now}
    return render(request, "papers/status.html", context)


def card(paper: Paper) -> dict[str, Any]:
    """What a page shows of a paper in a list."""
    return {
        "paper": paper,
        "authors": short_authors(paper.authors),
        "extract": extract(paper.abstract),
    }


def ranking(paper: Paper) -> list[tuple[str, float]]:
    """The score's parts with their names, as "how was this ranked?" lists them."""
    names = {
        "votes_part": "Votes",
        "authors_part": "Correction for a long author list",
        "comments_part": "Comments",
        "stars_part": "Stars of the code",
        "pick_part": "Curator's pick",
    }
    return [
        (label, value) for name, label in names.items() if (value := paper.score_parts.get(name))
    ]
