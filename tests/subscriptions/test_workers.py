"""Real Celery workers, in processes of their own, on the tests' database, Redis and mail server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as project
from django.db import connection
from django.utils import timezone

from papers.models import Paper
from subscriptions import tasks
from subscriptions.editions import digests
from subscriptions.models import Digest, Subscriber
from subscriptions.readers import mail_requests
from subscriptions.readers.mail_requests import RequestKind
from tests.subscriptions.conftest import Sink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]
Start = Callable[[str], "subprocess.Popen[bytes]"]
PATIENCE = 60


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def start(smtp: Sink, settings: Any) -> Iterator[Start]:
    """Starts a worker of one process for a queue."""
    database = connection.settings_dict
    user, host = quote(database["USER"]), quote(database["OPTIONS"]["host"], safe="")
    place = f"{user}@:{database['PORT'] or 5432}/{database['NAME']}?host={host}"
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"postgresql://{place}",
        "REDIS_URL": project.REDIS_URL,
        "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
        "PATH": os.environ["PATH"],
    }
    started = []

    def worker(queue: str) -> subprocess.Popen[bytes]:
        options = ("worker", "-Q", queue, "-c", "1", "-l", "error", "-n", f"{queue}@test")
        command = (sys.executable, "-W", "ignore", "-m", "celery", "-q", "-A", "config", *options)
        started.append(subprocess.Popen(command, cwd=project.BASE_DIR, env=environment))
        return started[-1]

    yield worker
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="knows the embedded URL only")
@pytest.mark.promise(12)
@pytest.mark.promise(14)
def test_a_confirmation_overtakes_a_backlog_and_sigterm_finishes_the_current_message(
    start: Start, smtp: Sink, make_paper: Callable[..., Paper], make_reader: Any
) -> None:
    now = timezone.now()
    make_paper(listed_on=now.date(), first_seen_at=now, votes=5, score=2.0)
    readers = [make_reader(f"{n}@e.org", next_digest_at=now) for n in range(60)]
    ready = digests.build_due_digests([reader.pk for reader in readers], now)
    newcomer = make_reader("new@e.org", status=Subscriber.Status.PENDING, next_digest_at=None)
    smtp.slow = 0.25
    worker = start("mail")
    start("urgent")
    tasks.deliver_digests.delay(ready)
    until(lambda: len(smtp.accepted) >= 3)
    tasks.send_messages.delay(
        [mail_requests.request_mail(newcomer.email, RequestKind.SIGN_UP, now)]
    )
    until(lambda: "new@e.org" in {str(message["To"]) for message in smtp.accepted})
    assert len(smtp.accepted) < 55, "it came before most digests"

    worker.terminate()
    assert worker.wait(20) == 0
    totals = Digest.objects.all().totals()
    accepted = [str(message["To"]) for message in smtp.accepted]
    assert totals["sending"] == totals["uncertain"] == 0
    assert totals["sent"] == len(set(accepted) - {"new@e.org"}) < 60
    assert totals["pending"] == 60 - totals["sent"]
    assert len(accepted) == len(set(accepted))

    smtp.slow = 0.0
    start("mail")  # another worker finds the rest in its queue, without any sweep
    until(lambda: Digest.objects.filter(status="sent").count() == 60)
    assert len(smtp.accepted) == 61
