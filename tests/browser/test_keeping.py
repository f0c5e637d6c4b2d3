"""A reader keeps papers on a phone, from an email and from a list, and changes their mind."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from subscriptions import tokens
from subscriptions.delivery.transports import django_message
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail
from subscriptions.models import LibraryEntry, Subscriber
from subscriptions.tokens import Purpose
from tests.browser.axe import violations
from tests.browser.conftest import PHONE, Browser, until
from tests.browser.test_topics import add_reader, check


@pytest.fixture
def reader(browser: Browser, papers: str) -> Subscriber:
    browser.be_wide(390, 844)
    browser.emulate("setUserAgentOverride", userAgent=PHONE)
    return add_reader("Reasoning of large language models; long context")


@pytest.mark.parametrize("width", [320, 390])
def test_a_paper_is_kept_from_an_email_and_the_buttons_fit(
    browser: Browser, reader: Subscriber, width: int
) -> None:
    digests.build_digest(reader.pk, timezone.now())
    digest = reader.digests.select_related("subscriber").get()
    mail = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    django_message(mail).send()
    browser.open_mail(digest.subject, to=reader.email)
    browser.open(browser.find("//iframe", "the mail's HTML part").get_attribute("src") or "")
    browser.be_wide(width, 844)
    browser.prefer("dark" if width < 390 else "light")
    check(browser, f"keep-mail-{width}")
    assert browser.measure("document.documentElement.scrollWidth") == width
    browser.press_in_mail("Keep")
    browser.sees("Keep this paper?")
    assert not LibraryEntry.objects.exists()
    browser.press("Keep it")
    browser.sees("Kept in your library")
    assert violations(browser) == []
    assert LibraryEntry.objects.get().paper_id == digest.paper_ids[0]
    browser.press("Undo")
    browser.sees("Removed from your library")
    assert not LibraryEntry.objects.exists()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_card_is_kept_in_place_and_removed(
    browser: Browser, reader: Subscriber, scripts: bool
) -> None:
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    browser.open(reverse("sign-in", args=[token]))
    browser.find("//main//button[.='Sign in']", "the button").click()
    browser.sees("You're signed in on this browser.")
    browser.emulate("setScriptExecutionDisabled", value=not scripts)
    browser.open("/")
    paper = Paper.objects.order_by("-score")[1]
    browser.chrome.find_element("id", f"keep-{paper.pk}").click()
    until(lambda: is_pressed(browser, paper), "the button to be pressed")
    assert LibraryEntry.objects.get().paper == paper
    assert browser.measure("location.pathname") == "/"
    if scripts:
        assert browser.measure("document.activeElement.id") == f"keep-{paper.pk}"
        assert browser.measure("document.documentElement.scrollWidth") == 390
    browser.chrome.find_element("id", f"keep-{paper.pk}").click()
    until(lambda: not is_pressed(browser, paper), "the button to be released")
    assert not LibraryEntry.objects.exists()


def is_pressed(browser: Browser, paper: Paper) -> bool:
    button = f"document.getElementById('keep-{paper.pk}')"
    return bool(browser.measure(f"{button}?.ariaPressed === 'true'"))
