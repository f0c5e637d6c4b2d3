"""The ranking of a paper: the breakdown of its score, and a page with all details."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from papers.community import OBSERVATION_KIND
from papers.feeds import kinds
from papers.models import Paper, Window
from papers.ranking.forecast import LIKELY, describe_reason
from papers.ranking.forecasting import current_hits

MAX_COUNTS = 30
SIGNAL_LABELS = {
    "votes_part": gettext_noop("Votes"),
    "own_part": gettext_noop("Adjustment for a long author list"),
    "comments_part": gettext_noop("Comments"),
    "stars_part": gettext_noop("Stars on the code repository"),
    "mentions_part": gettext_noop("Sources that featured it"),
    "reactions_part": gettext_noop("Our readers' reactions"),
}


@require_safe
def ranking_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show every part of a paper's score, its rank in each window and its counts over time."""
    paper = get_object_or_404(Paper.objects.filter(hidden=False), pk=pk)
    observations = paper.observations.order_by("-observed_at")[:MAX_COUNTS]
    context = score_breakdown(paper, 2) | {
        "paper": paper,
        "places": ranks(paper),
        "counts": [(count, source_label(count.kind)) for count in observations],
        "forecast": forecast_details(paper),
    }
    return render(request, "papers/ranking.html", context)


def forecast_details(paper: Paper) -> dict[str, Any]:
    """Return the forecast of a paper and the hit rate of all forecasts, as far as there are."""
    hits = current_hits()
    return {
        "is_made": paper.forecast is not None,
        "is_likely": (paper.forecast or 0) >= LIKELY,
        "reason": describe_reason(paper.forecast_reason),
        "hits": hits,
        "hit_rate": hits and 100 * hits.rate,
        "all_rate": hits and 100 * hits.chance,
    }


def score_breakdown(paper: Paper, digits: int) -> dict[str, Any]:
    """Return the signals that a paper's score is made of, in votes, their sum, and the
    curator's pick. The rounded values add up to the rounded sum."""
    parts = signal_values(paper)
    values = round_to_sum([value for _label, value in parts], digits)
    return {
        "rows": [(label, value) for (label, _exact), value in zip(parts, values, strict=True)],
        "attention": round(sum(value for _label, value in parts), digits),
        "pick": paper.score_parts.get("pick_part"),
    }


def round_to_sum(values: Sequence[float], digits: int) -> list[float]:
    """Round values so that they add up to their rounded sum (largest remainder method)."""
    scale = 10**digits
    steps = [floor(value * scale) for value in values]
    missing = round(sum(values) * scale) - sum(steps)
    by_remainder = sorted(range(len(values)), key=lambda at: steps[at] - values[at] * scale)
    for index in by_remainder[:missing]:
        steps[index] += 1
    return [step / scale for step in steps]


def signal_values(paper: Paper) -> list[tuple[str, float]]:
    """Return the label and the value in votes of each signal that is not zero."""
    return [
        (label, value)
        for name, label in SIGNAL_LABELS.items()
        if (value := paper.score_parts.get(name))
    ]


def ranks(paper: Paper) -> list[tuple[Window, int, int]]:
    """Return rank and number of papers for each window that ends on the paper's day."""
    return [
        (window, papers.filter(heat__gt=paper.heat).count() + 1, papers.count())
        for window in Window
        for papers in [Paper.objects.visible().within(window, paper.day)]
    ]


def source_label(kind: str) -> str:
    """Return the name of a kind of source; "" for the readers of this site."""
    return "" if kind == OBSERVATION_KIND else dict(kinds.choices()).get(kind, kind)
