"""If Redis is down, the admin saves changes, warns, and recovery continues later."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from config import tasks
from devtools import embedded
from papers.models import Paper, Source
from subscriptions import tasks as subscription_tasks
from subscriptions.editions import recovery
from subscriptions.models import Digest, Edition, ReaderImport, Subscriber
from subscriptions.readers import importing
from tests.pages import Page

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
EDITION = "/admin/subscriptions/edition/"
FILE = b"email,consent_at,consent_text,confirmed_at\na@e.org,2024-05-01,Yes,2024-05-01\n"


@pytest.fixture
def stopped_redis(admin_client: Client) -> Iterator[None]:
    """Stop Redis after logging in, which needs it."""
    assert embedded.stop_server(embedded.Redis(settings.DATA_DIR))
    yield
    embedded.start_redis(settings.DATA_DIR)


@pytest.fixture
def digest(make_reader: MakeReader, make_paper: Any) -> Digest:
    """Store a failed digest of today."""
    now = timezone.now()
    Edition.objects.create(day=now.date(), due=1)
    reader, paper = make_reader(next_digest_at=now), make_paper()
    return Digest.objects.create(
        subscriber=reader,
        subscription=reader.default_subscription,
        day=now.date(),
        status=Digest.Status.FAILED,
        paper_ids=[paper.pk],
        items=[{"paper": paper.pk, "section": "trending", "reason": "", "score": 0.0}],
        created_at=now,
        next_attempt_at=now,
        expires_at=now,
    )


def saved_with_warning(page: Page) -> bool:
    """Return True if the page reports that the remaining work will follow later."""
    assert page.status == 200
    return tasks.LOST_HINT_MESSAGE in page.text


def test_a_failed_digest_is_sent_again_by_recovery(
    admin_client: Client, digest: Digest, stopped_redis: None
) -> None:
    edition = Page.open(admin_client, f"{EDITION}{digest.day}/change/")
    assert saved_with_warning(edition.submit("send-failed"))
    digest.refresh_from_db()
    assert digest.status == Digest.Status.PENDING
    late = timezone.now() + settings.RECOVER_AFTER * 2
    assert recovery.recover_digests(late) == [digest.pk]


def test_sending_a_readers_digest_again_is_saved(
    admin_client: Client, digest: Digest, stopped_redis: None
) -> None:
    timeline = f"/admin/subscriptions/subscriber/{digest.subscriber_id}/timeline/"
    assert saved_with_warning(Page.open(admin_client, timeline).submit("send-again"))
    digest.refresh_from_db()
    assert digest.status == Digest.Status.PENDING


def test_resuming_and_approving_an_edition_is_saved(
    admin_client: Client, digest: Digest, stopped_redis: None
) -> None:
    edition = Page.open(admin_client, f"{EDITION}{digest.day}/change/")
    page = edition.submit("pause")
    assert tasks.LOST_HINT_MESSAGE not in page.text
    assert saved_with_warning(page.submit("resume"))
    assert Edition.objects.get().state == Edition.State.OPEN
    desk = Page.open(admin_client, f"{EDITION}{digest.day}/desk/")
    assert saved_with_warning(desk.submit("approve"))
    assert Edition.objects.get().approved_by == "admin"


def test_an_import_continues_later(admin_client: Client, stopped_redis: None) -> None:
    form = Page.open(admin_client, "/admin/subscriptions/readerimport/add/")
    assert saved_with_warning(form.submit("_save", file=SimpleUploadedFile("a.csv", FILE)))
    job = ReaderImport.objects.get()
    assert importing.running() == [job.pk]
    importing.run_import(job.pk)
    page = Page.open(admin_client, f"/admin/subscriptions/readerimport/{job.pk}/change/")
    assert saved_with_warning(page.submit("import"))
    assert importing.running() == [job.pk]


def test_beat_resumes_imports_whose_task_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    job = ReaderImport.objects.create(
        name="a.csv", text=FILE.decode(), lines=1, created_by="ada", created_at=timezone.now()
    )
    monkeypatch.setattr(subscription_tasks.import_readers, "delay", importing.run_import)
    for _ in range(2):
        subscription_tasks.resume_imports()
        job.refresh_from_db()
        assert (job.state, job.accepted) == (ReaderImport.State.CHECKED, 1)


def test_papers_and_sources_are_saved(
    admin_client: Client, make_paper: Any, stopped_redis: None
) -> None:
    paper = make_paper()
    form = Page.open(admin_client, f"/admin/papers/paper/{paper.pk}/change/")
    assert saved_with_warning(form.submit("_save", note="Worth a look"))
    assert Paper.objects.get().note == "Worth a look"
    form = Page.open(admin_client, "/admin/papers/source/add/")
    assert saved_with_warning(form.submit("_save", url="https://example.org/feed.xml"))
    assert Source.objects.due(timezone.now()).exists()


def test_views_and_admin_pages_enqueue_tasks_in_only_one_way() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("config", "web", "papers", "subscriptions", "operations")
        for path in (ROOT / package).rglob("*.py")
        if path.name == "admin.py" or {"pages", "staff"} & set(path.relative_to(ROOT).parts)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("delay", "apply_async", "send_task")
    ]
    assert calls == []
