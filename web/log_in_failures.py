"""Wrong passwords, counted by django-axes in the cache; `manage.py axes_reset` forgets them.

The key of an entry is a hash of account and address, so that only both together name one.
"""

from __future__ import annotations

import math
from typing import Any

import redis
from axes.handlers.cache import AxesCacheHandler
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class LogInFailures(AxesCacheHandler):
    """axes' own handler finds no entry by the account or the address alone."""

    def reset_attempts(
        self,
        *,
        ip_address: str | None = None,
        username: str | None = None,
        ip_or_username: bool = False,
    ) -> int:
        """Forget one entry, or all of them unless both account and address are given."""
        if ip_address and username and not ip_or_username:
            return int(super().reset_attempts(ip_address=ip_address, username=username))
        store = redis.Redis.from_url(settings.REDIS_URL)
        keys = list(store.scan_iter(cache.make_key("axes-*"), count=1000))
        return int(store.delete(*keys)) if keys else 0


def locked_out(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    """The answer after too many wrong passwords."""
    seconds = math.ceil(settings.AXES_COOLOFF_TIME.total_seconds())
    context = {"minutes": math.ceil(seconds / 60)}
    answer = render(request, "locked_out.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    return answer
