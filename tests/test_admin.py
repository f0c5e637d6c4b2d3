"""The admin's lists and forms, as a curator uses them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from papers.models import Document, Paper, Source, SourceCheck, Submission
from papers.searching import indexing
from subscriptions.delivery.transports import django_message
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail, suppression
from subscriptions.models import DeliveryEvent, Digest, ReaderImport, SignUpSwitch, Subscriber
from subscriptions.readers import mail_requests, privacy
from subscriptions.readers.mail_requests import RequestKind
from tests.pages import Page, forge
from web.pagination import MAX_COUNT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


@pytest.fixture
def rows(edition: list[Paper], make_reader: MakeReader, admin_user: User, now: datetime) -> Digest:
    reader = make_reader(topic={"text": "language models"})
    Source.objects.create(name="A list", url="https://example.org/rss", next_check_at=now)
    Document.objects.create(kind="feed", location="x", sha256="a" * 64, first_seen_at=now)
    Submission.objects.create(arxiv_id="2604.77777", created_by="reader-1", created_at=now)
    digests.build_due_digests([reader.pk], now)
    ReaderImport.objects.create(name="old.csv", created_at=now, lines=1)
    LogEntry.objects.log_actions(admin_user.pk, edition[:1], CHANGE, "Looked at.")  # type: ignore[arg-type]
    came_back = {
        "provider": "Postmark",
        "kind": "delivered",
        "occurred_at": now,
        "received_at": now,
    }
    DeliveryEvent.objects.create(key="y", subscriber=reader, **came_back)
    suppression.suppress_readers({make_reader("gone@example.org").pk: "hard"}, now)
    privacy.erase_reader(make_reader("erased@example.org"), now)
    SignUpSwitch.set_open(True, now)
    return reader.digests.get()


def act(client: Client, model: str, action: str, *pks: int) -> Page:
    """Select these rows of a list and press Go."""
    page = Page.open(client, reverse(f"admin:{model}_changelist"))
    return page.submit("Go", action=action, _selected_action=[str(pk) for pk in pks])


@pytest.mark.parametrize(
    "model", [m for m in admin.site._registry if m._meta.app_label not in ("auth", "otp_totp")]
)
def test_every_list_and_page_opens(
    admin_client: Client, rows: Digest, now: datetime, model: Any
) -> None:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    mail_requests.request_mail("reader@example.org", RequestKind.PREFERENCES, now)
    found = admin_client.get(reverse(f"{name}_changelist"), {"q": "x"})
    assert found.status_code == 200
    assert admin_client.get(reverse(f"{name}_changelist")).status_code == 200
    first = model._default_manager.first()
    assert admin_client.get(reverse(f"{name}_change", args=[first.pk])).status_code == 200


def test_a_hidden_paper_is_in_no_digest(
    admin_client: Client, edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    act(admin_client, "papers_paper", "hide", edition[0].pk)
    reader = make_reader(topic={"text": "language models"})
    assert edition[0].pk not in digests.preview_digest(reader, now).paper_ids


def test_a_featured_paper_rises(admin_client: Client, make_paper: Callable[..., Paper]) -> None:
    paper = make_paper(listed_on=timezone.now().date())
    act(admin_client, "papers_paper", "feature", paper.pk)
    paper.refresh_from_db()
    assert paper.featured
    assert paper.score > 0


def test_a_curators_edit_writes_only_the_curators_columns(
    admin_client: Client, make_paper: Callable[..., Paper]
) -> None:
    paper = make_paper(votes=3)
    page = Page.open(admin_client, reverse("admin:papers_paper_change", args=[paper.pk]))
    Paper.objects.update(votes=4)  # by an ingest while the page is open
    page.submit("Save", featured=True, note="Read this one")
    paper.refresh_from_db()
    assert (paper.featured, paper.note, paper.votes) == (True, "Read this one", 4)


def test_a_digest_shows_its_items_and_state(admin_client: Client, rows: Digest) -> None:
    page = admin_client.get(reverse("admin:subscriptions_digest_change", args=[rows.pk])).text
    assert rows.items[0]["title"] in page
    assert rows.items[0]["reason"].split("“")[0] in page
    assert "pending" in page


def test_a_curator_gets_a_test_of_todays_digest_and_nothing_counts_as_sent(
    admin_client: Client,
    admin_user: Any,
    make_paper: Callable[..., Paper],
    make_reader: MakeReader,
    settings: Any,
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    now = timezone.now()
    make_paper("Talked about", votes=5, score=2.0, listed_on=now.date(), first_seen_at=now)
    reader = make_reader()
    act(admin_client, "subscriptions_subscriber", "send_me_a_test", reader.pk)
    assert [(one.to, one.subject) for one in mail.outbox] == [
        ([admin_user.email], "[Test] Talked about")
    ]
    assert not Digest.objects.exists()


def test_checking_several_sources_now_makes_them_due(admin_client: Client, now: datetime) -> None:
    later = now.replace(year=2100)
    for name in ("one", "two"):
        url = f"https://example.org/{name}"
        Source.objects.create(url=url, next_check_at=later, parked_at=now, failures=10)
    act(admin_client, "papers_source", "check_now", *Source.objects.values_list("pk", flat=True))
    assert Source.objects.due(timezone.now()).count() == 2


def test_a_source_is_added_by_its_address_alone(admin_client: Client) -> None:
    add = Page.open(admin_client, reverse("admin:papers_source_add"))
    assert "was added successfully" in add.submit("Save", url="cs.AI, cs.CL").text
    assert Source.objects.get().url == "https://rss.arxiv.org/rss/cs.AI+cs.CL"
    assert list(Source.objects.due(timezone.now())) == [Source.objects.get()]
    again = add.submit("Save", url="https://rss.arxiv.org/rss/cs.AI+cs.CL")
    assert "already exists" in again.text
    for bad in ("no address", "ftp://example.org/feed"):
        assert "isn't a web address" in add.submit("Save", url=bad).text


@pytest.mark.parametrize("parked", [True, False])
def test_the_health_of_a_source_is_a_sentence(
    admin_client: Client, now: datetime, parked: bool
) -> None:
    source = Source.objects.create(
        url="https://example.org/rss", checked_at=now, outcome="network_error", failures=3,
        error="example.org: host name not found", parked_at=now if parked else None,
    )  # fmt: skip
    SourceCheck.objects.create(
        source=source, at=now, outcome="network_error", state="broken",
        reason="It cannot be reached.", detail="example.org: host name not found",
    )  # fmt: skip
    change = reverse("admin:papers_source_change", args=[source.pk])
    for address in (reverse("admin:papers_source_changelist"), change):
        text = Page.open(admin_client, address).text
        assert "Broken. It cannot be reached." in text
        assert ("Not checked since 2026-04-30; “Check now” resumes." in text) == parked


@pytest.mark.parametrize("checks", [0, 40])
def test_a_source_is_edited_and_switched_off(
    admin_client: Client, now: datetime, checks: int
) -> None:
    source = Source.objects.create(url="https://example.org/rss", kind="feed")
    for _ in range(checks):
        SourceCheck.objects.create(source=source, at=now, outcome="ok", state="fresh")
    page = Page.open(admin_client, reverse("admin:papers_source_change", args=[source.pk]))
    page.submit("Save", name="A journal", check_every="90", active=False)
    source.refresh_from_db()
    assert (source.name, source.check_every, source.active) == ("A journal", 90, False)
    bad = page.submit("Save", check_every="1")
    assert "greater than or equal to 5" in bad.text


@pytest.mark.parametrize(
    "model", [Group, User, Source, Submission, Paper, Subscriber, SignUpSwitch]
)
def test_every_form_of_the_admin_can_be_saved_as_rendered(
    admin_client: Client, rows: Digest, model: Any
) -> None:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    first = model._default_manager.first()
    page = Page.open(admin_client, reverse(f"{name}_change", args=[first.pk]))
    saved = page.submit("_save", follow=False)
    assert saved.status == 302, saved.text


def test_errors_of_inlines_are_shown_at_the_top(admin_client: Client, rows: Digest) -> None:
    page = reverse("admin:subscriptions_subscriber_change", args=[rows.subscriber_id])
    data = Page.open(admin_client, page).fields("_save") | {"reactions-TOTAL_FORMS": "many"}
    answer = forge(admin_client, page, data)
    assert answer.status_code == 200
    assert "Reactions: ManagementForm data is missing" in answer.text


def test_the_outbox_shows_a_message(
    client: Client, rows: Digest, outbox: Path, settings: Any
) -> None:
    settings.DEBUG = True
    django_message(digest_mail.digest_message(rows, cards.visible_cards(rows.paper_ids))).send()
    name = next(outbox.glob("*.eml")).stem
    assert rows.subject in client.get("/outbox/").text
    assert "List-Unsubscribe" in client.get(f"/outbox/{name}/").text
    frame = client.get(f"/outbox/{name}/html/")
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert rows.items[0]["title"] in frame.text
    assert client.get("/outbox/..%2Fsecret_key/").status_code == 404


@pytest.mark.parametrize("model", ["subscriber", "digest"])
def test_delivery_events_are_shown_and_read_only(
    admin_client: Client, rows: Digest, now: datetime, model: str
) -> None:
    event = DeliveryEvent.objects.create(
        key="x",
        provider="Postmark",
        kind="hard",
        detail="550 no such user",
        occurred_at=now,
        received_at=now,
        subscriber=rows.subscriber,
        digest=rows,
        day=rows.day,
    )
    pk = rows.pk if model == "digest" else rows.subscriber_id
    page = admin_client.get(reverse(f"admin:subscriptions_{model}_change", args=[pk])).text
    assert "550 no such user" in page
    assert f'name="delivery_events-0-detail" value="{event.detail}"' not in page
    assert 'name="delivery_events-MAX_NUM_FORMS" value="0"' in page


def test_a_reader_with_delivery_events_can_be_erased(admin_client: Client, rows: Digest) -> None:
    page = reverse("admin:subscriptions_subscriber_delete", args=[rows.subscriber_id])
    Page.open(admin_client, page).submit("Yes, I’m sure")
    assert not Subscriber.objects.filter(pk=rows.subscriber_id).exists()
    assert not DeliveryEvent.objects.exists()


def test_a_suppression_is_lifted_by_hand(admin_client: Client, make_reader: MakeReader) -> None:
    reader = make_reader(status=Subscriber.Status.SUPPRESSED)
    page = act(admin_client, "subscriptions_subscriber", "lift_the_suppression", reader.pk)
    assert "Suppression lifted for 1." in page.text
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.UNSUBSCRIBED


@pytest.mark.parametrize("model", ["digest", "deliveryevent"])
def test_rows_of_a_reader_are_found_by_address_prefix(
    admin_client: Client, rows: Digest, model: str
) -> None:
    page = reverse(f"admin:subscriptions_{model}_changelist")
    for typed, count in (("Reader@Ex", 1), ("eader@", 0), ("%", 0), ("", 1)):
        found = admin_client.get(page, {"q": typed})
        assert found.context["cl"].result_count == count, typed


def test_papers_including_hidden_ones_are_found_by_words_id_doi_and_author(
    admin_client: Client, make_paper: Callable[..., Paper], now: datetime
) -> None:
    make_paper("Forgetting on purpose", arxiv_id="2604.00001", authors=["Ada Lovelace"])
    make_paper("Remembering it all", doi="10.1000/abc", hidden=True)
    indexing.index_changed(now)
    for term, found in {
        "forgets": "Forgetting",
        "author:lovelace": "Forgetting",
        "2604.00001": "Forgetting",
        "10.1000/abc": "Remembering",
        "remember": "Remembering",
    }.items():
        page = admin_client.get(reverse("admin:papers_paper_changelist"), {"q": term}).text
        assert ("Forgetting" in page, "Remembering" in page) == (
            found == "Forgetting",
            found == "Remembering",
        ), term


@pytest.mark.parametrize(
    "name",
    [
        *("papers_paper", "papers_document", "papers_submission"),
        *("subscriptions_subscriber", "subscriptions_digest", "subscriptions_deliveryevent"),
    ],
)
def test_no_long_list_is_counted_completely(
    admin_client: Client, make_reader: Any, name: str
) -> None:
    with CaptureQueriesContext(connection) as made:
        assert admin_client.get(reverse(f"admin:{name}_changelist")).status_code == 200
    counted = [one["sql"] for one in made if "COUNT(" in one["sql"]]
    assert counted
    assert all(f"LIMIT {MAX_COUNT}" in sql for sql in counted)
