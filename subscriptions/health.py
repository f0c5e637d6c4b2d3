"""What a monitor asks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from subscriptions import editions


@require_safe
@never_cache
def health(_request: HttpRequest) -> HttpResponse:
    """503 and what is wrong with the editions, or 200; PostgreSQL alone is asked."""
    found = editions.trouble(timezone.now())
    text = "\n".join(found) or "ok"
    return HttpResponse(text, content_type="text/plain", status=503 if found else 200)
