"""The edition desk: each action, as its form sends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from papers.models import Paper
from papers.ranking import scoring
from papers.vectors import stored_lexicon
from subscriptions import tasks
from subscriptions.editions import desk, digests
from subscriptions.models import Digest, Edition, Subscriber
from subscriptions.staff import roles
from tests.pages import Page, forge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def midday() -> Iterator[None]:
    """Run at noon UTC, so that no test crosses midnight, when "today" changes."""
    noon = timezone.now().replace(hour=12, minute=0, second=0)
    with time_machine.travel(noon):
        yield


@pytest.fixture
def today(make_paper: Callable[..., Paper]) -> list[Paper]:
    """Return three papers of today, best first."""
    now = timezone.now()
    papers = [
        make_paper(
            title, votes=votes, listed_on=now.date(), first_seen_at=now, categories=["cs.CL"]
        )
        for title, votes in (("Long context", 90), ("Tool use", 40), ("Rare languages", 5))
    ]
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)
    return papers


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the editions queued for opening."""
    days: list[str] = []
    monkeypatch.setattr(tasks.open_edition, "delay_on_commit", days.append)
    return days


def page() -> str:
    return f"/admin/subscriptions/edition/{timezone.now().date()}/desk/"


def act(client: Client, do: str, who: str = "", **given: Any) -> str:
    """Press the button with this value on the desk."""
    shown = Page.open(client, f"{page()}?{urlencode({'who': who})}" if who else page())
    return shown.submit(do, **given).html


def order(client: Client, papers: str, seen: str | None = None) -> str:
    """Send the order as the script does after dragging a paper."""
    shown = Page.open(client, page())
    data = shown.fields("test") | {"do": "order", "order": papers}
    data |= {} if seen is None else {"seen": seen}
    return forge(client, f"{page()}act/", data, follow=True).text


def mails(outbox: Path) -> list[EmailMessage]:
    parse = BytesParser(policy=default).parsebytes
    return [parse(path.read_bytes()) for path in sorted(outbox.glob("*.eml"))]  # type: ignore[misc]


def test_every_action_is_performed_and_logged(admin_client: Client, today: list[Paper]) -> None:
    first, second, third = (paper.pk for paper in today)
    for do, given in (
        *(
            (f"pin {first}", {}),
            (f"pin {second}", {}),
            (f"up {second}", {}),
            (f"down {second}", {}),
        ),
        *((f"swap {first}", {"into": third}), (f"unpin {second}", {}), (f"hide {second}", {})),
        *((f"show {second}", {}), (f"note {third}", {"note": "Read it."})),
    ):
        assert 'class="success"' in act(admin_client, do, **given), do
    act(admin_client, "words", subject="Monday", note="Hello")
    shown = order(admin_client, f"{second},{third}")
    assert desk.Desk.of(timezone.now().date()) == desk.Desk(
        (second, third), frozenset(), {third: "Read it."}, "Monday", "Hello"
    )
    log = LogEntry.objects.order_by("-pk").values_list("change_message", flat=True)
    assert len(log) == 11
    assert log[0] == "New order: “Tool use”; “Rare languages”"
    assert all(entry.replace("&", "&amp;") in shown for entry in log)


def test_an_order_from_an_old_page_is_refused(admin_client: Client, today: list[Paper]) -> None:
    act(admin_client, f"pin {today[0].pk}")
    assert "Someone else has changed this edition" in order(admin_client, str(today[1].pk), seen="")
    assert desk.Desk.of(timezone.now().date()).pinned == (today[0].pk,)


@pytest.mark.parametrize(
    "do", ["", "explode", "pin", "pin x", "pin 99999999999999999999", "swap 1", "order", "note 0"]
)
def test_invalid_actions_change_nothing(admin_client: Client, today: list[Paper], do: str) -> None:
    data = Page.open(admin_client, page()).fields("test") | {"do": do, "order": "x,-1,²"}
    forge(admin_client, f"{page()}act/", data)
    assert not LogEntry.objects.exists()
    assert not desk.Desk.of(timezone.now().date()).pinned


def test_viewing_stores_nothing_and_actions_need_post(
    admin_client: Client, today: list[Paper]
) -> None:
    assert admin_client.get(page()).status_code == 200
    assert admin_client.get(f"{page()}act/", {"do": f"pin {today[0].pk}"}).status_code == 403
    assert not Edition.objects.exists()
    for day in ("2020-01-01", "soon", "2026-99-99"):
        assert admin_client.get(f"/admin/subscriptions/edition/{day}/desk/").status_code == 404
    tomorrow = timezone.now().date() + timedelta(days=1)
    assert str(tomorrow) in admin_client.get("/admin/subscriptions/edition/desk/")["Location"]


