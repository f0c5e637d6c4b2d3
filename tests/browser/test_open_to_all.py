"""Pages and emails: no axe-core violation, no external resource, no sideways scrolling."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from devtools.outbox import messages
from papers.models import Paper
from subscriptions import tokens
from subscriptions.delivery.transports import django_message
from subscriptions.editions import digests
from subscriptions.mail import emails
from subscriptions.mail.links import signed_url
from subscriptions.models import Digest, Subscriber, Topic
from subscriptions.readers import lifecycle, signup
from subscriptions.tokens import Purpose
from tests.browser import hard
from tests.browser.axe import violations
from tests.browser.conftest import Browser, until

PRESSED = """[...document.querySelectorAll("button, input, .vote, .r a, summary:not(.extract *)")]
.filter(one => one.checkVisibility()).map(one => one.outerHTML)"""
TOPICS = "Reasoning of large language models; long context"


@pytest.fixture
def reader(papers: str) -> Subscriber:
    now = timezone.now()
    made = signup.request_sign_up(signup.SignUpRequest("ada@reader.example", "UTC", "/", None), now)
    Topic.objects.filter(subscriber=made).update(text=TOPICS)
    lifecycle.activate_reader(made, now)
    made.refresh_from_db()
    return made


def pages(reader: Subscriber) -> dict[str, str]:
    """Return the URLs of all pages that a reader can open."""
    paper = Paper.objects.order_by("-score")[0]
    mine, react = (
        tokens.make_token(purpose, reader.pk) for purpose in (Purpose.PREFERENCES, Purpose.REACT)
    )
    leave = tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)
    confirm = tokens.make_token(Purpose.CONFIRM, reader.pk)
    named = {
        name: reverse(name)
        for name in ("home", "status", "subscribe", "check-inbox", "privacy", "api-reference")
    }
    data = tokens.make_token(Purpose.DATA, reader.pk)
    names = ("preferences", "profile", "rhythm", "propose", "subscriptions", "subscription-new")
    own = {name: reverse(name, args=[mine]) for name in names}
    return {
        **named,
        **own,
        "paper": paper.get_absolute_url(),
        "search": f"{reverse('search')}?q=langauge+models",
        "day": reverse("day", args=[paper.day]),
        "preview": f"{reverse('preview')}?interests=memory+in+language+agents",
        "sign-in": reverse("sign-in"),
        "sign in here": reverse("sign-in", args=[mine]),
        "vote by email": reverse("vote", args=[paper.pk]),
        "follow": f"{reverse('follow')}?q=long+context",
        "ranking": paper.get_ranking_url(),
        "vote": reverse("vote", args=[paper.pk, react]),
        "more": reverse("react", args=["more", paper.pk, react]),
        "less": reverse("react", args=["less", paper.pk, react]),
        "keep": reverse("keep", args=[paper.pk, react]),
        "report": reverse("report", args=[paper.pk, react]),
        "reset": reverse("profile-reset", args=[mine]),
        "data": reverse("data", args=[data]),
        "erase": reverse("data-erase", args=[data]),
        "nothing found": f"{reverse('search')}?q=xqzzy+date:1999",
        "unsubscribe": reverse("unsubscribe", args=[leave]),
        "confirm": reverse("confirm", args=[confirm]),
        "bad link": reverse("confirm", args=["cut"]),
        "not found": "/nowhere/",
    }


def mails(reader: Subscriber, outbox: Path) -> dict[str, str]:
    """Return the outbox URLs of all emails, and of a digest in each layout."""
    now = timezone.now()
    paper = Paper.objects.order_by("-score")[0]
    found: dict[str, str] = {}
    letters = ("confirmation", "preferences_link", "welcome", "less_often", "goodbye", "vote_link")
    for name in letters:
        more = [paper] if name == "vote_link" else []
        django_message(getattr(emails, name)(reader, *more)).send()
        found[name] = reverse("outbox-html", args=[messages(outbox)[0].stem])
    digest = digests.build_digest(reader.pk, now)
    assert digest
    other = signup.request_sign_up(
        signup.SignUpRequest("week@reader.example", "UTC", "/", None), now
    )
    week, subscription = Digest.Period.WEEK, other.default_subscription
    weekly = Digest(subscriber=other, subscription=subscription, period=week, day=digest.day)
    weekly.items = digest.items
    weekly.paper_ids, weekly.subject = digest.paper_ids, "Your week"
    weekly.created_at = weekly.expires_at = weekly.next_attempt_at = now
    weekly.save()
    for name, one in {"daily": digest, "weekly": weekly}.items():
        found[name] = signed_url("digest", Purpose.DIGEST, one.public_id)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 320)])
@pytest.mark.promise(23)
def test_pages_and_emails_have_no_accessibility_violation(
    browser: Browser, reader: Subscriber, outbox: Path, scheme: str, width: int
) -> None:
    browser.be_wide(width)
    browser.prefer(scheme)
    browser.open("/")
    own = {name: reverse(name) for name in ("preferences", "data", "leave")}
    signed_in = {f"{name}, signed in": address for name, address in own.items()}
    found: dict[str, list[str]] = {}
    for name, address in {**pages(reader), **mails(reader, outbox), **signed_in}.items():
        browser.open(address)
        if name == "sign in here":
            browser.press("Sign in")
            browser.open(reverse("home"))
        loaded = browser.measure("performance.getEntriesByType('resource').map(one => one.name)")
        wrong = violations(browser) + [one for one in loaded if not one.startswith(browser.site)]
        if browser.measure("document.documentElement.scrollWidth") > width:
            wrong.append("It scrolls sideways.")
        if wrong:
            found[name] = wrong
    assert found == {}


@pytest.mark.parametrize("width", [320, pytest.param(1200, marks=pytest.mark.slow)])
def test_difficult_papers_are_accessible_and_do_not_scroll_sideways(
    browser: Browser, reader: Subscriber, tmp_path: Path, width: int
) -> None:
    hard_ones = hard.ingest_papers(timezone.now().date(), tmp_path)
    Topic.objects.update(text=hard.topics(hard_ones))
    digest = digests.build_digest(reader.pk, timezone.now())
    assert digest
    assert set(digest.paper_ids) >= {one.pk for one in hard_ones}
    browser.be_wide(width)
    in_browser = signed_url("digest", Purpose.DIGEST, digest.public_id)
    for address in ("/", in_browser, *(one.get_absolute_url() for one in hard_ones)):
        browser.open(address)
        assert violations(browser) == [], address
        assert browser.measure("document.documentElement.scrollWidth") <= width, address
    assert [one.language for one in hard_ones] == ["en", "en", "en", ""]


def test_print_is_black_on_white_without_controls(browser: Browser, reader: Subscriber) -> None:
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.emulate("setEmulatedMedia", media="print", features=dark)
    paper = Paper.objects.order_by("-score")[0]
    digest = digests.build_digest(reader.pk, timezone.now())
    assert digest
    in_browser = signed_url("digest", Purpose.DIGEST, digest.public_id)
    for address in ("/", paper.get_absolute_url(), in_browser):
        browser.open(address)
        until(lambda: len(browser.text) > 500, f"the text of {address}")
        assert browser.measure(PRESSED) == [], address
    browser.open("/")
    assert browser.measure("getComputedStyle(document.body).color") == "rgb(23, 26, 32)"
    assert browser.measure("getComputedStyle(document.documentElement).colorScheme") == "light"


def test_axe_reports_violations(browser: Browser, papers: str) -> None:
    browser.open("/check-inbox/")
    browser.chrome.execute_script("document.body.append(document.createElement('img'))")
    assert [one.partition(":")[0] for one in violations(browser)] == ["image-alt", "region"]


def test_the_first_tab_stop_skips_to_the_content(browser: Browser, papers: str) -> None:
    browser.open("/")
    browser.chrome.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    skip = browser.chrome.switch_to.active_element
    assert skip.text == "Skip to content"
    skip.send_keys(Keys.ENTER)
    assert browser.chrome.switch_to.active_element.get_attribute("id") == "main"
