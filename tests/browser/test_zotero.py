"""A reader connects Zotero, takes examples from there and sends kept papers there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from papers.models import Paper
from subscriptions import tokens
from subscriptions.library.keeping import keep_paper
from subscriptions.models import Subscriber, Topic, ZoteroAccount
from subscriptions.readers import lifecycle, signup
from subscriptions.tokens import Purpose
from subscriptions.zotero import examples, uploads
from tests.browser.axe import violations
from tests.browser.conftest import Browser
from tests.subscriptions.zotero.conftest import IN, OUT, serve
from tests.subscriptions.zotero.server import Fault, Zotero

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def zotero(settings: Any) -> Iterator[Zotero]:
    with serve(settings) as server:
        yield server


@pytest.fixture
def reader(papers: str) -> Subscriber:
    now = timezone.now()
    made = signup.request_sign_up(signup.SignUpRequest("ada@reader.example", "UTC", "/", None), now)
    Topic.objects.filter(subscriber=made).update(text="language models")
    lifecycle.activate_reader(made, now)
    made.refresh_from_db()
    return made


def do_everything(account: ZoteroAccount) -> None:
    """Run what beat and the workers would."""
    examples.refresh_account(account.pk, timezone.now)
    uploads.upload_kept_papers(account.pk, timezone.now, lambda: False)


def choose(browser: Browser, name: str, value: str) -> None:
    selects = browser.chrome.find_elements(By.NAME, "collection")
    [select] = [one for one in selects if one.get_attribute("id") == name]
    Select(select).select_by_value(value)


@pytest.mark.parametrize("width", [1200, 375])
def test_a_reader_connects_zotero_and_papers_come_and_go(
    browser: Browser, zotero: Zotero, reader: Subscriber, width: int
) -> None:
    browser.be_wide(width)
    zotero.add_item("AAAA2222", "A paper in Zotero", IN)
    for paper in Paper.objects.order_by("-score")[:2]:
        keep_paper(reader, paper, timezone.now())
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    browser.open(reverse("preferences", args=[token]))
    browser.press("Zotero")
    assert violations(browser) == []
    browser.press("Connect with Zotero")
    browser.press("Accept Defaults")
    browser.sees("Zotero allows the connection.")
    browser.press("Connect")
    browser.sees("Connected with the Zotero account ada-reads.")
    choose(browser, "examples-collection", IN)
    browser.press("Add examples")
    browser.sees("not read yet")
    choose(browser, "kept-collection", OUT)
    browser.press("Save")
    browser.sees("0 papers sent, 2 waiting.")
    failed = {"0": {"code": 413, "message": "Creator name too long"}}
    zotero.faults.append(Fault(method="POST", failed=failed))
    do_everything(ZoteroAccount.objects.get())
    browser.open(reverse("zotero"))
    browser.sees("1 paper sent, 0 waiting.")
    browser.sees("Creator name too long")
    assert violations(browser) == []
    assert browser.measure("document.documentElement.scrollWidth") <= width
    browser.press("Try again now")
    browser.sees("We're trying again.")
    do_everything(ZoteroAccount.objects.get())
    browser.open(reverse("zotero"))
    browser.sees("2 papers sent, 0 waiting.")
    assert len(zotero.in_collection(OUT)) == 2
    browser.press("Disconnect")
    browser.sees("The key is deleted at Zotero too.")
    assert zotero.keys == set()