@pytest.mark.parametrize(
    ("role", "acts"), [(roles.CURATOR, True), (roles.OPERATOR, False), (roles.READ_ONLY, False)]
)
def test_only_curators_act(client: Client, today: list[Paper], role: str, acts: bool) -> None:
    user = User.objects.create_user("ada", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    assert ("Pin</button>" in client.get(page()).text) == acts
    answer = forge(client, f"{page()}act/", {"do": f"pin {today[0].pk}"})
    assert answer.status_code == (302 if acts else 403)
    assert (desk.Desk.of(timezone.now().date()).pinned != ()) == acts


def test_approving_and_holding(
    admin_client: Client, today: list[Paper], opened: list[str], settings: Any
) -> None:
    settings.UNAPPROVED_EDITIONS = "hold"
    assert "Not approved yet" in admin_client.get(page()).text
    assert "Put on hold: A wrong pin" in act(admin_client, "hold", why="A wrong pin")
    assert "On hold" in admin_client.get(page()).text
    assert "Approved." in act(admin_client, "approve")
    assert opened == [timezone.now().date().isoformat()]
    tasks.open_edition(opened[0])
    assert Edition.objects.get().state == "open"
    act(admin_client, f"pin {today[0].pk}")
    assert "Changed since." in admin_client.get(page()).text


def test_preview_as_a_typical_and_as_an_existing_reader_and_send_a_test(
    admin_client: Client,
    today: list[Paper],
    make_reader: Callable[..., Subscriber],
    outbox: Path,
) -> None:
    reader = make_reader(topic={"text": "tool use", "excluded_words": ["languages"]})
    act(admin_client, f"pin {today[2].pk}")
    shown = admin_client.get(f"{page()}preview/", {"who": "typical cs.CL"})
    assert "Rare languages" in shown.text
    assert shown["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in shown["Content-Security-Policy"]
    assert "frame-src 'self'" in admin_client.get(page())["Content-Security-Policy"]
    own = admin_client.get(f"{page()}preview/", {"who": "Reader@Example.org", "part": "text"})
    assert "Tool use" in own.text
    assert "Rare languages" not in own.text
    nobody = admin_client.get(f"{page()}preview/", {"who": "nobody@e.org"})
    assert nobody.text == "No reader has this address."
    unknown = Page.open(admin_client, f"{page()}?who=nobody@e.org")
    assert "No reader has this address." in unknown.text
    assert "<iframe" not in unknown.html
    said = "Test sent to admin@example.com (reader@example.org)."
    assert said in act(admin_client, "test", who=reader.email)
    [mail] = mails(outbox)
    assert (mail["To"], mail["Subject"]) == ("admin@example.com", "[Test] Tool use + 1 more")
    assert not Digest.objects.exists()


def test_the_preview_of_a_sent_digest_shows_it_as_sent(
    admin_client: Client, today: list[Paper], make_reader: Callable[..., Subscriber]
) -> None:
    reader = make_reader(next_digest_at=timezone.now() - timedelta(minutes=1))
    digests.build_due_digests([reader.pk], timezone.now())
    act(admin_client, f"hide {today[0].pk}")
    shown = admin_client.get(f"{page()}preview/", {"who": reader.email, "part": "text"}).text
    assert "Long context" in shown


def test_a_day_without_papers_and_an_account_without_an_address_are_reported(
    admin_client: Client,
) -> None:
    assert (
        "No digest will be sent" in admin_client.get(f"{page()}preview/", {"who": "typical"}).text
    )
    assert "No digest will be sent" in act(admin_client, "test", who="typical")
    User.objects.update(email="")
    assert "has no email address" in act(admin_client, "test", who="typical")
    assert not LogEntry.objects.exists()


NOTE = "**Big week**: read [the list](https://lists.example/a?b=1&c=2).\n\nSee https://e.example."


def test_a_note_with_links_bold_and_paragraphs_is_previewed_before_saving(
    admin_client: Client, today: list[Paper], make_reader: Callable[..., Subscriber]
) -> None:
    shown = Page.open(admin_client, page()).submit("look", subject="Monday", note=NOTE)
    assert "Not saved yet." in shown.text
    assert '<strong>Big week</strong>: read <a href="https://lists.example/a?b=1&amp;c=2">' in (
        shown.html
    )
    assert not Edition.objects.exclude(note="").exists()
    assert shown.fields("words")["note"] == NOTE
    saved = shown.submit("words")
    assert "Not saved yet." not in saved.text
    assert Edition.objects.get().note == NOTE
    make_reader()
    preview = f"{page()}preview/"
    mail = Page.open(admin_client, f"{preview}?who=reader@example.org")
    [link] = mail.tree.xpath("//a[@href='https://e.example']")
    assert (link.get("style"), link.get("class")) == ("color:#1f45c4", "blue")
    text = admin_client.get(preview, {"who": "typical", "part": "text"}).text
    said = "From the editor: Big week: read the list (https://lists.example/a?b=1&c=2)."
    assert said in " ".join(text.split())
    assert "\n\nSee https://e.example.\n" in text


def test_refused_text_is_not_lost(admin_client: Client, today: list[Paper]) -> None:
    old = Page.open(admin_client, page())
    long = "word " * 400
    refused = old.submit("words", note=long)
    assert "The note has 1,999 characters; the maximum is 1,500." in refused.text
    assert refused.fields("words")["note"] == long
    act(admin_client, f"pin {today[0].pk}")
    stale = old.submit("words", note="Hello")
    assert "Someone else has changed this edition" in stale.text
    assert stale.fields("words")["note"] == "Hello"
    assert not Edition.objects.get().note
    stale.submit("words")
    assert Edition.objects.get().note == "Hello"
    assert desk.Desk.of(timezone.now().date()).pinned == (today[0].pk,)


def test_the_desk_shows_the_score_of_the_site(admin_client: Client, today: list[Paper]) -> None:
    best = Paper.objects.get(pk=today[0].pk)
    site = Page.open(admin_client, best.get_absolute_url()).text
    assert f"{best.heat:.1f}" in site
    assert f"score {best.heat:.1f}" in Page.open(admin_client, page()).text
