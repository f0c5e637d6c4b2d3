"""The status page of the sources."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from papers.freshness import notices


@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """Show the state of every source, today and on recent days."""
    now = timezone.now()
    context = {
        "rows": notices.source_statuses(now),
        "notices": notices.report_at(now).notices(),
        "now": now,
    }
    return render(request, "papers/status.html", context)
