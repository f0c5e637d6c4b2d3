"""Files that browsers and search engines ask for at the root of every site."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

DAY = 86_400  # seconds

# Addresses without an end, or of no use in a search engine. Pages of readers are not among them:
# these say `noindex` themselves, which only those who may fetch them can see.
CLOSED = ("/admin/", "/search/", "/preview/", "/follow/", "/feeds/search.", "/api/", "/outbox/")
OPEN = ("/api/$",)


@require_safe
@cache_control(public=True, max_age=DAY)
def robots(request: HttpRequest) -> HttpResponse:
    """Tell search engines what they may fetch and where the list of pages is."""
    lines = [
        "User-agent: *",
        *(f"Allow: {path}" for path in OPEN),
        *(f"Disallow: {path}" for path in CLOSED),
        "",
        f"Sitemap: {settings.SITE_URL}{reverse('sitemap')}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=DAY)
def favicon(request: HttpRequest) -> HttpResponse:
    """The icon, for programs that read no page first."""
    return redirect(static("favicon.ico"))
