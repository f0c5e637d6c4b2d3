"""Responses while PostgreSQL or Redis is unavailable: 503 with Retry-After."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kombu.exceptions
import psycopg
import pytest
import redis
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.test import Client, RequestFactory

from config.postgresql import base
from subscriptions.models import Subscriber
from tests.deploy.conftest import PRODUCTION
from tests.pages import Page
from web import outages

UNREACHABLE_REDIS = "redis://127.0.0.1:1/0"
CACHE_COMMAND = "from django.core.cache import cache; cache.get('a')"


@pytest.fixture
def no_redis(settings: Any) -> Iterator[None]:
    AxesProxyHandler.implementation = None  # it keeps the first cache it used
    settings.REDIS_URL = UNREACHABLE_REDIS
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": UNREACHABLE_REDIS,
        }
    }
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (60, 600))
    yield
    AxesProxyHandler.implementation = None


@contextmanager
def database_away(error: psycopg.Error) -> Iterator[None]:
    def refuse(*_: Any) -> Any:
        raise OperationalError(str(error)) from error

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "button", "fields"),
    [
        ("/subscribe/", "Subscribe", {"email": "a@example.org"}),
        ("/sign-in/", "Email me the link", {"email": "a@example.org"}),
        ("/preferences/", "Email me the link", {"email": "a@example.org"}),
        ("/admin/login/", "Log in", {"username": "ada", "password": "wrong"}),
    ],
)
def test_without_redis_forms_that_send_mail_and_logins_return_503(
    client: Client, no_redis: None, path: str, button: str, fields: dict[str, str]
) -> None:
    answer = Page.open(client, path).submit(button, **fields)
    assert answer.status == 503
    assert answer.response["Retry-After"] == "30"
    assert "Temporarily unavailable" in answer.text
    assert "a lot of requests" not in answer.text
    assert not Subscriber.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/search/?q=language", "/subscribe/", "/api/papers"])
def test_without_redis_pages_are_served(client: Client, no_redis: None, path: str) -> None:
    assert client.get(path).status_code == 200


STARTING = psycopg.errors.lookup("57P03")("the database system is starting up")
ENDED = psycopg.errors.lookup("57P01")("terminating connection due to administrator command")
REFUSED = psycopg.OperationalError("connection failed")
FULL = psycopg.errors.lookup("53300")("too many connections")


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("error", [STARTING, ENDED, REFUSED, FULL], ids=lambda one: str(one))
def test_without_postgresql_pages_return_503_with_retry_after(
    client: Client, error: psycopg.Error
) -> None:
    sign_up = Page.open(client, "/subscribe/")
    with database_away(error):
        answer = client.get("/")
        signed_up = sign_up.submit("Subscribe", email="a@example.org").response
        part = client.get("/", headers={"HX-Request": "true"})
        data = client.get("/api/papers")
    for one in (answer, signed_up, part, data):
        assert (one.status_code, one["Retry-After"]) == (503, "30")
        assert one["Cache-Control"] == "no-store"
    assert "<title>Temporarily unavailable" in answer.text
    assert "<title>" not in part.text
    assert data.json() == {"detail": "Temporarily unavailable. Please try again."}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OperationalError(), True),
        (InterfaceError("the connection is closed"), True),
        (redis.ConnectionError(), True),
        (redis.ResponseError("OOM command not allowed when used memory > 'maxmemory'."), True),
        (redis.ReadOnlyError(), True),
        (kombu.exceptions.OperationalError(), True),
        (ValueError(), False),
        (OSError(), False),
    ],
    ids=repr,
)
def test_outages_are_recognised(error: Exception, expected: bool) -> None:
    assert outages.is_outage(error) == expected


@pytest.mark.parametrize("state", ["40P01", "55P03", "57014"])
def test_a_single_failed_query_is_not_an_outage(state: str) -> None:
    error = OperationalError()
    error.__cause__ = psycopg.errors.lookup(state)()
    assert not outages.is_outage(error)


@pytest.mark.django_db
def test_outages_in_other_middleware_are_recognised() -> None:
    request = RequestFactory().get("/")
    for error, status in ((OperationalError(), 503), (ValueError(), 500)):
        try:
            raise error
        except type(error):
            assert outages.server_error(request).status_code == status


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> base.DatabaseWrapper:
    monkeypatch.setattr(base, "RETRY_INTERVAL", 0.01)
    monkeypatch.setattr(base, "WAIT", 0.2)
    monkeypatch.setattr(base, "_last_failed_wait", -base.NO_WAIT)
    return base.DatabaseWrapper(connection.settings_dict)


def test_connecting_waits_for_a_restarting_database(
    database: base.DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def attempt() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise OperationalError("starting up")

    monkeypatch.setattr(database, "attempt", attempt)
    database.connect()
    assert len(attempts) == 3


def test_during_an_outage_only_the_first_connection_waits(
    database: base.DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def attempt() -> None:
        attempts.append(1)
        raise OperationalError("refused")

    monkeypatch.setattr(database, "attempt", attempt)
    for waits in (True, False):
        attempts.clear()
        with pytest.raises(OperationalError):
            database.connect()
        assert (len(attempts) > 1) == waits


@pytest.mark.django_db
def test_the_503_page_uses_no_server(no_redis: None) -> None:
    with database_away(REFUSED):
        answer = outages.unavailable(RequestFactory().get("/"))
    assert answer.status_code == 503


def test_every_link_of_the_page_of_an_outage_leads_somewhere(rf: RequestFactory) -> None:
    response = outages.unavailable(rf.get("/"))
    page = Page(Client(), response, "/")
    assert [link.text for link in page.tree.iter("a") if not link.get("href")] == []
    assert "/sign-in/" in page.html


@pytest.mark.parametrize(
    ("variable", "url", "command", "server"),
    [
        ("DATABASE_URL", "postgresql://a@127.0.0.1:1/a", ("check_editions",), "PostgreSQL"),
        ("REDIS_URL", UNREACHABLE_REDIS, ("shell", "-c", CACHE_COMMAND), "Redis"),
    ],
)
def test_a_command_names_the_server_that_is_away_in_one_line(
    variable: str, url: str, command: tuple[str, ...], server: str
) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env=PRODUCTION | {"PATH": os.environ["PATH"], variable: url},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"{server} does not answer: ")
