from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from operations import doctor, health, queues
from operations.findings import Finding, Level
from papers.models import Source
from subscriptions.editions import states
from subscriptions.models import Edition, Subscriber
from subscriptions.staff.roles import CURATOR, OPERATOR
from tests.subscriptions.conftest import Sink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def without_worker_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the timeout for workers, because none is running."""
    monkeypatch.setattr(queues, "WORKER_TIMEOUT", 0.05)


CHECKS = {(check.__doc__ or "").rstrip("."): check for check in doctor.LOCAL_CHECKS}


def said(area: str) -> dict[str, Level]:
    findings = list(doctor._run(CHECKS[area], timezone.now(), set()))
    assert {finding.area for finding in findings} == {area}
    return {finding.message: finding.level for finding in findings}


def source(**given: Any) -> Source:
    values = {"name": "arXiv", "url": "https://a.example/", "succeeded_at": timezone.now()}
    return Source.objects.create(**values | given)


def test_a_healthy_installation_has_only_ok_findings() -> None:
    source()
    queues.record_beat(timezone.now())
    for area in CHECKS.keys() - {"Settings", "Workers"}:
        assert set(said(area).values()) == {Level.OK}, area


def test_missing_workers_and_beat_are_errors() -> None:
    assert said("Workers") == {
        f"No worker for queue “{queue}”.": Level.ERROR for queue in queues.QUEUES
    }
    [(text, level)] = said("Beat").items()
    assert (text, level) == ("No task has run so far.", Level.ERROR)
    queues.record_beat(timezone.now() - timedelta(hours=1))
    assert set(said("Beat").values()) == {Level.ERROR}


def test_redis_with_eviction_or_without_persistence_is_reported() -> None:
    server = queues.client()
    server.config_set("maxmemory-policy", "allkeys-lru")
    server.config_set("appendonly", "no")
    try:
        found = said("Redis")
    finally:
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set("appendonly", "yes")
    assert found["It evicts data when full (allkeys-lru)."] == Level.ERROR
    assert found["It doesn't persist its data."] == Level.WARNING


def test_a_source_that_was_never_read_is_named_with_its_outcome() -> None:
    source(succeeded_at=None)
    assert said("Sources") == {"arXiv has not been checked yet.": Level.NOTE}
    Source.objects.update(failures=3, outcome="refused_address")
    assert said("Sources") == {"arXiv has never been read. Now: refused_address": Level.WARNING}


@pytest.mark.django_db(transaction=True)
def test_without_tables_the_doctor_names_the_migrations_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "unapplied_migrations", lambda: ["papers.0001_initial"])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE papers_source RENAME TO missing")
        try:
            report = doctor.examine(timezone.now(), network=False)
        finally:
            cursor.execute("ALTER TABLE missing RENAME TO papers_source")
    found = {finding.area: finding for finding in report}
    assert found["Migrations"].level == Level.ERROR
    sources = found["Sources"]
    assert (sources.level, sources.message) == (Level.NOTE, "Not checked.")
    assert sources.advice == "Run the migrations first."


def test_without_redis_there_is_one_error(settings: Any) -> None:
    source()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    found = doctor.examine(timezone.now(), network=False)
    assert {finding.area for finding in found} == set(CHECKS)
    errors = [finding for finding in found if finding.level == Level.ERROR]
    [error] = [finding for finding in errors if finding.area != "Settings"]
    assert (error.area, error.advice) == ("Redis", "Start Redis, and check REDIS_URL.")
    assert error.message.startswith("No answer: ConnectionError")
    assert unchecked(found) == {"Workers", "Beat", "Queues", "Clock"}
    assert "report" not in str(found)


def test_without_postgresql_there_is_one_error() -> None:
    with refused_queries():
        found = doctor.examine(timezone.now(), network=False)
    assert [
        one.area
        for one in found
        if one.level == Level.ERROR and one.area not in ("Settings", "Workers")
    ] == [
        "PostgreSQL",
        "Beat",
    ]
    assert unchecked(found) >= {"Migrations", "Editions", "Sources", "Clock"}


def unchecked(found: list[Finding]) -> set[str]:
    return {
        finding.area
        for finding in found
        if (finding.level, finding.message, finding.advice)
        == (Level.NOTE, "Not checked.", "Fix the server above first.")
    }


@contextmanager
def refused_queries() -> Iterator[None]:
    def refuse(*_: Any) -> Any:
        raise OperationalError("the server is stopped")

    with connection.execute_wrapper(refuse):
        yield


def test_an_error_in_a_check_points_to_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(_now: datetime) -> list[Finding]:
        """Anything."""
        raise ValueError("odd")

    [finding] = doctor._run(stumble, timezone.now(), set())
    assert finding.message == "The check failed: ValueError: odd"
    assert finding.advice == "See the log for the full error."
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("state", ["held", "paused"])
def test_an_edition_stopped_by_a_curator_is_a_note(state: str) -> None:
    day = timezone.now().date()
    Edition.objects.create(day=day, state=state, reason="A wrong picture.", changed_by="ada")
    verb = {"held": "put on hold", "paused": "paused"}[state]
    assert said("Editions") == {
        f"The edition of {day} was {verb} by ada: A wrong picture.": Level.NOTE,
        "None missing or stuck.": Level.OK,
    }
    Edition.objects.update(changed_by=states.PAPERBOY)
    assert set(said("Editions").values()) == {Level.ERROR}


@pytest.mark.parametrize(("debug", "complete"), [(True, False), (False, True)])
def test_debug_is_on_or_settings_are_complete(settings: Any, debug: bool, complete: bool) -> None:
    settings.DEBUG = debug
    settings.SILENCED_SYSTEM_CHECKS = ["*"]
    found = " ".join(said("Settings"))
    assert ("DEBUG is on" in found) == debug
    assert ("Complete" in found) <= complete


def test_asynchronous_commit_and_missing_migrations_are_errors() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'papers' AND name LIKE '0001%'")
    assert said("PostgreSQL")["synchronous_commit is off."] == Level.ERROR
    assert said("Migrations") == {"1 not applied: papers.0001_initial.": Level.ERROR}


def test_waiting_readers_are_an_error(make_reader: Callable[..., Subscriber]) -> None:
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
def test_the_level_of_sources_follows_their_checks(given: dict[str, Any], level: Level) -> None:
    source(**given)
    assert list(said("Sources").values()) == [level]


def test_an_installation_without_sources_is_reported() -> None:
    assert said("Sources") == {"No sources yet.": Level.ERROR}


def mail_provider() -> tuple[Level, str]:
    [finding] = doctor.mail_provider(timezone.now())
    return finding.level, finding.message


def test_a_mail_server_that_answers_is_ok(smtp: Sink) -> None:
    level, text = mail_provider()
    assert (level, "Connected to" in text) == (Level.OK, True)
    assert smtp.accepted == []


def test_a_mail_server_that_is_down_or_rejects_the_login_is_an_error(
    smtp: Sink, settings: Any
) -> None:
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


def test_the_command_gives_advice_and_fails() -> None:
    text, status = run()
    assert status == 1
    assert "ERROR   Workers: No worker for queue “mail”.\n        → Start one: celery" in text


def test_the_command_prints_json() -> None:
    text, status = run("--json")
    assert status == 1
    assert {"area", "level", "message", "advice"} == set(json.loads(text)[0])


def test_the_worst_level_decides() -> None:
    finding = doctor.Finding("x", Level.OK, "y")
    assert doctor.worst_level([]) == doctor.worst_level([finding]) == Level.OK
    assert doctor.worst_level([finding, doctor.Finding("x", Level.WARNING, "y")]) == Level.WARNING


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
    assert "No worker for queue “mail”." in page.text
    assert page.text.index("error</td>") < page.text.index("ok</td>"), "what is wrong comes first"
    assert 'href="/admin/doctor/"' in client.get("/admin/").text


def test_a_clock_that_differs_from_the_database_is_reported(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = timezone.now() - timedelta(seconds=30)
    monkeypatch.setattr(doctor, "_value", lambda _sql: late)
    [(text, level)] = said("Clock").items()
    assert level == Level.ERROR
    assert "off the clock of PostgreSQL" in text
