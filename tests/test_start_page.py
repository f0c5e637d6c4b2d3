"""The admin's start page: to-dos, state of the installation, and pages by task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from redis import RedisError

from papers.models import Paper, Source, SourceCheck, Submission
from subscriptions.editions import desk, states
from subscriptions.models import Edition, Subscriber
from subscriptions.staff import roles
from tests.pages import Page
from web import admin_site

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
TECHNICAL = ("TOTP", "Second factors", "Suppressions", "Erasures", "Log", "Documents read", "Users")


@pytest.fixture
def as_role(client: Client) -> Callable[[str], Client]:
    def sign_in(role: str) -> Client:
        user = User.objects.create_user(role, f"{role.lower()}@paper.example", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        return client

    return sign_in


def links(page: Page) -> set[str]:
    return {" ".join(one.text_content().split()) for one in page.tree.iter("a")}


def test_an_empty_installation_lists_the_first_steps(as_role: Callable[[str], Client]) -> None:
    page = Page.open(as_role(roles.CURATOR), "/admin/")
    assert "To do Add sources" in page.text
    assert "manage.py add_source --recommended" in page.text
    assert "/admin/papers/source/recommended/" in page.html
    Source.objects.create(url="https://example.org/rss")
    assert "Wait for the first papers" in Page.open(page.client, "/admin/").text


def test_the_page_shows_decisions_and_problems(
    admin_client: Client, make_paper: Callable[..., Paper], make_reader: Callable[..., Subscriber]
) -> None:
    now = timezone.now()
    paper = make_paper("News", listed_on=now.date(), first_seen_at=now)
    source = Source.objects.create(name="A journal", url="https://example.org/rss")
    reason = "It answers with an error (HTTP 500)."
    SourceCheck.objects.create(
        source=source, at=now, outcome="http_error", state="broken", reason=reason
    )
    Submission.objects.create(arxiv_id="2604.77777", created_by="reader-1", created_at=now)
    desk.apply_change(now.date() + timedelta(days=1), now, desk.pin_paper, paper.pk)
    make_reader(confirmed_at=now)
    make_reader("gone@example.org", status="unsubscribed", unsubscribed_at=now)
    text = Page.open(admin_client, "/admin/").text
    for said in (
        "Check 1 source with problems", "A journal : broken. It answers with an error (HTTP 500).",
        "Decide on 1 entry in the queue 1 proposal", "Review tomorrow’s edition", "Pinned 1",
        "Active 1 New, 7 days 1 Left, 7 days 1", "Sign-up is open.", "Doctor",
    ):  # fmt: skip
        assert said in text


def test_sources_with_problems_are_counted_and_listed_behind_the_to_do(
    admin_client: Client,
) -> None:
    now = timezone.now()
    for number in range(7):
        source = Source.objects.create(name=f"Broken {number}", url=f"https://e.org/{number}")
        SourceCheck.objects.create(source=source, at=now, outcome="gone", state="broken")
    Source.objects.create(name="Fine", url="https://e.org/fine")
    page = Page.open(admin_client, "/admin/")
    assert "With problems 7" in page.text
    [address] = [
        str(link.get("href"))
        for link in page.tree.iter("a")
        if "7 sources with" in (link.text or "")
    ]
    listed = Page.open(admin_client, address)
    assert "7 sources" in listed.text
    assert "Broken 6" in listed.text
    assert "Fine" not in listed.text


@pytest.mark.parametrize(
    ("role", "sees"), [(roles.CURATOR, False), (roles.READ_ONLY, False), (roles.OPERATOR, True)]
)
def test_technical_tables_are_hidden_from_curators(
    as_role: Callable[[str], Client], role: str, sees: bool
) -> None:
    client = as_role(role)
    for address in ("/admin/", "/admin/papers/paper/"):
        shown = links(Page.open(client, address))
        assert {"Tomorrow's desk", "Papers", "Sources", "Subscribers"} <= shown
        assert ("Suppressions" in shown) == ("Doctor" in shown) == sees
        assert not (set(TECHNICAL) & shown) or sees
    assert client.get("/admin/subscriptions/suppression/").status_code == 200, "by address it opens"


def test_every_model_of_the_admin_is_listed_for_a_superuser(admin_client: Client) -> None:
    page = Page.open(admin_client, "/admin/")
    for model in admin.site._registry:
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert f'href="{address}"' in page.html, address


def test_the_page_opens_while_redis_is_down(admin_client: Client, monkeypatch: Any) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RedisError("down")

    monkeypatch.setattr(cache, "get", broken)
    assert "To do" in Page.open(admin_client, "/admin/").text


@pytest.mark.parametrize(
    ("unapproved", "values", "said"),
    [
        ("send", {"state": "waiting"}, "Not approved yet. Will be sent from 2026-05-01"),
        ("hold", {"state": "waiting"}, "Not approved yet. Put on hold at 2026-05-01"),
        ("send", {"state": "open"}, "Will be sent at each reader's delivery time, approved or"),
        ("send", {"state": "held", "reason": "A wrong pin."}, "On hold. A wrong pin. Nothing is"),
        ("send", {"state": "paused", "reason": "Bounces."}, "Paused. Bounces."),
        ("send", {"state": "open", "approved_by": "ada", "approved_at": 1}, "Approved by ada."),
        ("send", {"state": "open", "closed_at": 1}, "It is over."),
    ],
)
def test_the_outlook_of_an_edition_by_state(
    settings: Any, now: datetime, unapproved: str, values: dict[str, Any], said: str
) -> None:
    settings.UNAPPROVED_EDITIONS = unapproved
    settings.APPROVE_BY = timedelta(hours=10)
    given = {name: now if value == 1 else value for name, value in values.items()}
    edition = Edition(day=date(2026, 5, 1), **given)
    assert states.describe_outlook(edition, now).startswith(said)


def test_desk_dashboard_and_start_page_show_the_same_outlook(
    admin_client: Client, settings: Any
) -> None:
    settings.UNAPPROVED_EDITIONS = "hold"
    now = timezone.now()
    tomorrow = now.date() + timedelta(days=1)
    outlook = states.describe_outlook(
        Edition(day=tomorrow, state=states.initial_state(tomorrow, now)), now
    )
    for address in (
        "/admin/", "/admin/subscriptions/edition/dashboard/",
        f"/admin/subscriptions/edition/{tomorrow}/desk/",
    ):  # fmt: skip
        assert outlook in Page.open(admin_client, address).text, address


def test_every_model_of_the_admin_is_in_a_section() -> None:
    rows = [row for _, rows in (*admin_site.SECTIONS, *admin_site.TECHNICAL) for row in rows]
    named = {row.model for row in rows if isinstance(row, admin_site.Table)}
    assert not {model._meta.label for model in admin.site._registry} - named
