"""A real worker survives malformed messages and errors of Redis."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.conf import settings as project
from django.utils import timezone

from config import broker
from config.environment import celery_url
from devtools import embedded
from operations import queues
from operations.tasks import record_beat

pytestmark = pytest.mark.usefixtures("redis")
TIMEOUT = 60  # seconds


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def worker(
    services_of_this_run: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker with one process for the queue ingest. It outlives each of these tests."""
    with run_worker(project.REDIS_URL, tmp_path_factory.mktemp("worker") / "log") as process:
        wait_until(worker_responds)
        yield process


@contextmanager
def run_worker(
    redis_url: str, log_file: Path, processes: int = 1
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "REDIS_URL": redis_url,
        "DATA_DIR": str(project.DATA_DIR),
    }
    include = ("-I", "tests.config.deadly_task")
    number = ("-c", str(processes))
    options = ("-A", "config", "worker", "-Q", "ingest", *number, "-l", "warning", *include)
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "celery", "-q", *options],
            cwd=project.BASE_DIR,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        print(log_file.read_text()[-8000:])


def worker_responds() -> bool:
    """Return True if a new task is run within 10 seconds."""
    start = timezone.now()
    record_beat.delay()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if (seen := queues.beat_last_seen()) and seen > start:
            return True
        time.sleep(0.05)
    return False


def enqueue(message: Any) -> None:
    if isinstance(message, dict) and isinstance(message.get("properties"), dict):
        message["properties"].setdefault("delivery_tag", "tag")
        message["properties"]["delivery_tag"] += str(uuid.uuid4())
    text = message if isinstance(message, str) else json.dumps(message)
    queues.client().lpush("ingest", text)


def good_message(**changed: Any) -> dict[str, Any]:
    body = json.dumps([[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "operations.tasks.record_beat", "id": "one"},
        "properties": {
            "correlation_id": "one",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "ingest"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": "tag",
        },
    } | changed


MALFORMED: list[Any] = [
    "no JSON",
    "{",
    "17",
    "null",
    [],
    {},
    {"headers": {}, "properties": {}, "body": ""},
    good_message(headers=None),
    good_message(headers=[]),
    good_message(headers={"task": ["a"], "id": "one"}),
    good_message(headers={"task": "operations.tasks.record_beat"}),
    good_message(headers={"task": "papers.tasks.nothing", "id": "one"}),
    good_message(headers={"task": "operations.tasks.record_beat", "id": "a", "timelimit": 5}),
    good_message(headers={"task": "operations.tasks.record_beat", "id": "a", "eta": "soon"}),
    good_message(headers={"task": "operations.tasks.record_beat", "id": "a", "expires": {}}),
    good_message(properties=None),
    good_message(properties={"delivery_tag": "tag"}),
    good_message(body=None),
    good_message(body="not base64!"),
    good_message(body=base64.b64encode(b"[").decode()),
    good_message(body=base64.b64encode(b'{"args": []}').decode()),
    good_message(body=base64.b64encode(b"[1, 2, 3]").decode()),
    good_message(body=base64.b64encode(b'[["too many"], {}, null]').decode()),
    good_message(**{"content-type": "application/x-python-serialize"}),
    good_message(**{"content-encoding": "nowhere"}),
]


def test_malformed_messages_stop_no_worker(worker: subprocess.Popen[bytes]) -> None:
    for message in MALFORMED:
        enqueue(message)
    wait_until(lambda: not queues.client().llen("ingest"))
    assert worker_responds()
    assert worker_responds()
    assert worker.poll() is None
    rejected = [json.loads(entry) for entry in queues.client().lrange(broker.REJECTED_KEY, 0, -1)]
    assert len(rejected) >= 15
    assert all(entry["reason"] and entry["queue"] == "ingest" for entry in rejected)
    assert queues.client().hlen("unacked") == 0, "no message is redelivered"


@pytest.mark.slow
@pytest.mark.parametrize("failure", ["full", "read only"])
def test_refused_writes_to_redis_stop_no_worker(
    worker: subprocess.Popen[bytes], failure: str
) -> None:
    server = queues.client()
    if failure == "full":
        server.config_set("maxmemory", 1)
    else:
        server.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        time.sleep(6)
        assert worker.poll() is None
    finally:
        server.config_set("maxmemory", 0)
        server.execute_command("REPLICAOF", "NO", "ONE")
    wait_until(worker_responds)
    assert worker.poll() is None


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[str]:
    """Run a Redis server that a test may stop, and return its URL."""
    embedded.start_redis(tmp_path)
    yield embedded.redis_url(tmp_path)
    embedded.stop(tmp_path)


def test_a_worker_survives_the_stop_of_redis_while_a_task_runs(
    own_redis: str, settings: Any, tmp_path: Path
) -> None:
    """The worker waits for more tasks when Redis stops, so it closes the connection at once."""
    settings.REDIS_URL = own_redis
    app = Celery(broker=celery_url(own_redis), set_as_current=False)
    with run_worker(own_redis, tmp_path / "log", processes=2) as process:
        app.send_task("tests.config.deadly_task.sleep", (5,), queue="ingest")
        wait_until(lambda: queues.client().hlen("unacked"))
        embedded.stop(tmp_path)
        time.sleep(1)
        embedded.start_redis(tmp_path)
        app.send_task("operations.tasks.record_beat", queue="ingest")
        wait_until(lambda: not queues.client().llen("ingest"))
        assert process.poll() is None


@pytest.mark.slow
def test_a_message_that_kills_workers_is_rejected(worker: subprocess.Popen[bytes]) -> None:
    app = Celery(broker=celery_url(project.REDIS_URL), set_as_current=False)
    app.send_task("tests.config.deadly_task.die", queue="ingest")
    wait_until(lambda: queues.client().llen(broker.REJECTED_KEY))
    [entry] = map(json.loads, queues.client().lrange(broker.REJECTED_KEY, 0, -1))
    assert entry["reason"] == f"redelivered more than {broker.MAX_REDELIVERIES} times"
    assert entry["message"]["headers"]["task"] == "tests.config.deadly_task.die"
    wait_until(worker_responds)
    assert worker.poll() is None


def test_a_good_message_has_no_defect() -> None:
    assert broker.defect(good_message()) == ""


def test_checking_a_malformed_message_never_raises() -> None:
    for message in MALFORMED[4:]:
        assert isinstance(broker.defect(message), str)
