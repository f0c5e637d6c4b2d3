"""The home page: trending papers by day, week or month, and by field."""

from __future__ import annotations

from datetime import date

from django.db.models import Max, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from papers.metadata import categories
from papers.models import Paper, Window
from papers.pages.paper import card

PAPERS_PER_PAGE = 50
MAX_FIELDS = 12
WEEKEND = (5, 6)  # Saturday and Sunday


@require_safe
def home(request: HttpRequest, day: date | None = None) -> HttpResponse:
    """Show the trending papers of a day; by default of the newest day with papers.

    `?window=week` or `month` shows the week or month that ends with the day, `?field=cs.RO` one
    field, and `?by=field` orders by how much a paper stands out in its own field.
    """
    days = Paper.objects.visible().filter(day__lte=timezone.now().date())
    day = day or days.aggregate(newest=Max("day"))["newest"]
    window_name = request.GET.get("window")
    window = Window(window_name) if window_name in Window.values else Window.DAY
    field, by_field = request.GET.get("field", ""), request.GET.get("by") == "field"
    field = categories.canonical_category(field) or field
    papers = days.within(window, day) if day else days.none()
    fields = papers.fields()[:MAX_FIELDS]
    if field:
        papers = papers.filter(field=field)
    ordered = papers.outstanding() if by_field else papers.hottest()
    context = {
        "day": day,
        "cards": [card(paper) for paper in ordered.with_pictures()[:PAPERS_PER_PAGE]],
        "window": window,
        "windows": list(Window),
        "field": field,
        "fields": fields,
        "by_field": by_field,
        "has_feed": field in {name for name, _number in fields},
        "near_fields": None if field_exists(field) else categories.nearest_categories(field),
        "is_weekend": day and day.weekday() in WEEKEND,
        "previous": day and days.filter(day__lt=day).aggregate(last=Max("day"))["last"],
        "next": day and days.filter(day__gt=day).aggregate(first=Min("day"))["first"],
        "is_newest": "day" not in (request.resolver_match.kwargs if request.resolver_match else {}),
    }
    return render(request, "papers/home.html", context)


def field_exists(name: str) -> bool:
    """Return whether a field is known or has papers; "" stands for all fields."""
    return (
        not name
        or bool(categories.canonical_category(name))
        or Paper.objects.filter(field=name).exists()
    )
