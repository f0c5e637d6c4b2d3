"""The Content-Security-Policy in a real browser: it allows the site and blocks an attacker."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.models import Subscriber, Topic
from subscriptions.readers import lifecycle, signup
from subscriptions.tokens import Purpose
from tests.browser.conftest import Browser, until

CSP_MESSAGE = "Content Security Policy"


@pytest.fixture
def reader(papers: str) -> Subscriber:
    now = timezone.now()
    made = signup.request_sign_up(
        signup.SignUpRequest("ada@reader.example", "UTC", "/", "192.0.2.7"), now
    )
    Topic.objects.filter(subscriber=made).update(text="long context language models")
    lifecycle.activate_reader(made, now)
    return made


def violations(browser: Browser) -> list[str]:
    """Return new console messages about the Content-Security-Policy."""
    lines = [entry["message"] for entry in browser.chrome.get_log("browser")]
    return [line for line in lines if CSP_MESSAGE in line]


def test_the_policy_blocks_nothing_that_pages_need(browser: Browser, reader: Subscriber) -> None:
    made = digests.build_digest(reader.pk, timezone.now())
    assert made
    violations(browser)
    signed = {
        name: reverse(name, args=[tokens.make_token(purpose, reader.pk)])
        for name, purpose in (
            ("preferences", Purpose.PREFERENCES),
            ("profile", Purpose.PREFERENCES),
            ("data", Purpose.DATA),
            ("data-erase", Purpose.DATA),
        )
    }
    shown = reverse("digest", args=[tokens.make_token(Purpose.DIGEST, made.public_id)])
    paper = Paper.objects.order_by("-score")[0].get_absolute_url()
    pages = ["/", paper, "/privacy/", "/status/", "/api/", "/admin/login/", "/nowhere/", shown]
    for page in [*pages, *signed.values()]:
        browser.open(page)
        assert violations(browser) == [], page
    browser.open("/")
    browser.fill("What do you work on?", "Long context language models")
    browser.press("Show my papers")
    browser.sees("For you")
    assert violations(browser) == []


def test_an_injected_script_does_not_run(browser: Browser, papers: str) -> None:
    browser.open("/")
    violations(browser)
    image = "<img src=x onerror='document.title=1'>"
    link = "<a id=bad href='javascript:document.title=2'>x</a>"
    browser.measure(f'document.body.insertAdjacentHTML("beforeend", "{image}{link}")')
    browser.chrome.execute_script("document.getElementById('bad').click()")
    until(lambda: violations(browser), "the browser to refuse it")
    assert browser.chrome.title not in ("1", "2")


def test_the_browser_solves_the_sign_up_challenge(
    browser: Browser, papers: str, settings: Any
) -> None:
    settings.CHALLENGE, settings.CHALLENGE_COST = "altcha", 20
    browser.open("/subscribe/")
    address = browser.chrome.find_element("id", "signup-email")
    address.send_keys("ada@reader.example")
    address.submit()
    browser.sees("Check your inbox")
    assert Subscriber.objects.get().email == "ada@reader.example"
