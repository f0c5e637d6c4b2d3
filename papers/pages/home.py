"""Pages of papers: trending by day, and one paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import floor
from typing import Any

from django.db.models import Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_noop
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from papers.freshness import notices
from papers.metadata import categories
from papers.models import Merge, Paper, Thumbnail, Window
from papers.pages.paper import details, place_name
from papers.text.markup import extract_summary, short_authors

PAPERS_A_DAY = 50
FIELDS_SHOWN = 12
COUNTS_SHOWN = 30
WEEKEND = (5, 6)  # Saturday and Sunday


@require_safe
def home(request: HttpRequest, day: date | None = None) -> HttpResponse:
    """Trending papers of a day, or of the week or month that ends with it (`?window=`), of all
    fields or one (`?field=cs.RO`); `?by=field` puts first what stands out most in its own field.

    The newest day with papers where none is named.
    """
    days = Paper.objects.visible().filter(day__lte=timezone.now().date())
    day = day or days.aggregate(newest=Max("day"))["newest"]
    chosen = request.GET.get("window")
    window = Window(chosen) if chosen in Window.values else Window.DAY
    field, by_field = request.GET.get("field", ""), request.GET.get("by") == "field"
    field = categories.canonical_category(field) or field
    papers = days.within(window, day) if day else days.none()
    fields = papers.fields()[:FIELDS_SHOWN]
    if field:
        papers = papers.filter(field=field)
    ordered = papers.outstanding() if by_field else papers.hottest()
    context = {
        "day": day,
        "cards": [card(paper) for paper in ordered.with_pictures()[:PAPERS_A_DAY]],
        "window": window,
        "windows": list(Window),
        "field": field,
        "fields": fields,
        "by_field": by_field,
        "has_feed": field in {name for name, _number in fields},
        "near_fields": None if is_field(field) else categories.nearest_categories(field),
        "is_weekend": day and day.weekday() in WEEKEND,
        "previous": day and days.filter(day__lt=day).aggregate(last=Max("day"))["last"],
        "next": day and days.filter(day__gt=day).aggregate(first=Min("day"))["first"],
        "is_newest": "day" not in (request.resolver_match.kwargs if request.resolver_match else {}),
    }
    return render(request, "papers/home.html", context)


def is_field(name: str) -> bool:
    """Whether there may be papers of this field on some day; of "" there are."""
    return (
        not name
        or bool(categories.canonical_category(name))
        or Paper.objects.filter(field=name).exists()
    )


@require_safe
def paper_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One paper: abstract, links, how it was ranked, and all else that is known of it."""
    found = get_object_or_404(Paper, pk=pk)
    if merge := Merge.objects.filter(merged=found).select_related("kept").first():
        return redirect(merge.kept)
    if found.hidden:
        raise Http404
    return render(request, "papers/paper.html", card(found) | details(found) | ranked(found, 1))


@require_safe
@cache_control(public=True, max_age=86_400, immutable=True)
def thumbnail(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture of a paper, from our own store."""
    found = get_object_or_404(Thumbnail.objects.exclude(media_type=""), pk=pk, paper__hidden=False)
    return HttpResponse(bytes(found.body), content_type=found.media_type)


@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """How every source stands and how its last days went."""
    now = timezone.now()
    rows = notices.source_statuses(now)
    context = {"rows": rows, "notices": notices.report_at(now).notices(), "now": now}
    return render(request, "papers/status.html", context)


def card(paper: Paper) -> dict[str, Any]:
    """What a page shows of a paper in a list."""
    return {
        "paper": paper,
        "authors": short_authors(paper.authors),
        "extract": extract_summary(paper.abstract),
    }


@require_safe
def ranking_page(request: HttpRequest, pk: int) -> HttpResponse:
    """How a paper was ranked: every part of its score, where it stands, its counts over time."""
    found = get_object_or_404(Paper.objects.filter(hidden=False), pk=pk)
    counts = found.observations.order_by("-observed_at")[:COUNTS_SHOWN]
    context = ranked(found, 2) | {
        "paper": found,
        "places": places(found),
        "counts": [(one, place_name(one.kind)) for one in counts],
    }
    return render(request, "papers/ranking.html", context)


def ranked(paper: Paper, digits: int) -> dict[str, Any]:
    """The sum that a paper's score is made of: its rows, their total, and a curator's pick."""
    rows = worth(paper)
    values = rounded([value for _label, value in rows], digits)
    return {
        "rows": [(label, value) for (label, _exact), value in zip(rows, values, strict=True)],
        "attention": round(sum(value for _label, value in rows), digits),
        "pick": paper.score_parts.get("pick_part"),
    }


def rounded(values: Sequence[float], digits: int) -> list[float]:
    """The values rounded so that they add up to their rounded sum: those nearest to the next step
    are rounded up."""
    scale = 10**digits
    steps = [floor(value * scale) for value in values]
    missing = round(sum(values) * scale) - sum(steps)
    by_rest = sorted(range(len(values)), key=lambda at: steps[at] - values[at] * scale)
    for at in by_rest[:missing]:
        steps[at] += 1
    return [step / scale for step in steps]


def worth(paper: Paper) -> list[tuple[str, float]]:
    """What each signal is worth in votes, as "how was this ranked?" lists them."""
    names = {
        "votes_part": gettext_noop("Votes"),
        "own_part": gettext_noop("Correction for a long author list"),
        "rise_part": gettext_noop("Votes gained lately"),
        "comments_part": gettext_noop("Comments"),
        "stars_part": gettext_noop("Stars of the code"),
        "mentions_part": gettext_noop("Places that put it forward"),
        "reactions_part": gettext_noop("Our readers' reactions"),
        "to_come_part": gettext_noop("Votes such a paper may yet get"),
    }
    return [
        (label, value) for name, label in names.items() if (value := paper.score_parts.get(name))
    ]


def places(paper: Paper) -> list[tuple[Window, int, int]]:
    """For each window that ends on the paper's day: its place and among how many."""
    return [
        (window, papers.filter(heat__gt=paper.heat).count() + 1, papers.count())
        for window in Window
        for papers in [Paper.objects.visible().within(window, paper.day)]
    ]
