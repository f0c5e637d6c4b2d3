"""The page of an edition, as an operator uses it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from subscriptions import tasks
from subscriptions.delivery import mailing_run
from subscriptions.editions import alerts, digests
from subscriptions.models import DeliveryEvent, Digest, Edition, Subscriber, Subscription
from subscriptions.staff import progress
from tests.pages import Page, forge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
DAY = "2026-04-30"
PAGE = f"/admin/subscriptions/edition/{DAY}/change/"
ACT = f"/admin/subscriptions/edition/{DAY}/act/"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Collect queued tasks, because no worker is running."""
    found: list[tuple[str, Any]] = []
    for name in ("deliver_digests", "deliver_edition"):
        task, note = getattr(tasks, name), lambda given, name=name: found.append((name, given))
        monkeypatch.setattr(task, "delay_on_commit", note)
    return found


@pytest.fixture
def today(edition: list[Paper], make_reader: MakeReader, now: datetime) -> list[Digest]:
    """Create five digests of an edition: sent, failed, uncertain, and two pending."""
    pks = [make_reader(f"{n}@e.org", {"text": "language"}).pk for n in range(5)]
    digests.build_due_digests(pks, now)
    made = list(Digest.objects.order_by("pk"))
    Digest.objects.filter(pk=made[0].pk).update(status="sent", sent_at=timezone.now())
    Digest.objects.filter(pk=made[1].pk).update(
        status="failed", outcome="refused", reason="RCPT: 550 5.1.1 no such mailbox"
    )
    Digest.objects.filter(pk=made[2].pk).update(
        status="uncertain", outcome="uncertain", reason="CONTENT: TimeoutError"
    )
    return list(Digest.objects.order_by("pk"))


def act(client: Client, action: str, **data: Any) -> str:
    """Press the button of this action."""
    return Page.open(client, PAGE).submit(action, **data).text


def refuses(client: Client, action: str, **data: Any) -> bool:
    """Return whether an action that the page does not offer has no effect."""
    answer = forge(client, ACT, {"action": action, **data}, follow=True)
    return "Nothing to do" in answer.text


def test_the_page_shows_progress_and_errors_by_kind(
    admin_client: Client, today: list[Digest]
) -> None:
    page = admin_client.get(PAGE).text
    assert "3 of 5 digests are done" in page
    assert "1 were sent in the last minute" in page
    assert "RCPT: 550 5.1.1 no such mailbox" in page
    assert "CONTENT: TimeoutError" in page
    assert "It may have arrived already" in page


def test_pausing_and_resuming_by_hand(
    admin_client: Client, today: list[Digest], queued: list[Any]
) -> None:
    assert "Paused: A wrong paper" in act(admin_client, "pause", why="A wrong paper")
    edition = Edition.objects.get()
    assert (edition.state, edition.reason, edition.changed_by) == (
        "paused",
        "A wrong paper",
        "admin",
    )
    assert alerts.editions_to_report() == [], "whoever paused it knows"
    assert refuses(admin_client, "pause")
    assert "Unsent digests go out now" in act(admin_client, "resume")
    assert Edition.objects.get().state == "open"
    assert queued == [("deliver_edition", DAY)]
    log = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(log) == ["Paused: A wrong paper", "Resumed. Unsent digests go out now."]


def test_cancelling_needs_a_confirmation(admin_client: Client, today: list[Digest]) -> None:
    act(admin_client, "cancel", why="Spoilt")
    assert Edition.objects.get().state == "open"
    act(admin_client, "cancel", why="Spoilt", sure=True)
    assert Edition.objects.get().state == "cancelled"


def test_resending_failed_digests(
    admin_client: Client, today: list[Digest], queued: list[Any]
) -> None:
    assert "Failed digests being sent again: 1." in act(admin_client, "send-failed")
    assert queued == [("deliver_digests", [today[1].pk])]
    assert Digest.objects.get(pk=today[1].pk).status == "pending"
    assert Digest.objects.get(pk=today[2].pk).status == "uncertain"
    assert refuses(admin_client, "send-failed")


def test_resending_an_uncertain_digest(
    admin_client: Client, today: list[Digest], queued: list[Any]
) -> None:
    page = Page.open(admin_client, PAGE)
    [button] = page.tree.xpath(
        "//tr[contains(., 'CONTENT: TimeoutError') and contains(., '2@e.org')]//button"
    )
    assert button.getparent().xpath("input[@name='digest']/@value") == [str(today[2].pk)]
    for _ in range(2):
        page.submit(button)
    assert queued == [("deliver_digests", [today[2].pk])]
    mailing_run.deliver_digests([today[2].pk], timezone.now)
    assert Digest.objects.get(pk=today[2].pk).status == "sent"


