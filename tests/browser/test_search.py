"""Searching and the page of a paper, with and without JavaScript, and their accessibility."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from papers.searching import indexing
from subscriptions import tokens
from subscriptions.models import Topic
from subscriptions.readers import lifecycle, signup
from subscriptions.tokens import Purpose
from tests.browser.axe import violations
from tests.browser.conftest import Browser

SLOW = pytest.mark.slow
with_and_without_scripts = pytest.mark.parametrize("scripts", [True, False])
without_scripts = pytest.mark.parametrize("scripts", [pytest.param(True, marks=SLOW), False])


@pytest.fixture
def searchable(papers: str) -> Paper:
    """Index the sample papers and return the top one."""
    indexing.index_changed(timezone.now())
    return Paper.objects.trending()[0]


@with_and_without_scripts
def test_a_reader_searches_and_follows_the_search(
    browser: Browser, searchable: Paper, scripts: bool
) -> None:
    browser.emulate("setScriptExecutionDisabled", value=not scripts)
    browser.open("/")
    browser.press("Search")
    browser.sees("Search syntax")
    browser.fill("Words, a sentence, an author, an arXiv ID", "langauge models")
    browser.find("//form[@role='search']//button", "the button").click()
    browser.sees("Showing papers for “language models”")
    marked = browser.chrome.find_elements("css selector", ".card mark")
    assert {"language", "model"} <= {element.text.lower().rstrip("s") for element in marked}
    browser.press("Email me papers like these")
    browser.sees("You'll get papers like these:")
    browser.sees("language models")


def test_a_query_with_problems_names_them_and_is_searched(
    browser: Browser, searchable: Paper
) -> None:
    browser.open("/search/")
    browser.fill("Words, a sentence, an author, an arXiv ID", "language date:soon (models")
    browser.find("//form[@role='search']//button", "the button").click()
    browser.sees("We couldn't read the date in “date:soon”")
    browser.sees("A parenthesis isn't closed")
    assert browser.chrome.find_elements("css selector", ".card mark")


@pytest.mark.slow
@with_and_without_scripts
def test_a_subscriber_follows_a_search_by_email(
    browser: Browser, worker: None, searchable: Paper, scripts: bool
) -> None:
    now = timezone.now()
    reader = signup.request_sign_up(
        signup.SignUpRequest("ada@reader.example", "UTC", "/", None), now
    )
    lifecycle.activate_reader(reader, now)
    browser.emulate("setScriptExecutionDisabled", value=not scripts)
    browser.open("/search/?q=language+models+cat%3Acs.CL")
    browser.press("Email me papers like these")
    browser.fill("Your email address", reader.email)
    browser.press("Subscribe")
    browser.sees("Check your inbox")
    browser.open_mail("Sign in to Paperboy", to=reader.email)
    browser.step_into_mail()
    browser.sees("you can add them on your preferences page")
    browser.press_in_mail("Open your preferences without signing in")
    browser.sees("Make them one of your topics?")
    browser.press("Add to my topics")
    browser.sees("Added. It's now one of your topics")
    topic = Topic.objects.get(subscriber=reader)
    assert topic.query == "language models cat:cs.CL"


@without_scripts
def test_a_signed_in_reader_follows_a_search(
    browser: Browser, searchable: Paper, scripts: bool
) -> None:
    now = timezone.now()
    made = signup.request_sign_up(signup.SignUpRequest("ada@reader.example", "UTC", "/", None), now)
    browser.emulate("setScriptExecutionDisabled", value=not scripts)
    browser.open(reverse("confirm", args=[tokens.make_token(Purpose.CONFIRM, made.pk)]))
    browser.find("//main//form//button", "the button").click()
    browser.sees("You're subscribed.")
    browser.open("/search/?q=language+models+cat:cs.CL")
    browser.press("Save this search")
    browser.sees("This makes the search one of your topics")
    assert Topic.objects.get().is_blank
    browser.press("Follow this search")
    browser.sees("You follow this search")
    topic = Topic.objects.get()
    assert topic.query == "language models cat:cs.CL"
    browser.press("Take it back")
    browser.sees("You no longer follow this search")
    browser.press("Follow this search")
    browser.sees("You follow this search")
    browser.open(reverse("profile", args=[tokens.make_token(Purpose.PREFERENCES, made.pk)]))
    browser.press("Reset my profile…")
    browser.press("Reset my profile")
    browser.sees("Profile cleared.")
    assert Topic.objects.get().is_blank


@without_scripts
def test_a_reader_reads_about_a_paper(browser: Browser, searchable: Paper, scripts: bool) -> None:
    browser.emulate("setScriptExecutionDisabled", value=not scripts)
    browser.open(searchable.get_absolute_url())
    browser.sees("Where it's being discussed")
    browser.find("//summary[normalize-space()='BibTeX']", "the citation").click()
    browser.sees("archivePrefix = {arXiv}")


@pytest.mark.parametrize("width", [pytest.param(1200, marks=SLOW), 375])
@pytest.mark.parametrize("colours", ["light", pytest.param("dark", marks=SLOW)])
def test_search_pages_are_accessible(
    browser: Browser, searchable: Paper, width: int, colours: str
) -> None:
    browser.be_wide(width)
    browser.prefer(colours)
    pages = {
        "search": "/search/",
        "results": "/search/?q=language+models+langauge",
        "nothing": "/search/?q=xqzzy+date:soon+date:1999",
        "operators": "/search/?q=title:(language+OR+vision)+-survey+cat:cs",
        "problems": "/search/?q=autor:x+(language+OR+date:soon+AND+is:cool+%22models",
        "paper": searchable.get_absolute_url(),
    }
    for name, address in pages.items():
        browser.open(address)
        picture(browser, f"{name}-{width}-{colours}")
        assert violations(browser) == [], name
        assert browser.measure("document.documentElement.scrollWidth") <= width


def picture(browser: Browser, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        browser.chrome.save_screenshot(str(Path(folder) / f"{name}.png"))
