"""The site as readers use it, from the first visit to the last email."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import httpx
from django.apps import apps
from django.core.serializers import serialize
from django.db.models import F
from django.utils import timezone
from selenium.webdriver.common.by import By

from devtools.outbox import messages
from devtools.outbox_pages import read_message
from subscriptions import tasks
from subscriptions.models import Digest, Reaction, Subscriber, Subscription, Topic
from subscriptions.readers import lifecycle, signup
from tests.browser.conftest import Browser, until

READER = "ada@reader.example"


def mails_to(address: str, outbox: Path) -> list[EmailMessage]:
    """Return the emails to an address, newest first."""
    return [mail for path in messages(outbox) if (mail := read_message(path))["To"] == address]


def digests_to(address: str, outbox: Path) -> list[EmailMessage]:
    return [mail for mail in mails_to(address, outbox) if mail["List-Id"]]


def subscribed(address: str) -> Subscriber:
    """Create a confirmed reader."""
    now = timezone.now()
    reader = signup.request_sign_up(signup.SignUpRequest(address, "UTC", "/", None), now)
    Topic.objects.filter(subscriber=reader).update(categories=["cs.CV"])
    lifecycle.activate_reader(reader, now)
    return reader


def advance_one_day() -> None:
    """Move everything sent back by a day, and make all waiting readers due."""
    day = timedelta(days=1)
    Digest.objects.update(
        day=F("day") - day, created_at=F("created_at") - day, sent_at=F("sent_at") - day
    )
    Subscription.objects.update(
        last_digest_day=F("last_digest_day") - day, covered_until=F("covered_until") - day
    )
    waiting = Subscription.objects.exclude(next_digest_at=None)
    waiting.update(next_digest_at=timezone.now())


def stored_data() -> str:
    """Return all stored data of readers as JSON."""
    models = apps.get_app_config("subscriptions").get_models()
    return "".join(serialize("json", model._default_manager.order_by("pk")) for model in models)


def test_a_reader_from_sign_up_to_unsubscribing(
    browser: Browser, worker: None, papers: str, outbox: Path
) -> None:
    assert "refused=0" in papers.splitlines()[-1]
    staying, leaving = subscribed("bo@reader.example"), subscribed("cy@reader.example")

    subscribe_on_the_home_page(browser)
    confirm_from_the_mail(browser)
    say_what_matters(browser)
    get_the_digest(browser, outbox)
    ask_for_more_like_this(browser)

    for other in (staying, leaving):
        tasks.build_digest_now.delay(other.pk)
    until(lambda: digests_to(staying.email, outbox), "the digest of who stays")
    until(lambda: digests_to(leaving.email, outbox), "the digest of who leaves")
    leave_with_the_button(browser)
    leave_with_one_click(digests_to(leaving.email, outbox)[0])

    advance_one_day()
    tasks.build_due_digests.delay()
    until(lambda: staying.digests.filter(status="sent").count() == 2, "tomorrow's edition")
    assert len(digests_to(staying.email, outbox)) == 2
    assert len(digests_to(leaving.email, outbox)) == 1
    assert len(digests_to(READER, outbox)) == 1
    assert Digest.objects.count() == 4, "none was made for who has left"


def subscribe_on_the_home_page(browser: Browser) -> None:
    browser.emulate("setTimezoneOverride", timezoneId="Europe/Vienna")
    browser.open("/")
    browser.sees("Get trending papers in your email inbox!")
    browser.fill("Your email address", READER)
    browser.press("Subscribe")
    browser.sees("Check your inbox")
    reader = Subscriber.objects.get(email=READER)
    assert (reader.status, reader.timezone) == ("pending", "Europe/Vienna")


def confirm_from_the_mail(browser: Browser) -> None:
    browser.open_mail("Confirm", to=READER)
    before = stored_data()
    browser.step_into_mail()
    browser.press_in_mail("Confirm my subscription")
    browser.sees("Just one more click")
    assert stored_data() == before
    browser.press("Yes, send me papers")
    browser.sees("Your preferences")
    assert Subscriber.objects.get(email=READER).status == "active"


def say_what_matters(browser: Browser) -> None:
    browser.fill("What do you work on?", "Reasoning of large language models")
    browser.fill("arXiv categories", "cs.CL")
    browser.press("Save")
    browser.sees("Saved.")
    topic = Topic.objects.get(subscriber__email=READER)
    assert topic.text == "Reasoning of large language models"
    assert topic.categories == ["cs.CL"]


def get_the_digest(browser: Browser, outbox: Path) -> None:
    browser.press("Save and send today's digest")
    browser.sees("Today's digest is on its way")
    mail = until(lambda: digests_to(READER, outbox), "the digest")[0]
    digest = Digest.objects.get(subscriber__email=READER)
    browser.open_mail(mail["Subject"], to=READER)
    browser.step_into_mail()
    browser.sees(digest.items[0]["title"])
    browser.sees(digest.items[0]["reason"])
    browser.press_in_mail("View in browser")
    browser.sees(digest.items[0]["title"])


def ask_for_more_like_this(browser: Browser) -> None:
    digest = Digest.objects.get(subscriber__email=READER)
    before = stored_data()
    browser.press("More like this")
    browser.sees("More like this?")
    browser.sees(digest.items[0]["title"])
    assert stored_data() == before
    browser.press("Show me more like this")
    browser.sees("Got it")
    reaction = Reaction.objects.get()
    assert (reaction.subscriber_id, reaction.kind) == (digest.subscriber_id, "more")
    assert reaction.paper_id == digest.paper_ids[0]


def leave_with_the_button(browser: Browser) -> None:
    before = stored_data()
    browser.open_mail(Digest.objects.get(subscriber__email=READER).subject, to=READER)
    browser.step_into_mail()
    browser.press_in_mail("Unsubscribe")
    browser.sees("Unsubscribe from Paperboy?")
    assert stored_data() == before
    browser.press("Unsubscribe")
    browser.sees("You're unsubscribed")
    assert Subscriber.objects.get(email=READER).status == "unsubscribed"


def leave_with_one_click(mail: EmailMessage) -> None:
    """Unsubscribe as a mailbox provider does: POST to the URL in the header, without cookies."""
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    by_web = re.findall(r"<(http[^>]+)>", mail["List-Unsubscribe"])
    answer = httpx.post(by_web[0], data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200, "a redirect would not be followed"
    assert Subscriber.objects.get(email=mail["To"]).status == "unsubscribed"


def test_signing_up_works_without_javascript(browser: Browser, worker: None) -> None:
    browser.emulate("setScriptExecutionDisabled", value=True)
    browser.open("/")
    browser.fill("Your email address", READER)
    browser.press("Subscribe")
    browser.sees("Check your inbox")
    browser.open_mail("Confirm", to=READER)
    browser.find("//pre//a[contains(@href, '/confirm/')]", "the link in the text part").click()
    browser.press("Yes, send me papers")
    browser.sees("Your preferences")
    reader = Subscriber.objects.get()
    assert (reader.status, reader.timezone) == ("active", "UTC")


def test_home_fits_a_narrow_phone(browser: Browser, papers: str) -> None:
    browser.be_wide(320)
    browser.open("/")
    assert browser.chrome.find_elements(By.CLASS_NAME, "card")
    assert browser.measure("innerWidth") == 320
    assert browser.measure("document.documentElement.scrollWidth") == 320


def test_pages_follow_the_preferred_colour_scheme(browser: Browser) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    shades = {}
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        browser.open("/")
        shades[scheme] = brightness(browser.measure(background))
    assert shades["dark"] < 60 < 200 < shades["light"]


def brightness(colour: str) -> float:
    """Return the mean of the channels of a CSS colour such as rgb(20, 22, 26)."""
    channels = [int(value) for value in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    return sum(channels) / len(channels)
