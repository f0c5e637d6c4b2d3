from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from operations import doctor, queues
from operations.findings import Level
from papers.models import Source
from subscriptions.models import Subscriber
from subscriptions.roles import CURATOR, OPERATOR
from tests.subscriptions.conftest import Sink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


CHECKS = {(check.__doc__ or "").rstrip("."): check for check in doctor.INSIDE}


def said(area: str) -> dict[str, Level]:
    findings = list(doctor._made(CHECKS[area], timezone.now()))
    assert {finding.area for finding in findings} == {area}
    return {finding.said: finding.level for finding in findings}


def source(**given: Any) -> Source:
    values = {"name": "arXiv", "url": "https://a.example/", "succeeded_at": timezone.now()}
    return Source.objects.create(**values | given)


def test_what_is_well_is_said_to_be() -> None:
    source()
    queues.beat_was_here(timezone.now())
    for area in CHECKS.keys() - {"Settings", "Workers"}:
        assert set(said(area).values()) == {Level.OK}, area


def test_nobody_works() -> None:
    assert said("Workers") == {
        f"Nobody reads the queue {queue}.": Level.ERROR for queue in queues.QUEUES
    }
    [(text, level)] = said("Beat").items()
    assert (text, level) == ("None of its tasks ran so far.", Level.ERROR)
    queues.beat_was_here(timezone.now() - timedelta(hours=1))
    assert set(said("Beat").values()) == {Level.ERROR}


def test_redis_that_evicts_and_forgets() -> None:
    server = queues.client()
    server.config_set("maxmemory-policy", "allkeys-lru")
    server.config_set("appendonly", "no")
    try:
        found = said("Redis")
    finally:
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set("appendonly", "yes")
    assert found["When it is full it evicts (allkeys-lru)."] == Level.ERROR
    assert found["It does not write down what it holds."] == Level.WARNING


def test_without_redis_the_other_checks_are_made(settings: Any) -> None:
    source()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    [(text, level)] = said("Redis").items()
    assert level == Level.ERROR
    assert text.startswith("It could not be looked at: ConnectionError")
    areas = {finding.area for finding in doctor.examine(timezone.now(), network=False)}
    assert areas == set(CHECKS)


def test_a_database_that_forgets_and_lacks() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'papers' AND name LIKE '0002%'")
    assert said("PostgreSQL")["synchronous_commit is off."] == Level.ERROR
    assert said("Migrations") == {"1 are not applied: papers.0002_sources.": Level.ERROR}


def test_readers_who_wait(make_reader: Callable[..., Subscriber]) -> None:
    make_reader(next_digest_at=timezone.now() - timedelta(hours=3))
    [(text, level)] = said("Editions").items()
    assert level == Level.ERROR
    assert "An edition is missing" in text


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({"failures": 2, "outcome": "http_error"}, Level.WARNING),
        ({"succeeded_at": None}, Level.NOTE),
        ({"succeeded_at": None, "failures": 1}, Level.WARNING),
        ({"parked_at": timezone.now()}, Level.ERROR),
        ({"succeeded_at": timezone.now() - timedelta(days=3)}, Level.ERROR),
    ],
)
def test_sources(given: dict[str, Any], level: Level) -> None:
    source(**given)
    assert list(said("Sources").values()) == [level]


def test_no_source_at_all() -> None:
    assert said("Sources") == {"There is none.": Level.ERROR}


def mail_provider() -> tuple[Level, str]:
    [finding] = doctor.mail_provider(timezone.now())
    return finding.level, finding.said


def test_a_mail_server_that_answers(smtp: Sink) -> None:
    level, text = mail_provider()
    assert (level, "lets us in" in text) == (Level.OK, True)
    assert smtp.accepted == []


def test_a_mail_server_that_is_not_there_or_refuses_us(smtp: Sink, settings: Any) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "somebody@example.org", "wrong"
    level, text = mail_provider()
    assert level == Level.ERROR
    assert "somebody" not in text
    settings.EMAIL_PORT = 1
    assert mail_provider()[0] == Level.ERROR


def run(*options: str) -> tuple[str, int]:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--offline", *options, stdout=out, no_color=True)
    return out.getvalue(), int(ended.value.code or 0)


def test_the_command_says_what_to_do_and_fails() -> None:
    text, status = run()
    assert status == 1
    assert "ERROR   Workers: Nobody reads the queue mail.\n        → Start one: celery" in text


def test_the_command_for_programs() -> None:
    text, status = run("--json")
    assert status == 1
    assert {"area", "level", "said", "advice"} == set(json.loads(text)[0])


def test_the_exit_status_tells_wrong_from_doubtful_and_well() -> None:
    finding = doctor.Finding("x", Level.OK, "y")
    assert doctor.worst([]) == doctor.worst([finding]) == Level.OK
    assert doctor.worst([finding, doctor.Finding("x", Level.WARNING, "y")]) == Level.WARNING


def visit(client: Client, role: str) -> Any:
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return client.get("/admin/doctor/")


@pytest.mark.filterwarnings("ignore")
def test_the_page_is_for_operators(client: Client) -> None:
    assert client.get("/admin/doctor/").status_code == 302
    assert visit(client, CURATOR).status_code == 403
    assert "/admin/doctor/" not in client.get("/admin/").text
    page = visit(client, OPERATOR)
    assert page.status_code == 200
    assert "Nobody reads the queue mail." in page.text
    assert page.text.index("error</td>") < page.text.index("ok</td>"), "what is wrong comes first"
    assert 'href="/admin/doctor/"' in client.get("/admin/").text


def test_the_clock_is_compared(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    late = timezone.now() - timedelta(seconds=30)
    monkeypatch.setattr(doctor, "_value", lambda _sql: late)
    [(text, level)] = said("Clock").items()
    assert level == Level.ERROR
    assert "off PostgreSQL's" in text
