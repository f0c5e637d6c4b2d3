"""Accessibility of the admin's own pages, in light and dark mode."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from selenium.webdriver.common.by import By

from papers.models import Paper, Report, Submission
from subscriptions.editions import digests
from subscriptions.models import Digest, ReaderImport, Subscriber, Subscription, Topic
from subscriptions.readers import importing
from tests.browser.axe import violations
from tests.browser.conftest import Browser

# Of Django's own templates: links in the crumbs are told by colour alone on its lists, the search
# field is named by its help text, and two columns of inlines have no name.
DJANGOS = (".breadcrumbs", "#searchbar", ".inline-group thead")
CSV = (
    "email,consent_at,consent_text,confirmed_at\n"
    "old@reader.example,2024-05-01 10:00,Send me papers,2024-05-01 11:00\n"
    "broken,2024-05-01 10:00,Send me papers,2024-05-01 11:00\n"
)
Addresses = dict[str, str]


@pytest.fixture
def reader(papers: str) -> Subscriber:
    now = timezone.now()
    made = Subscriber.objects.create(
        email="grace@reader.example",
        email_key="grace@reader.example",
        status=Subscriber.Status.ACTIVE,
        created_at=now,
        confirmed_at=now,
    )
    Topic.objects.create(subscriber=made, text="Reasoning of large language models")
    Subscription.objects.create(subscriber=made)
    digests.build_digest(made.pk, now)
    return made


@pytest.fixture
def pages(reader: Subscriber) -> Addresses:
    now = timezone.now()
    paper = Paper.objects.trending()[0]
    Submission.objects.create(
        arxiv_id="2604.11111", note="Worth a look", created_by="a", created_at=now
    )
    Report.objects.create(paper=paper, created_by="a", reason="A duplicate", created_at=now)
    text, lines = importing.read_import_file(CSV.encode())
    work = ReaderImport.objects.create(
        name="old.csv", created_by="mary", created_at=now, text=text, lines=lines
    )
    importing.run_import(work.pk)
    digest = Digest.objects.get()
    return {
        "index": "/admin/",
        "desk": f"/admin/subscriptions/edition/{digest.day}/desk/",
        "edition": f"/admin/subscriptions/edition/{digest.day}/change/",
        "editions": "/admin/subscriptions/edition/",
        "dashboard": reverse("admin:subscriptions_dashboard"),
        "queue": reverse("admin:papers_queue"),
        "readers": "/admin/subscriptions/subscriber/",
        "reader": f"/admin/subscriptions/subscriber/{reader.pk}/change/",
        "timeline": reverse("admin:subscriptions_subscriber_timeline", args=[reader.pk]),
        "import": f"/admin/subscriptions/readerimport/{work.pk}/change/",
        "new import": "/admin/subscriptions/readerimport/add/",
        "sources": "/admin/papers/source/",
        "recommended": "/admin/papers/source/recommended/",
        "sign-up": "/admin/subscriptions/signupswitch/",
        "doctor": "/admin/doctor/",
    }


FEW = ("desk", "dashboard", "reader")


@pytest.mark.parametrize(
    ("colours", "names"),
    [
        pytest.param("light", FEW, id="light, few"),
        pytest.param("light", (), marks=pytest.mark.slow, id="light, all"),
        pytest.param("dark", (), marks=pytest.mark.slow, id="dark, all"),
    ],
)
@pytest.mark.promise(23)
def test_admin_pages_have_no_accessibility_violation(
    browser: Browser, pages: Addresses, colours: str, names: tuple[str, ...]
) -> None:
    User.objects.create_superuser("mary", "mary@paper.example", "quite-secret")
    browser.open("/admin/login/?next=/admin/")
    browser.fill("Username:", "mary")
    browser.fill("Password:", "quite-secret")
    browser.chrome.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    browser.sees("To do")
    browser.prefer(colours)
    found = {}
    for name in names or pages:
        browser.open(pages[name])
        if broken := violations(browser, but=DJANGOS):
            found[name] = broken
    assert found == {}


def test_reactions_of_a_reader_fit_on_a_phone(
    browser: Browser, pages: Addresses, reader: Subscriber
) -> None:
    reader.reactions.create(
        paper=Paper.objects.trending()[0],
        topic=reader.first_topic,
        kind="more",
        created_at=timezone.now(),
    )
    User.objects.create_superuser("mary", "mary@paper.example", "quite-secret")
    browser.open(f"/admin/login/?next={pages['reader']}")
    browser.fill("Username:", "mary")
    browser.fill("Password:", "quite-secret")
    browser.chrome.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    browser.sees("Reactions")
    browser.be_wide(390)
    right = "document.querySelector('#reactions-group table').getBoundingClientRect().right"
    assert browser.measure(right) <= 390
