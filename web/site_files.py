"""Files that browsers and search engines expect at the root of a site."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

DAY = 86_400  # seconds

# Pages with endless URLs or of no use in a search engine. Readers' pages are not listed here: they
# send `noindex`, which search engines only see on pages that they may fetch.
DISALLOWED = (
    "/admin/",
    "/search/",
    "/preview/",
    "/follow/",
    "/feeds/search.",
    "/export/",
    "/api/",
    "/outbox/",
)
ALLOWED = ("/api/$",)


@require_safe
@cache_control(public=True, max_age=DAY)
def robots(request: HttpRequest) -> HttpResponse:
    """Return robots.txt with the URL of the sitemap."""
    lines = [
        "User-agent: *",
        *(f"Allow: {path}" for path in ALLOWED),
        *(f"Disallow: {path}" for path in DISALLOWED),
        "",
        f"Sitemap: {settings.SITE_URL}{reverse('sitemap')}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=DAY)
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon, for clients that do not read the page's link elements."""
    return redirect(static("favicon.ico"))
