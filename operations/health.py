"""Health endpoints for monitors, proxies and orchestrators: plain text, status 200 or 503."""

from __future__ import annotations

from functools import cache

import redis
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from operations import queues
from subscriptions.editions import alerts


@require_safe
@never_cache
def live(_request: HttpRequest) -> HttpResponse:
    """Answer that this process is alive. Checks nothing else, so outages restart no process."""
    return _respond([])


@require_safe
@never_cache
def ready(_request: HttpRequest) -> HttpResponse:
    """Report whether pages can be served: PostgreSQL, migrations and Redis."""
    return _respond([*_database(), *_redis()])


@require_safe
@never_cache
def editions(_request: HttpRequest) -> HttpResponse:
    """Report problems with editions. Reads PostgreSQL only."""
    return _respond(_database() or alerts.current_problems(timezone.now()))


def _respond(problems: list[str]) -> HttpResponse:
    text = "\n".join(problems) or "ok"
    return HttpResponse(text, content_type="text/plain", status=503 if problems else 200)


def _database() -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        _check_migrations()
    except NotMigratedError:
        return ["Migrations are not applied. Run manage.py migrate."]
    except DatabaseError as error:
        return [f"PostgreSQL does not answer ({type(error).__name__})."]
    return []


class NotMigratedError(Exception):
    """The database lacks migrations of this version."""


@cache
def _check_migrations() -> None:
    """Raise NotMigratedError. Success is cached: nobody migrates backwards under a process."""
    if unapplied_migrations():
        raise NotMigratedError


def unapplied_migrations() -> list[str]:
    """Return migrations that the database lacks, as app.name."""
    loader = MigrationLoader(connection)
    missing = loader.graph.nodes.keys() - loader.applied_migrations.keys()
    return sorted(f"{app}.{name}" for app, name in missing)


def _redis() -> list[str]:
    try:
        queues.client().ping()
    except redis.RedisError as error:
        return [f"Redis does not answer ({type(error).__name__})."]
    return []
