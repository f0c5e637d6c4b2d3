"""The home page: trending papers by day, week or month, and by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Max, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from papers.metadata import categories
from papers.models import Paper, PaperQuerySet, Window
from papers.pages.citations import export_links
from papers.pages.paper import card
from papers.ranking.forecast import describe_reason

PAPERS_PER_PAGE = 50
MAX_FIELDS = 12
MAX_LIKELY = 5
WEEKEND = (5, 6)  # Saturday and Sunday


@dataclass(frozen=True, slots=True)
class ListChoice:
    """The choices of a visitor: period, field, and the order."""

    window: Window
    field: str
    by_field: bool

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> ListChoice:
        """Read `window=week` or `month`, `field=cs.RO`, and `by=field`, which orders by how much
        a paper stands out in its own field."""
        window = query.get("window", "")
        field = query.get("field", "")
        return cls(
            Window(window) if window in Window.values else Window.DAY,
            categories.canonical_category(field) or field,
            query.get("by") == "field",
        )

    def select_papers(self, days: PaperQuerySet, day: date) -> PaperQuerySet:
        """Return the papers of the period that ends with the day, in the chosen order."""
        papers = days.within(self.window, day)
        if self.field:
            papers = papers.filter(field=self.field)
        return papers.outstanding() if self.by_field else papers.hottest()


@require_safe
def home(request: HttpRequest, day: date | None = None) -> HttpResponse:
    """Show the trending papers of a day; by default of the newest day with papers.

    `ListChoice` reads the query.
    """
    days = Paper.objects.visible().filter(day__lte=timezone.now().date())
    day = day or days.aggregate(newest=Max("day"))["newest"]
    choice = ListChoice.from_query(request.GET)
    field = choice.field
    papers = choice.select_papers(days, day) if day else days.none()
    fields = days.within(choice.window, day).fields()[:MAX_FIELDS] if day else []
    is_newest = "day" not in (request.resolver_match.kwargs if request.resolver_match else {})
    context = {
        "day": day,
        "cards": [card(paper) for paper in papers.with_pictures()[:PAPERS_PER_PAGE]],
        "window": choice.window,
        "windows": list(Window),
        "field": field,
        "fields": fields,
        "by_field": choice.by_field,
        "has_feed": field in {name for name, _number in fields},
        "near_fields": None if field_exists(field) else categories.nearest_categories(field),
        "is_weekend": day and day.weekday() in WEEKEND,
        "previous": day and days.filter(day__lt=day).aggregate(last=Max("day"))["last"],
        "next": day and days.filter(day__gt=day).aggregate(first=Min("day"))["first"],
        "is_newest": is_newest,
        "likely": likely_papers(papers) if is_newest and choice.window == Window.DAY else [],
        "exports": day and export_links("export-day", request.GET, day),
    }
    return render(request, "papers/home.html", context)


def likely_papers(papers: PaperQuerySet) -> list[tuple[Paper, str]]:
    """Return papers that are likely to trend, with the reasons."""
    likely = papers.likely_to_trend()[:MAX_LIKELY]
    return [(paper, describe_reason(paper.forecast_reason)) for paper in likely]


def field_exists(name: str) -> bool:
    """Return whether a field is known or has papers; "" stands for all fields."""
    return (
        not name
        or bool(categories.canonical_category(name))
        or Paper.objects.filter(field=name).exists()
    )