@pytest.mark.parametrize("digest", ["", "x", "9" * 40, "0"])
def test_nonsense_changes_nothing(
    admin_client: Client, today: list[Digest], queued: list[Any], digest: str
) -> None:
    assert refuses(admin_client, "send-one", digest=digest)
    assert refuses(admin_client, "explode")
    sent = today[0].pk
    assert refuses(admin_client, "send-one", digest=sent)
    assert (queued, LogEntry.objects.count()) == ([], 0)


def test_nothing_changes_on_get(admin_client: Client, today: list[Digest]) -> None:
    before = list(Edition.objects.values())
    admin_client.get(PAGE, {"action": "pause"})
    assert admin_client.get(ACT, {"action": "pause"}).status_code == 403
    assert list(Edition.objects.values()) == before


@pytest.mark.parametrize(
    ("permissions", "sees", "acts"),
    [((), 403, False), (("view_edition",), 200, False), (("change_edition",), 200, True)],
)
def test_only_operators_can_act(
    client: Client, today: list[Digest], permissions: tuple[str, ...], sees: int, acts: bool
) -> None:
    user = User.objects.create_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    page = client.get(PAGE)
    assert page.status_code == sees
    assert ("Pause</button>" in page.text) == acts
    forge(client, ACT, {"action": "pause"})
    assert (Edition.objects.get().state == "paused") == acts


def test_an_unknown_edition_is_not_found(admin_client: Client) -> None:
    for day in ("2026-01-01", "soon", "2026-99-99"):
        assert admin_client.get(f"/admin/subscriptions/edition/{day}/change/").status_code == 404


def test_the_page_explains_why_a_reader_did_not_get_it(
    admin_client: Client, today: list[Digest], make_reader: MakeReader, now: datetime
) -> None:
    def asked(address: str) -> str:
        return admin_client.get(PAGE, {"who": address}).text

    assert "The digest is failed. RCPT: 550 5.1.1 no such mailbox" in asked("1@E.org")
    assert "No reader has the address nobody@e.org." in asked("nobody@e.org")
    make_reader("late@e.org", next_digest_at=now + timedelta(days=1))
    assert "No digest was built for this day. The reader is active; the next" in asked("late@e.org")
    make_reader("gone@e.org", next_digest_at=None, status=Subscriber.Status.UNSUBSCRIBED)
    assert "The reader is unsubscribed and gets no digests" in asked("gone@e.org")
    DeliveryEvent.objects.create(
        key="k",
        provider="p",
        kind=DeliveryEvent.Kind.DELIVERED,
        occurred_at=now,
        received_at=now,
        digest=today[0],
        detail="250 ok",
    )
    assert "250 ok" in asked("0@e.org")


def make_crowd() -> None:
    """Create a thousand more readers, each with a digest and a delivery event."""
    now, day = timezone.now(), date(2026, 4, 29)
    readers = Subscriber.objects.bulk_create(
        Subscriber(email=f"n{n}@e.org", email_key=f"n{n}@e.org", created_at=now)
        for n in range(1000)
    )
    subscriptions = Subscription.objects.bulk_create(
        Subscription(subscriber=reader) for reader in readers
    )
    times = {"created_at": now, "expires_at": now, "next_attempt_at": now}
    made = Digest.objects.bulk_create(
        Digest(subscriber=one.subscriber, subscription=one, day=day, status="sent", **times)
        for one in subscriptions
    )
    DeliveryEvent.objects.bulk_create(
        DeliveryEvent(
            key=str(one.pk),
            provider="p",
            kind="delivered",
            occurred_at=now,
            received_at=now,
            subscriber_id=one.subscriber_id,
            digest=one,
            day=day,
        )
        for one in made
    )


@pytest.mark.promise(39)
def test_the_explanation_uses_a_few_indexed_queries(today: list[Digest]) -> None:
    """The time does not depend on the number of rows."""
    make_crowd()
    with connection.cursor() as cursor:
        # Of an empty table, any index is as good.
        for model in (Subscriber, Subscription, Digest, DeliveryEvent):
            cursor.execute(f"ANALYZE {model._meta.db_table}")
        cursor.execute("SET LOCAL enable_seqscan = off")  # tables this small are read whole else
        with CaptureQueriesContext(connection) as queries:
            progress.explain_digest(date(2026, 4, 30), "1@e.org")
        assert len(queries) == 4
        for query in queries.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Index Cond" in plan
            assert "Filter" not in plan, plan


def test_the_list_of_editions_opens(admin_client: Client, today: list[Digest]) -> None:
    page = admin_client.get(reverse("admin:subscriptions_edition_changelist")).text
    assert "April 30, 2026" in page
