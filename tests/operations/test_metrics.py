"""Metrics for Prometheus, and the alert rules and dashboard that use them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import time_machine
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from operations import queues, tasks
from papers.models import Source
from subscriptions.mail import transactional
from subscriptions.models import Digest, Edition, Message, Subscriber
from tests.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
Status = Digest.Status
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def frozen(settings: Any) -> Iterator[None]:
    settings.METRICS_TOKEN = "let-me-see"
    with time_machine.travel(NOW, tick=False):
        yield


def scraped(client: Client) -> dict[tuple[str, ...], float]:
    """Return the values by name and labels, parsed as Prometheus does."""
    answer = client.get("/metrics", headers={"Authorization": "Bearer let-me-see"})
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_messages_are_counted_by_kind_and_state(
    client: Client, make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    reader = make_reader()
    transactional.write_message("welcome", now - 7 * MINUTE, reader)
    transactional.write_message("preferences_link", now - 2 * MINUTE, reader)
    Message.objects.filter(kind="preferences_link").update(status="failed")
    found = scraped(client)
    assert found["paperboy_messages", "pending", "welcome"] == 1
    assert found["paperboy_messages", "failed", "preferences_link"] == 1
    assert found["paperboy_messages", "confirmation", "uncertain"] == 0
    assert found["paperboy_oldest_pending_message_seconds", "welcome"] == 7 * 60
    assert found["paperboy_oldest_pending_message_seconds", "goodbye"] == 0


@pytest.mark.promise(40)
def test_metrics_show_due_claimed_sent_failed_uncertain_oldest_pending_and_last_success(
    client: Client,
    make_reader: Callable[..., Subscriber],
    make_digest: Callable[..., Digest],
    now: datetime,
) -> None:
    ages = {
        Status.SENT: {"sent_at": now - 7 * MINUTE},
        Status.FAILED: {},
        Status.UNCERTAIN: {},
        Status.SENDING: {"claimed_at": now - 3 * MINUTE},
        Status.PENDING: {"next_attempt_at": now - 40 * MINUTE},
    }
    Edition.objects.create(day=now.date(), due=6)
    Edition.objects.create(day=now.date() - timedelta(days=3), due=9, closed_at=now)
    for n, (status, given) in enumerate(ages.items()):
        values = {"created_at": now, "expires_at": now, "next_attempt_at": now} | given
        reader = make_reader(f"{n}@e.org", next_digest_at=now + MINUTE)
        make_digest(reader, status=status, **values)
    make_reader("late@e.org", next_digest_at=now - 90 * MINUTE)
    seen = scraped(client)
    day = "2026-04-30"
    assert seen["paperboy_edition_due", day] == 6
    for status in ("sent", "failed", "uncertain", "sending", "pending"):
        assert seen["paperboy_digests", day, status] == 1
    assert seen["paperboy_digests", day, "skipped"] == 0
    assert seen["paperboy_oldest_due_reader_seconds",] == 90 * 60
    assert seen["paperboy_oldest_pending_seconds",] == 40 * 60
    assert seen["paperboy_oldest_claim_seconds",] == 3 * 60
    assert seen["paperboy_last_success_timestamp_seconds",] == (now - 7 * MINUTE).timestamp()
    assert not [key for key in seen if "2026-04-27" in key], "its totals are closed"


def test_digests_of_a_paused_edition_do_not_count_as_waiting(
    client: Client, make_digest: Callable[..., Digest], now: datetime
) -> None:
    Edition.objects.create(day=now.date(), state=Edition.State.PAUSED)
    make_digest(status=Status.PENDING, next_attempt_at=now - 40 * MINUTE)
    seen = scraped(client)
    assert seen["paperboy_oldest_pending_seconds",] == 0
    assert seen["paperboy_edition_held", "2026-04-30"] == 1


def test_metrics_cover_sources_queues_and_beat(client: Client, now: datetime) -> None:
    values = {"succeeded_at": now - 5 * MINUTE, "failures": 2}
    Source.objects.create(name="arXiv", kind="arxiv-rss", url="https://a.example/", **values)
    Source.objects.create(name="New", kind="feed", url="https://b.example/", parked_at=now)
    queues.client().lpush("urgent", "a", "b")
    try:
        seen = scraped(client)
    finally:
        queues.client().delete("urgent")
    assert seen["paperboy_source_age_seconds", "arXiv", "arxiv-rss"] == 300
    assert ("paperboy_source_age_seconds", "New", "feed") not in seen
    assert seen["paperboy_source_failures", "arXiv", "arxiv-rss"] == 2
    assert seen["paperboy_source_parked", "New", "feed"] == 1
    assert seen["paperboy_queue_messages", "urgent"] == 2
    assert seen["paperboy_redis_up",] == 1
    assert seen["paperboy_beat_timestamp_seconds",] == 0
    tasks.record_beat()
    assert scraped(client)["paperboy_beat_timestamp_seconds",] == now.timestamp()


def test_without_redis_the_other_metrics_are_available(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    seen = scraped(client)
    assert seen["paperboy_redis_up",] == 0
    assert "paperboy_oldest_pending_seconds" in {name for name, *_ in seen}


def test_pages_are_counted_by_name_and_never_by_path(client: Client) -> None:
    before = scraped(client).get(("paperboy_request_seconds_count", "4xx", "profile"), 0)
    client.get("/profile/some-token/")
    seen = scraped(client)
    assert seen["paperboy_request_seconds_count", "4xx", "profile"] == before + 1
    assert not [key for key in seen if "some-token" in "".join(key)]


@pytest.mark.parametrize("shown", ["", "Bearer ", "Bearer wrong", "let-me"])
def test_a_wrong_token_is_rejected(client: Client, shown: str) -> None:
    assert client.get("/metrics", headers={"Authorization": shown}).status_code == 404


def test_without_a_token_metrics_are_not_found(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    settings.DEBUG = False
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_figures_take_a_constant_number_of_queries(
    client: Client, django_assert_max_num_queries: Any, make_digest: Any, make_reader: Any
) -> None:
    for n in range(20):
        make_digest(make_reader(f"{n}@e.org"), status=Status.PENDING)
        Source.objects.create(name=f"{n}", url=f"https://{n}.example/")
    Edition.objects.create(day=NOW.date(), due=20)
    with django_assert_max_num_queries(10):
        scraped(client)


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    return group["rules"]


def panels() -> list[dict[str, Any]]:
    return json.loads((DEPLOY / "grafana" / "paperboy.json").read_text())["panels"]


def asked() -> list[str]:
    return [rule["expr"] for rule in rules()] + [
        target["expr"] for panel in panels() for target in panel["targets"]
    ]


def test_rules_and_dashboard_use_existing_metrics(
    client: Client, make_digest: Callable[..., Digest], now: datetime
) -> None:
    Edition.objects.create(day=now.date(), due=1)
    Source.objects.create(name="A", kind="feed", url="https://a.example/", succeeded_at=now)
    make_digest()
    client.get("/")
    there = {name for name, *_ in scraped(client)} | {"up"}
    for expression in asked():
        promql_parser.parse(expression)
        wanted = set(re.findall(r"paperboy_\w+", expression)) or {"up"}
        assert wanted <= there, expression


def test_every_rule_has_a_severity_and_a_link() -> None:
    guide = (DEPLOY.parent / "docs" / "operations.md").read_text()
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        heading = rule["annotations"]["runbook"].removeprefix("docs/operations.md: ")
        assert re.search(rf"^#+ {re.escape(heading)}$", guide, re.MULTILINE), heading


@pytest.mark.promise(40)
def test_the_two_alert_rules_use_the_promised_times() -> None:
    by_name = {rule["alert"]: rule["expr"] for rule in rules()}
    assert by_name["PaperboyEditionMissing"].endswith("> 2 * 3600")
    assert by_name["PaperboyNothingSent"].count("> 1800") == 2


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
