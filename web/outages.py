"""Respond with 503 and Retry-After instead of 500 while PostgreSQL or Redis is unavailable.

Before a request's first query, `config.postgresql` already waits for a short restart.
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
from psycopg.errors import InsufficientPrivilege

from config.logs import redact

log = logging.getLogger(__name__)

RETRY_AFTER = 30  # seconds
# SQLSTATE prefixes: connection lost or refused, server starting or stopping, too many connections.
# If psycopg could not connect at all, there is no SQLSTATE.
OUTAGE_STATES = ("08", "57P", "53300")


class Outages:
    """Middleware that turns errors of an outage into 503 responses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return unavailable(request, error) if is_outage(error) else None


def server_error(request: HttpRequest) -> HttpResponse:
    """Handle server errors (`handler500`), the only place that sees errors of other middleware."""
    error = sys.exc_info()[1]
    if isinstance(error, Exception) and is_outage(error):
        return unavailable(request, error)
    return defaults.server_error(request)


def is_outage(error: Exception) -> bool:
    """Return whether PostgreSQL or Redis is unavailable, as opposed to a single failed query."""
    if isinstance(error, redis.RedisError | kombu.exceptions.OperationalError):
        return True
    if isinstance(error, OperationalError | InterfaceError):
        state = getattr(error.__cause__, "sqlstate", None)
        return state is None or state.startswith(OUTAGE_STATES)
    return False


def describe_failure(error: Exception) -> str:
    """Return a line for the operator about an outage or a missing privilege, else ""."""
    if is_outage(error):
        is_database = isinstance(error, OperationalError | InterfaceError)
        server = "PostgreSQL" if is_database else "Redis"
        return f"{server} does not answer: {_first_line(error)}"
    cause: BaseException | None = error
    while cause and not isinstance(cause, InsufficientPrivilege):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return ""
    hint = "Migrations and restores need the role paperboy_owner; see docs/operations.md."
    return f"PostgreSQL: {_first_line(cause)}. {hint}"


def _first_line(error: BaseException) -> str:
    return redact(str(error).split("\n")[0])


def unavailable(request: HttpRequest, error: Exception | None = None) -> HttpResponse:
    """Return a page, an htmx fragment or JSON with status 503.

    Uses neither PostgreSQL nor Redis.
    """
    if error:
        log.warning(
            "%s %s: 503, %s: %s",
            *(request.method, request.path, type(error).__name__, _first_line(error)),
        )
    response: HttpResponse
    if request.path.startswith("/api/"):
        response = JsonResponse({"detail": "Temporarily unavailable. Please try again."})
    else:
        name = "_503.html" if "HX-Request" in request.headers else "503.html"
        response = HttpResponse(render_to_string(name))
    response.status_code = 503
    response["Retry-After"] = str(RETRY_AFTER)
    response["Cache-Control"] = "no-store"
    return response
