"""What a monitor, a proxy or an orchestrator asks: plain text, 200 or 503."""

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
    """The process answers. Says nothing of others, so that their trouble restarts nobody."""
    return _answer([])


@require_safe
@never_cache
def ready(_request: HttpRequest) -> HttpResponse:
    """Pages can be served: PostgreSQL and Redis answer and the migrations are applied."""
    return _answer([*_database(), *_redis()])


@require_safe
@never_cache
def editions(_request: HttpRequest) -> HttpResponse:
    """What is wrong with the editions; PostgreSQL alone is asked."""
    return _answer(alerts.current_problems(timezone.now()))


def _answer(found: list[str]) -> HttpResponse:
    text = "\n".join(found) or "ok"
    return HttpResponse(text, content_type="text/plain", status=503 if found else 200)


def _database() -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        _check_migrations()
    except NotMigratedError:
        return ["Migrations are not applied: manage.py migrate."]
    except DatabaseError as error:
        return [f"PostgreSQL does not answer ({type(error).__name__})."]
    return []


class NotMigratedError(Exception):
    """Some migrations of this version are not in the database."""


@cache
def _check_migrations() -> None:
    """Once they are applied it is not asked again: nobody migrates backwards under a process."""
    if unapplied():
        raise NotMigratedError


def unapplied() -> list[str]:
    """Migrations of this version that the database has not seen, as app.name."""
    loader = MigrationLoader(connection)
    missing = loader.graph.nodes.keys() - loader.applied_migrations.keys()
    return sorted(f"{app}.{name}" for app, name in missing)


def _redis() -> list[str]:
    try:
        queues.client().ping()
    except redis.RedisError as error:
        return [f"Redis does not answer ({type(error).__name__})."]
    return []
