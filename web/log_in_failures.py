"""Failed logins, which django-axes counts in the cache. `manage.py axes_reset` clears them.

The key of an entry is a hash of account and address together.
"""

from __future__ import annotations

import math
from typing import Any

from axes.handlers.cache import AxesCacheHandler
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.redis_client import redis_client


class LogInFailures(AxesCacheHandler):
    """An axes handler that can reset entries without knowing both account and address."""

    def reset_attempts(
        self,
        *,
        ip_address: str | None = None,
        username: str | None = None,
        ip_or_username: bool = False,
    ) -> int:
        """Clear the entry of an account and address or, if one of them is missing, all entries."""
        if ip_address and username and not ip_or_username:
            return int(super().reset_attempts(ip_address=ip_address, username=username))
        store = redis_client()
        keys = list(store.scan_iter(cache.make_key("axes-*"), count=1000))
        return int(store.delete(*keys)) if keys else 0


def locked_out(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    """Return the page shown after too many wrong passwords, with status 429."""
    seconds = math.ceil(settings.AXES_COOLOFF_TIME.total_seconds())
    context = {"minutes": math.ceil(seconds / 60)}
    response = render(request, "locked_out.html", context, status=429)
    response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "no-store"
    return response
