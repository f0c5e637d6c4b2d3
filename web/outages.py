"""Answer 503 with Retry-After, not 500, while PostgreSQL or Redis is away.

A restart of PostgreSQL is bridged before a request's first query (config.postgresql).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import kombu.exceptions
import redis
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

log = logging.getLogger(__name__)

RETRY_AFTER = 30  # seconds
# Connection lost or refused, server starting, stopping or full; psycopg gives none where it could
# not connect at all.
AWAY = ("08", "57P", "53300")


class Outages:
    """Middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return unavailable(request, error) if is_outage(error) else None


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: errors of other middleware arrive here alone."""
    error = sys.exc_info()[1]
    if isinstance(error, Exception) and is_outage(error):
        return unavailable(request, error)
    return defaults.server_error(request)


def is_outage(error: Exception) -> bool:
    """Tell whether PostgreSQL or Redis is away, and not one query or command wrong."""
    if isinstance(error, redis.RedisError | kombu.exceptions.OperationalError):
        return True
    if isinstance(error, OperationalError | InterfaceError):
        state = getattr(error.__cause__, "sqlstate", None)
        return state is None or state.startswith(AWAY)
    return False


def unavailable(request: HttpRequest, error: Exception | None = None) -> HttpResponse:
    """A page, part of a page, or JSON; it asks neither PostgreSQL nor Redis."""
    if error:
        log.warning(
            "%s %s: 503, %s: %s",
            *(request.method, request.path, type(error).__name__, str(error).split("\n")[0]),
        )
    answer: HttpResponse
    if request.path.startswith("/api/"):
        answer = JsonResponse({"detail": "Not available at the moment. Please try again."})
    else:
        name = "_503.html" if "HX-Request" in request.headers else "503.html"
        answer = HttpResponse(render_to_string(name))
    answer.status_code = 503
    answer["Retry-After"] = str(RETRY_AFTER)
    answer["Cache-Control"] = "no-store"
    return answer
