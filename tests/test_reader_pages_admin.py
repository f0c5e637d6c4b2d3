"""Subscribers in the admin: timeline, import and export."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from papers.models import Paper
from subscriptions import tasks
from subscriptions.editions import digests
from subscriptions.library.keeping import keep_paper
from subscriptions.mail import suppression
from subscriptions.models import (
    DeliveryEvent,
    Digest,
    Reaction,
    ReaderImport,
    Subscriber,
    Subscription,
    Topic,
)
from subscriptions.readers import (
    exporting,
    importing,
    privacy,
    scheduling,
    subscriptions,
)
from subscriptions.staff import roles, timeline
from tests.pages import Page, forge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
READERS = "/admin/subscriptions/subscriber/"
HEAD = "email,consent_at,consent_text,confirmed_at"
GOOD = "2024-05-01T10:00:00Z,Send me papers,2024-05-01T10:05:00Z"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    for name in ("deliver_digests", "import_readers"):
        task, note = getattr(tasks, name), lambda given, name=name: found.append((name, given))
        monkeypatch.setattr(task, "delay_on_commit", note)
    return found


# --- One reader ---------------------------------------------------------------------------
@pytest.fixture
def known(edition: list[Paper], make_reader: MakeReader, now: datetime) -> Subscriber:
    """Create a reader with a history: consent, a bounced digest, a reaction."""
    reader = make_reader(
        topic={"text": "language models"}, consent_text="Yes, please", consent_page="/"
    )
    digests.build_due_digests([reader.pk], now)
    digest = reader.digests.get()
    Digest.objects.filter(pk=digest.pk).update(status="failed", reason="550 no such mailbox")
    DeliveryEvent.objects.create(
        key="x", provider="Postmark", kind="soft", occurred_at=now, received_at=now,
        subscriber=reader, digest=digest, day=digest.day, detail="mailbox full",
    )  # fmt: skip
    Reaction.objects.create(
        subscriber=reader, topic=reader.first_topic, paper=edition[0], kind="more", created_at=now
    )
    return Subscriber.objects.get(pk=reader.pk)


def act(client: Client, reader: Subscriber, do: str) -> str:
    """Press the button of this action on the timeline."""
    return Page.open(client, f"{READERS}{reader.pk}/timeline/").submit(do).text


def refuses(client: Client, reader: Subscriber, do: str) -> bool:
    """Return whether an action that the timeline does not offer has no effect."""
    answer = forge(client, f"{READERS}{reader.pk}/timeline/", {"do": do}, follow=True)
    return "Nothing to do" in answer.text


def test_the_timeline_shows_all_events_in_order(
    admin_client: Client, known: Subscriber, edition: list[Paper]
) -> None:
    act(admin_client, known, "pause")
    page = admin_client.get(f"{READERS}{known.pk}/timeline/").text
    for said in (
        *("Signed up", "Confirmed", "soft bounce, by Postmark", "mailbox full"),
        *("Digest of 2026-04-30: failed", "550 no such mailbox", "More like this"),
        *(edition[0].title, "By admin", "Paused. Previous frequency: every day."),
    ):
        assert said in page
    moments = [entry.at for entry in timeline.timeline_of(known)]
    assert moments == sorted(moments, reverse=True)


def test_pausing_resuming_unsubscribing_and_resending(
    admin_client: Client, known: Subscriber, queued: list[Any]
) -> None:
    for do, frequency, is_due in (("pause", "paused", False), ("resume", "daily", True)):
        act(admin_client, known, do)
        subscription = known.default_subscription
        assert subscription.frequency == frequency
        assert (subscription.next_digest_at is not None) == is_due
        assert refuses(admin_client, known, do)
    assert "being sent again" in act(admin_client, known, "send-again")
    assert queued == [("deliver_digests", [known.digests.get().pk])]
    assert "No digest will be sent today: " in act(admin_client, known, "send-again")
    assert refuses(admin_client, known, "send-again")
    act(admin_client, known, "unsubscribe")
    known.refresh_from_db()
    assert known.status == "unsubscribed"
    assert refuses(admin_client, known, "send-again")
    assert refuses(admin_client, known, "explode")
    assert LogEntry.objects.filter(object_id=str(known.pk)).count() == 5


@pytest.mark.parametrize("status", ["pending", "unsubscribed", "suppressed"])
def test_only_active_readers_are_offered_digests(
    admin_client: Client, known: Subscriber, status: str
) -> None:
    act(admin_client, known, "pause")
    Subscriber.objects.filter(pk=known.pk).update(status=status)
    page = Page.open(admin_client, f"{READERS}{known.pk}/timeline/")
    assert "Send again" not in page.text
    assert "Resume daily digests" not in page.text
    for do in ("resume", "send-again"):
        assert refuses(admin_client, known, do)
    assert known.default_subscription.frequency == "paused"


def test_the_page_to_erase_a_reader_counts_their_library_and_does_not_list_it(
    admin_client: Client, known: Subscriber, edition: list[Paper], now: datetime
) -> None:
    keep_paper(known, edition[0], now)
    page = Page.open(admin_client, f"{READERS}{known.pk}/timeline/")
    [link] = [a for a in page.tree.iter("a") if a.text == "Erase…"]
    page = Page.open(admin_client, link.get("href"))
    assert "Library entries: 1" in page.text
    assert edition[0].title not in page.text
    page.submit("Yes, I’m sure")
    assert not Subscriber.objects.filter(pk=known.pk).exists()


def test_todays_digest_can_be_built_by_hand(
    admin_client: Client, known: Subscriber, edition: list[Paper], queued: list[Any]
) -> None:
    known.digests.all().delete()
    Paper.objects.update(listed_on=timezone.now().date(), first_seen_at=timezone.now())
    assert "was built and will be sent soon" in act(admin_client, known, "send-again")
    digest = known.digests.get()
    assert (digest.status, queued) == ("pending", [("deliver_digests", [digest.pk])])


def test_the_page_explains_a_missing_paper_and_a_missing_digest(
    admin_client: Client, known: Subscriber, edition: list[Paper]
) -> None:
    Paper.objects.filter(pk=edition[0].pk).update(arxiv_id="2604.00001")
    page = f"{READERS}{known.pk}/timeline/"
    asked = {"paper": "https://arxiv.org/abs/2604.00001v2", "day": "2026-04-30"}
    answer = admin_client.get(page, asked).text
    assert "one of the papers you like. We use it" in answer
    assert "The digest is failed. 550 no such mailbox" in answer
    nonsense = admin_client.get(page, {"paper": "x y", "day": "2026-99-99"}).text
    assert "is not an arXiv ID or link" in nonsense
    assert "is not a date" in nonsense
    assert admin_client.get(f"{READERS}999999/timeline/").status_code == 404


@pytest.fixture
def two(known: Subscriber, now: datetime) -> Subscription:
    """Give the reader a second subscription and topic."""
    Topic.objects.create(subscriber=known, position=1, name="Robots")
    return subscriptions.add_subscription(known, {"frequency": "weekly"}, [], now)


def buttons(page: Page, label: str) -> list[Any]:
    return page.tree.xpath(f"//button[normalize-space()='{label}']")


def test_each_subscription_has_its_buttons_and_its_digests(
    admin_client: Client, known: Subscriber, two: Subscription, queued: list[Any]
) -> None:
    url = f"{READERS}{known.pk}/timeline/"
    page = Page.open(admin_client, url)
    assert "Digest of 2026-04-30: failed (every day at 08:00)" in page.text
    page = page.submit(buttons(page, "Pause")[1])
    assert "Paused “every Monday at 08:00”. Previous frequency: once a week." in page.text
    assert known.default_subscription.frequency == "daily"
    page = page.submit("Resume daily digests")
    two.refresh_from_db()
    assert two.frequency == "daily"
    page = page.submit(buttons(page, "Send again")[1])
    assert "No digest will be sent today: " in page.text
    assert two.digests.get().status == "skipped"
    scheduling.stop_subscription(two.pk, timezone.now())
    page = Page.open(admin_client, url).submit("Start again")
    two.refresh_from_db()
    assert two.is_active
    subscriptions.delete_subscription(two.pk)
    assert "(of a deleted subscription)" in Page.open(admin_client, url).text
    stranger = forge(admin_client, url, {"do": "pause", "subscription": "999999"}, follow=True)
    assert "Nothing to do" in stranger.text


def test_the_page_explains_the_digests_of_all_subscriptions(
    admin_client: Client, known: Subscriber, two: Subscription, now: datetime
) -> None:
    digests.build_digest(known.pk, now, two.position)
    url = f"{READERS}{known.pk}/timeline/"
    text = Page.open(admin_client, f"{url}?day=2026-04-30").text
    assert "The digest “every day at 08:00” is failed. 550 no such mailbox" in text
    assert "The digest “every Monday at 08:00” is " in text


def test_the_form_of_a_reader_changes_each_subscription(
    admin_client: Client, known: Subscriber, two: Subscription, make_reader: MakeReader
) -> None:
    make_reader("b@example.org", {"name": "Topic of another reader"})
    page = Page.open(admin_client, f"{READERS}{known.pk}/change/")
    assert "Topic of another reader" not in page.html
    robots = known.topics.get(position=1)
    fields = {
        "subscriptions-1-frequency": "fortnightly",
        "subscriptions-1-all_topics": False,
        "subscriptions-1-topics": [str(robots.pk)],
    }
    assert page.submit("_continue", **fields).status == 200
    two.refresh_from_db()
    assert (two.frequency, two.all_topics, list(two.topics.all())) == (
        "fortnightly",
        False,
        [robots],
    )
    assert two.first_week
    assert known.default_subscription.frequency == "daily"


def test_read_only_accounts_cannot_change_readers(client: Client, known: Subscriber) -> None:
    user = User.objects.create_user("ada", is_staff=True)
    user.groups.add(Group.objects.get(name=roles.CURATOR))
    client.force_login(user)
    page = f"{READERS}{known.pk}/timeline/"
    assert "Pause</button>" not in client.get(page).text
    assert forge(client, page, {"do": "pause"}).status_code == 403
    assert forge(client, f"{READERS}export/").status_code == 403
    assert client.get("/admin/subscriptions/readerimport/add/").status_code == 403
    assert "Export" not in client.get(READERS).text


# --- Export -------------------------------------------------------------------------------
def test_an_export_escapes_formulas_and_is_logged(
    admin_client: Client, make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "CHUNK_SIZE", 2)
    for number in range(4):
        make_reader(f"{number}@e.org", {"text": "graphs", "categories": ["cs.LG", "cs.DS"]})
    make_reader(
        "+x@e.org", muted_words=["=1+1"], consent_page='=HYPERLINK("http://e.org")',
        consent_text="@SUM(A1)",
    )  # fmt: skip
    assert admin_client.get(f"{READERS}export/").status_code == 403
    text = Page.open(admin_client, READERS).submit("Export all as CSV").html
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["email"] for row in rows] == [*(f"{n}@e.org" for n in range(4)), "'+x@e.org"]
    [topic] = json.loads(rows[0]["topics"])
    assert (topic["text"], topic["categories"]) == ("graphs", ["cs.LG", "cs.DS"])
    assert rows[4]["consent_page"] == '\'=HYPERLINK("http://e.org")'
    assert not any(
        cell.startswith(exporting.FORMULA_PREFIXES) for row in rows for cell in row.values()
    )
    assert exporting.plain(rows[4]["consent_text"]) == "@SUM(A1)"
    assert LogEntry.objects.get().change_message == "Exported all subscribers."


# --- Import -------------------------------------------------------------------------------
def upload(client: Client, *lines: str, head: str = HEAD, data: bytes | None = None) -> str:
    content = "\n".join([head, *lines]).encode() if data is None else data
    file = SimpleUploadedFile("old.csv", content)
    page = Page.open(client, "/admin/subscriptions/readerimport/add/")
    return page.submit("Save", file=file).text


def settle(client: Client, do: str) -> str:
    """Press the button of this action on the page of the last import."""
    work = ReaderImport.objects.latest("pk")
    return Page.open(client, f"/admin/subscriptions/readerimport/{work.pk}/change/").submit(do).text


def test_a_file_is_checked_first_and_imported_on_confirmation(
    admin_client: Client, queued: list[Any]
) -> None:
    head = f"{HEAD},timezone,hour,text,categories"
    lines = [f"{n}@e.org,{GOOD},Europe/Berlin,7,graphs,cs.LG cs.DS" for n in range(3)]
    page = upload(admin_client, *lines, head=head)
    assert "0 of 3 lines" in page
    work = ReaderImport.objects.get()
    assert queued == [("import_readers", work.pk)]
    tasks.import_readers(work.pk)
    assert not Subscriber.objects.exists(), "a trial"
    page = admin_client.get(f"/admin/subscriptions/readerimport/{work.pk}/change/").text
    assert "Import 3 subscribers" in page
    settle(admin_client, "import")
    tasks.import_readers(work.pk)
    tasks.import_readers(work.pk)
    work.refresh_from_db()
    assert (work.state, work.accepted, work.rejected, work.text) == ("done", 3, 0, "")
    reader = Subscriber.objects.order_by("pk")[0]
    hour = reader.default_subscription.hour
    assert (reader.status, reader.timezone, hour) == ("active", "Europe/Berlin", 7)
    assert reader.consent_text == "Send me papers"
    assert reader.consent_page == "import: old.csv"
    assert (reader.confirmed_at or timezone.now()).year == 2024
    assert Subscription.objects.filter(next_digest_at__gt=timezone.now()).count() == 3
    assert reader.first_topic.categories == ["cs.LG", "cs.DS"]


def test_rejected_lines_have_a_reason_and_the_others_are_imported(
    admin_client: Client, make_reader: MakeReader, queued: list[Any], now: datetime
) -> None:
    make_reader("here@e.org", status=Subscriber.Status.UNSUBSCRIBED)
    suppression.suppress_readers({make_reader("bounced@e.org").pk: "hard"}, timezone.now())
    Subscriber.objects.filter(email="bounced@e.org").delete()
    privacy.erase_reader(make_reader("erased@e.org"), now)
    future = (timezone.now() + timedelta(days=1)).isoformat()
    lines = [
        f"good@e.org,{GOOD}",
        f"not an address,{GOOD}",
        f"GOOD@e.org,{GOOD}",
        f"Here@e.org,{GOOD}",
        f"bounced@e.org,{GOOD}",
        f"erased@e.org,{GOOD}",
        "none@e.org,,,",
        f"later@e.org,{future},Yes,{future}",
        "back@e.org,2024-05-02T00:00:00Z,Yes,2024-05-01T00:00:00Z",
        "short@e.org",
    ]
    upload(admin_client, *lines)
    work = ReaderImport.objects.get()
    importing.run_import(work.pk)
    work.refresh_from_db()
    told = dict(work.rejections)
    assert sorted(told) == list(range(3, 12))
    for line, why in (
        *(
            (3, "doesn't look like an email address"),
            (4, importing.DUPLICATE),
            (5, importing.EXISTS),
        ),
        *((6, importing.BOUNCED), (7, importing.ERASED), (8, "consent_at: This field")),
        *((9, "dated in the future"), (10, "before the consent"), (11, "consent_text: This field")),
    ):
        assert why in told[line]
    assert not any("@e.org" in why for why in told.values()), "no address is kept"
    settle(admin_client, "import")
    importing.run_import(work.pk)
    assert Subscriber.objects.active().get().email == "good@e.org"
    assert Subscriber.objects.get(email_key="here@e.org").status == "unsubscribed"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Missing: email"),
        (b"email,name\n", "Missing: consent_at"),
        (f"{HEAD},shoe_size\n".encode(), "Unknown columns: shoe_size"),
        ("email,é".encode("latin-1"), "isn't UTF-8"),
        (f"{HEAD}\na\0b".encode(), "isn't a text file"),
    ],
)
def test_an_unreadable_file_is_rejected_with_a_reason(
    admin_client: Client, queued: list[Any], data: bytes, why: str
) -> None:
    found = upload(admin_client, data=data) if data else upload(admin_client, head=" ")
    assert why in found
    assert not ReaderImport.objects.exists()
    assert queued == []


def test_an_interrupted_import_continues_where_it_stopped(
    admin_client: Client, queued: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_SIZE", 2)
    lines = [f"{n}@e.org;{GOOD.replace(',', ';')}" for n in range(5)]
    upload(admin_client, *lines, "0@e.org;" + GOOD.replace(",", ";"), head=HEAD.replace(",", ";"))
    work = ReaderImport.objects.get()
    importing.run_import(work.pk)
    importing.start_import(work.pk)
    real, calls = importing._create_readers, iter(range(2))

    def breaks_off(*given: Any) -> None:
        if next(calls) == 1:
            raise RuntimeError("power cut")
        real(*given)

    monkeypatch.setattr(importing, "_create_readers", breaks_off)
    with pytest.raises(RuntimeError):
        importing.run_import(work.pk)
    assert Subscriber.objects.count() == 2
    monkeypatch.setattr(importing, "_create_readers", real)
    importing.run_import(work.pk)
    work.refresh_from_db()
    assert (work.state, work.processed, work.accepted, work.rejected) == ("done", 6, 5, 1)
    assert Subscriber.objects.count() == Topic.objects.count() == 5


def test_discarding_deletes_the_file(admin_client: Client, queued: list[Any]) -> None:
    upload(admin_client, f"a@e.org,{GOOD}")
    settle(admin_client, "discard")
    work = ReaderImport.objects.get()
    assert (work.state, work.text) == ("discarded", "")
    importing.run_import(work.pk)
    forged = f"/admin/subscriptions/readerimport/{work.pk}/act/"
    assert "Nothing to do" in forge(admin_client, forged, {"do": "import"}, follow=True).text
    assert not Subscriber.objects.exists()


def test_an_export_can_be_imported_again(
    admin_client: Client, make_reader: MakeReader, now: datetime, queued: list[Any]
) -> None:
    given = {
        "consent_at": now,
        "signup_requested_at": now,
        "confirmed_at": now,
        "consent_text": "=Yes",
    }
    make_reader("+x@e.org", {"text": "-graphs"}, **given)
    text = "".join(exporting.export_lines())
    Subscriber.objects.all().delete()
    upload(admin_client, data=text.encode())
    work = ReaderImport.objects.get()
    importing.run_import(work.pk)
    importing.start_import(work.pk)
    importing.run_import(work.pk)
    reader = Subscriber.objects.get()
    assert (reader.email, reader.consent_text) == ("+x@e.org", "=Yes")
    assert reader.first_topic.text == "-graphs"
