"""A reader walks through their library on a phone; its pages are accessible."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from selenium.webdriver.support.ui import Select

from papers.models import Paper
from subscriptions import tokens
from subscriptions.library.keeping import keep_paper
from subscriptions.models import LibraryEntry, Subscriber
from subscriptions.tokens import Purpose
from tests.browser.conftest import Browser, until
from tests.browser.test_topics import WIDTHS, add_reader, check


@pytest.fixture
def reader(papers: str) -> Subscriber:
    """A reader with four kept papers of the site and one from elsewhere."""
    reader, now = add_reader("Reasoning of large language models; long context"), timezone.now()
    for number, paper in enumerate(Paper.objects.order_by("-score")[:4]):
        keep_paper(reader, paper, now - timedelta(hours=number))
    LibraryEntry.objects.create(
        subscriber=reader,
        identity="title:notes",
        title="Notes on an Analytical Engine",
        authors=["Ada Example"],
        year=1843,
        kept_at=now - timedelta(days=1),
    )
    return reader


def url(name: str, reader: Subscriber, *args: object) -> str:
    return reverse(name, args=[*args, tokens.make_token(Purpose.PREFERENCES, reader.pk)])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("colours", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_library_pages_are_accessible(
    browser: Browser, reader: Subscriber, width: int, colours: str
) -> None:
    first, second, *_rest = reader.library.all()
    note = "Compare with **our** runs, see [the notes](https://example.org)"
    LibraryEntry.objects.filter(pk=first.pk).update(note=note, tags=["thesis", "to read"])
    Paper.objects.filter(pk=second.paper_id).update(withdrawn=True)
    LibraryEntry.objects.filter(pk=second.pk).update(read_at=timezone.now())
    browser.be_wide(width)
    browser.prefer(colours)
    check(browser, f"library-{width}-{colours}", url("library", reader))
    check(
        browser,
        f"library-filter-{width}-{colours}",
        url("library", reader) + "?show=unread&sort=title",
    )
    check(browser, f"library-upload-{width}-{colours}", url("library-upload", reader))
    check(browser, f"library-entry-{width}-{colours}", url("library-entry", reader, first.pk))


def test_a_reader_walks_through_the_library_on_a_phone(
    browser: Browser, reader: Subscriber, tmp_path: Path
) -> None:
    browser.be_wide(390, 2000)  # the whole list, so that nothing is below the bar of actions
    browser.emulate("setScriptExecutionDisabled", value=True)
    first, second, *_rest = reader.library.all()
    browser.open(url("library", reader))
    browser.find("//summary[.='Filter and sort']", "the filter").click()
    choose(browser, "show", "Unread")
    browser.press("Apply")
    until(lambda: "show=unread" in browser.where, "the filtered list")
    browser.find(f"//li[@id='entry-{first.pk}']//a[contains(., 'Note')]", "the link").click()
    browser.fill("Your note", "Compare with **our** runs")
    browser.fill("Tags", "thesis")
    browser.press("Save")
    browser.sees("Compare with our runs")
    act(browser, [first, second], "Add a tag", "to read")
    browser.sees("2 tags were added")
    act(browser, [second], "Mark as read")
    browser.sees("4 unread")
    assert LibraryEntry.objects.get(pk=first.pk).tags == ["thesis", "to read"]
    folder = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.chrome.execute_cdp_cmd("Browser.setDownloadBehavior", folder)
    act(browser, [first], "Export as BibTeX")
    until((tmp_path / "library.bib").exists, "the file")
    assert "annote = {Compare with **our** runs}" in (tmp_path / "library.bib").read_text()
    browser.open(url("library", reader))
    act(browser, [first, second], "Remove from the library")
    browser.sees("You removed 2 papers")
    browser.press("Undo")
    browser.sees("2 papers were restored")
    assert LibraryEntry.objects.get(pk=first.pk).note == "Compare with **our** runs"


def choose(browser: Browser, field: str, option: str) -> None:
    Select(browser.chrome.find_element("id", field)).select_by_visible_text(option)


def act(browser: Browser, entries: list[LibraryEntry], action: str, tag: str = "") -> None:
    """Check entries of the list, and do something with them."""
    for entry in entries:
        browser.find(f"//input[@id='choose-{entry.pk}']", "the checkbox").click()
    choose(browser, "id_act", action)
    if tag:
        browser.fill("Tag to add or remove", tag)
    browser.find("//div[@class='acting']//button", "the button").click()
