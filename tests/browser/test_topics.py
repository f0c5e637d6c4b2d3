"""A reader adds, previews, orders and splits topics, with and without JavaScript."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from papers.searching import indexing
from subscriptions import tokens
from subscriptions.models import Subscriber, Topic
from subscriptions.profiles import topics
from subscriptions.readers import lifecycle, signup
from subscriptions.tokens import Purpose
from tests.browser.axe import violations
from tests.browser.conftest import Browser
from tests.subscriptions.two_interests import store_papers

with_and_without_scripts = pytest.mark.parametrize("scripts", [True, False])
WIDTHS = (1280, 390)


def add_reader(text: str = "", **values: object) -> Subscriber:
    now = timezone.now()
    made = signup.request_sign_up(signup.SignUpRequest("ada@reader.example", "UTC", "/", None), now)
    Topic.objects.filter(subscriber=made).update(text=text, **values)
    lifecycle.activate_reader(made, now)
    return made


@pytest.fixture
def reader(papers: str) -> Subscriber:
    indexing.index_changed(timezone.now())
    return add_reader("Reasoning of large language models; long context")


def url(name: str, reader: Subscriber, *args: object) -> str:
    return reverse(name, args=[*args, tokens.make_token(Purpose.PREFERENCES, reader.pk)])


def titles(browser: Browser) -> list[str]:
    headings = browser.chrome.find_elements("css selector", ".topics h2 a")
    return [heading.text for heading in headings]


@with_and_without_scripts
def test_a_reader_adds_two_topics_previews_and_orders_them(
    browser: Browser, reader: Subscriber, scripts: bool
) -> None:
    browser.emulate("setScriptExecutionDisabled", value=not scripts)
    browser.open(url("preferences", reader))
    browser.press("Add another topic")
    browser.fill("In your own words", "Video generation with diffusion")
    browser.press("Preview")
    browser.sees("In the last 14 days this would have brought")
    assert browser.chrome.find_elements("css selector", "#result .reason")
    assert "#result" in browser.where
    browser.fill("Name", "Video")
    browser.press("Save")
    browser.sees("Saved. “Video” counts from your next digest on.")
    browser.press("Add a topic")
    browser.find("//label[.='Everything that matches a search']", "the choice").click()
    assert not browser.chrome.find_element("id", "id_text").is_displayed()
    browser.fill("Search", "autor:x OR title:language")
    browser.press("Save")
    browser.sees("“autor:” isn't a search field")
    browser.sees("You can save it all the same.")
    browser.press("Preview")
    browser.sees("Matches your search “autor:x OR title:language”")
    browser.press("Save")
    browser.sees("Saved. “autor:x OR title:language” counts")
    assert [title[:5] for title in titles(browser)] == ["Reaso", "Video", "autor"]
    browser.find("//button[contains(., 'Move “autor')]", "the arrow").click()
    browser.find("//li[2]//h2[contains(., 'autor')]", "the new order")
    browser.find("//li[2]//button[contains(., 'Turn off')]", "the switch").click()
    browser.sees("It brings no papers.")
    assert [title[:5] for title in titles(browser)] == ["Reaso", "autor", "Video"]
    assert list(reader.topics.order_by("position").values_list("active", flat=True)) == [
        *(True, False, True)
    ]


@with_and_without_scripts
def test_a_reader_splits_a_topic(
    browser: Browser, make_paper: Callable[..., Paper], scripts: bool
) -> None:
    reefs, bridges = store_papers(make_paper, timezone.now())
    examples = [str(paper.arxiv_id) for paper in (*reefs, *bridges)]
    reader = add_reader(examples=examples)
    browser.emulate("setScriptExecutionDisabled", value=not scripts)
    browser.open(url("topic", reader, reader.first_topic.pk))
    browser.sees("about two things: “coral bleaching” and “steel cables”")
    picture(browser, f"split-{scripts}")
    browser.press("Make two topics")
    browser.sees("These are two topics now")
    assert [len(topic.examples) for topic in reader.topics.all()] == [4, 4]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("colours", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_topic_pages_are_accessible(
    browser: Browser, reader: Subscriber, width: int, colours: str
) -> None:
    browser.be_wide(width)
    browser.prefer(colours)
    topic = reader.first_topic
    check(browser, f"preferences-one-{width}-{colours}", url("preferences", reader))
    for values in (
        {"name": "Video", "text": "Video generation with diffusion", "categories": ["cs.CV"]},
        {"query": "title:(language OR vision) -survey", "active": False},
    ):
        topics.add_topic(reader, values)
    strict = reader.topics.get(position=2)
    for name, address in {
        "preferences": url("preferences", reader),
        "topics": url("topics", reader),
        "new": url("topic-new", reader),
        "strict": url("topic", reader, strict.pk),
        "delete": url("topic-delete", reader, topic.pk),
        "topic": url("topic", reader, topic.pk),
    }.items():
        check(browser, f"{name}-{width}-{colours}", address)
    browser.press("Preview")
    browser.sees("this would have brought")
    check(browser, f"preview-{width}-{colours}")
    browser.open(url("topic", reader, strict.pk))
    browser.fill("Search", 'autor:x "language')
    browser.press("Save")
    browser.sees("isn't a search field")
    check(browser, f"problems-{width}-{colours}")


def check(browser: Browser, name: str, address: str = "") -> None:
    """Look for broken accessibility rules on a page, and that it is not wider than the window."""
    if address:
        browser.open(address)
    picture(browser, name)
    assert violations(browser) == [], name
    assert browser.measure("document.documentElement.scrollWidth <= window.innerWidth"), name


def picture(browser: Browser, name: str) -> None:
    """Save a picture of the whole page if SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        height = browser.measure("document.documentElement.scrollHeight")
        width = browser.measure("window.innerWidth")
        browser.be_wide(width, height)
        browser.chrome.save_screenshot(str(Path(folder) / f"{name}.png"))
        browser.be_wide(width)
