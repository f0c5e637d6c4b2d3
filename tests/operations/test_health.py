from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from operations import health
from tests.pages import forge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def clear_cache() -> None:
    health._check_migrations.cache_clear()


@pytest.mark.parametrize("path", ["/healthz", "/healthz/live", "/healthz/ready"])
def test_a_healthy_installation_is_live_and_ready(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (200, "ok")
    assert "no-store" in answer["Cache-Control"]
    assert forge(client, path).status_code == 405


def test_without_redis_the_process_is_alive_but_not_ready(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert answer.text == "Redis does not answer (ConnectionError)."
    assert client.get("/healthz/live").status_code == 200


def test_a_database_of_an_older_version_is_not_ready(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'papers'")
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert answer.text == "Migrations are not applied. Run manage.py migrate."


@pytest.mark.parametrize("path", ["/healthz/ready", "/healthz/editions"])
def test_without_a_database_it_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"host": "127.0.0.1", "port": 1})
    connection.close()
    try:
        answer = client.get(path)
    finally:
        monkeypatch.undo()
    assert answer.status_code == 503
    assert answer.text == "PostgreSQL does not answer (OperationalError)."
