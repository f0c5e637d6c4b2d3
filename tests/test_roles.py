"""Roles in the admin: permissions and the log of each action."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper, Source, SourceCheck, Submission
from subscriptions.models import Subscriber
from subscriptions.staff import roles
from tests.pages import Page, forge
from tests.subscriptions.conftest import MakeReader
from web.pagination import MAX_COUNT, CappedPaginator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
READ_ONLY, CURATOR, OPERATOR = roles.READ_ONLY, roles.CURATOR, roles.OPERATOR


@pytest.fixture
def as_role(client: Client) -> Callable[[str], Client]:
    """Return a function that logs in an account with a role and no other permission."""

    def sign_in(role: str) -> Client:
        user = User.objects.create_user(role, f"{role.lower()}@paper.example", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        return client

    return sign_in


def act(client: Client, model: str, action: str, *pks: int) -> None:
    """Select these rows of a list and press Go; forge the request if the action is not offered."""
    address = reverse(f"admin:{model}_changelist")
    page = Page.open(client, address)
    if page.tree.xpath(f"//select[@name='action']/option[@value='{action}']"):
        page.submit("Go", action=action, _selected_action=[str(pk) for pk in pks])
    else:
        forge(client, address, {"action": action, "_selected_action": pks})


@pytest.mark.parametrize("role", roles.PERMISSIONS)
def test_every_role_sees_papers_readers_and_the_log(
    as_role: Callable[[str], Client], make_reader: Callable[..., Subscriber], role: str
) -> None:
    client = as_role(role)
    for model in ("papers_paper", "subscriptions_subscriber", "admin_logentry"):
        assert client.get(reverse(f"admin:{model}_changelist")).status_code == 200
    reader = make_reader()
    page = reverse("admin:subscriptions_subscriber_change", args=[reader.pk])
    assert client.get(page).status_code == 200


@pytest.mark.parametrize(
    ("role", "hides", "refuses", "lifts"),
    [
        (READ_ONLY, False, False, False),
        (CURATOR, True, True, False),
        (OPERATOR, False, False, True),
    ],
)
def test_each_action_needs_its_permission_and_is_logged(
    as_role: Callable[[str], Client],
    make_paper: Callable[..., Paper],
    make_reader: Callable[..., Subscriber],
    now: Any,
    role: str,
    hides: bool,
    refuses: bool,
    lifts: bool,
) -> None:
    client = as_role(role)
    paper, reader = make_paper(), make_reader(status=Subscriber.Status.SUPPRESSED)
    proposal = Submission.objects.create(
        arxiv_id="2604.77777", created_by="reader-1", created_at=now
    )
    act(client, "papers_paper", "hide", paper.pk)
    act(client, "papers_submission", "reject", proposal.pk)
    act(client, "subscriptions_subscriber", "lift_the_suppression", reader.pk)
    for row in (paper, proposal, reader):
        row.refresh_from_db()
    done = (paper.hidden, proposal.status == "refused", reader.status == "unsubscribed")
    assert done == (hides, refuses, lifts)
    said = set(LogEntry.objects.values_list("user__username", "change_message"))
    acts = {"Hidden.": hides, "Rejected.": refuses, "Suppression lifted.": lifts}
    assert said == {(role, text) for text, was_done in acts.items() if was_done}


def test_nobody_can_edit_the_log_or_delete_an_account_in_it(
    admin_client: Client, make_paper: Callable[..., Paper]
) -> None:
    act(admin_client, "papers_paper", "hide", make_paper().pk)
    entry = LogEntry.objects.get()
    for page in ("change", "delete"):
        address = reverse(f"admin:admin_logentry_{page}", args=[entry.pk])
        answer = forge(admin_client, address, {"post": "yes", "change_message": "Never was."})
        assert answer.status_code == 403
    account = reverse("admin:auth_user_delete", args=[entry.user_id])
    forge(admin_client, account, {"post": "yes"})
    assert LogEntry.objects.get().change_message == "Hidden."
    assert User.objects.filter(pk=entry.user_id).exists()


def test_every_migrate_resets_the_roles_to_the_table() -> None:
    group = Group.objects.get(name=CURATOR)
    before = set(group.permissions.all())
    group.permissions.clear()
    Group.objects.get(name=OPERATOR).delete()
    call_command("migrate", verbosity=0)
    assert set(group.permissions.all()) == before
    assert Group.objects.filter(name=OPERATOR).exists()


def test_every_permission_in_the_table_exists() -> None:
    for role, names in roles.PERMISSIONS.items():
        found = roles.permissions(role).values_list("content_type__app_label", "codename")
        assert set(names.split()) <= {".".join(one) for one in found}


def test_long_lists_are_not_counted_completely(
    django_assert_num_queries: Any, make_reader: Callable[..., Subscriber]
) -> None:
    make_reader()
    pages = CappedPaginator(Subscriber.objects.order_by("pk"), 100)
    with django_assert_num_queries(1) as made:
        assert pages.count == 1
    assert f"LIMIT {MAX_COUNT}" in made.captured_queries[0]["sql"]


@pytest.mark.parametrize(("role", "may"), [(READ_ONLY, 403), (CURATOR, 200), (OPERATOR, 200)])
def test_curators_and_operators_add_sources(
    as_role: Callable[[str], Client], role: str, may: int
) -> None:
    assert as_role(role).get(reverse("admin:papers_source_add")).status_code == may


# The public site (r/), and pages that end the session or ask workers and DNS servers.
NOT_OPENED = re.compile(r"/admin/(r|logout|password_change|doctor)/|/language/")


@pytest.mark.parametrize("role", roles.PERMISSIONS)
def test_no_link_or_button_that_a_role_sees_is_forbidden(
    as_role: Callable[[str], Client], edition: list[Paper], make_reader: MakeReader, role: str
) -> None:
    """Open every kind of page from the start page on, and press every button as rendered."""
    client, now = as_role(role), timezone.now()
    source = Source.objects.create(name="Journal", url="http://127.0.0.1:1/rss")
    SourceCheck.objects.create(source=source, at=now, outcome="gone", state="broken")
    Submission.objects.create(arxiv_id="2604.77777", created_by="reader-1", created_at=now)
    LogEntry.objects.create(user=User.objects.get(), object_repr="x", action_flag=1)
    make_reader()
    refused, pressed = [], set()
    for page in pages_from("/admin/", client, refused):
        for button in buttons(page):
            kind = (_kind(page.url), *button.values())
            if kind not in pressed:
                pressed.add(kind)
                answer = page.submit(button, follow=False)
                if answer.status >= 400:
                    refused.append(f"{answer.status} {page.url} [{button.get('value')}]")
    assert refused == []
    assert len(pressed) > 5 or role == READ_ONLY


def pages_from(start: str, client: Client, refused: list[str]) -> Iterator[Page]:
    """Yield a page of each kind that links lead to; collect those that cannot be opened."""
    waiting, seen = [start], set()
    while waiting:
        address = waiting.pop(0)
        if _kind(address) in seen or NOT_OPENED.search(address):
            continue
        seen.add(_kind(address))
        response = client.get(address, follow=True)
        if response.status_code >= 400:
            refused.append(f"{response.status_code} {address}")
        elif "html" in response.headers.get("Content-Type", ""):
            page = Page(client, response, address)
            yield page
            links = (urlsplit(urljoin(address, a.get("href") or "")) for a in page.tree.iter("a"))
            waiting += [
                link._replace(fragment="").geturl()
                for link in links
                if not link.netloc and link.path.startswith("/admin/")
            ]


def buttons(page: Page) -> list[Any]:
    forms = [form for form in page.tree.forms if (form.get("method") or "").lower() == "post"]
    return [
        button
        for form in forms
        if not NOT_OPENED.search(form.get("action") or page.url)
        for button in form.xpath(".//button[not(@type='button')] | .//input[@type='submit']")
        if button.get("disabled") is None
    ]


def _kind(address: str) -> str:
    """Return the path without numbers and dates."""
    return re.sub(r"[0-9]+", "N", urlsplit(address).path)
