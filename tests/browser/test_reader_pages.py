"""Pages where readers see and change what they get."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from papers.searching import indexing
from subscriptions import tokens
from subscriptions.models import OpenedPaper, Subscriber, Topic
from subscriptions.profiles.topics import add_topic
from subscriptions.readers import lifecycle, signup
from subscriptions.tokens import Purpose
from tests.browser.axe import violations
from tests.browser.conftest import PHONE, Browser, until


@pytest.fixture
def reader(papers: str) -> Subscriber:
    now = timezone.now()
    made = signup.request_sign_up(signup.SignUpRequest("ada@reader.example", "UTC", "/", None), now)
    text = "Reasoning of large language models; long context"
    Topic.objects.filter(subscriber=made).update(text=text)
    lifecycle.activate_reader(made, now)
    return made


def profile_of(reader: Subscriber) -> str:
    return reverse("profile", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])


def test_opened_papers_are_recorded_only_with_permission(
    browser: Browser, reader: Subscriber
) -> None:
    first, second = Paper.objects.order_by("-score")[:2]
    browser.open(first.get_absolute_url())
    browser.open(profile_of(reader))
    browser.press("Learn from papers I open here")
    browser.sees("papers you open in this browser count")
    browser.open(second.get_absolute_url())
    browser.sees("including this one")
    until(OpenedPaper.objects.exists, "the page to report that it was opened")
    browser.open(profile_of(reader))
    browser.sees(second.title)
    browser.press("Stop and delete them all")
    browser.sees("The list has been deleted")
    assert not OpenedPaper.objects.exists()
    browser.open(first.get_absolute_url())
    assert not browser.chrome.find_elements("id", "opened")


def test_a_visitor_on_a_phone_opens_the_preview_and_signs_up(browser: Browser, papers: str) -> None:
    browser.be_wide(375, 812)
    browser.emulate("setUserAgentOverride", userAgent=PHONE)
    browser.open("/")
    assert not browser.chrome.find_element("id", "id_interests").is_displayed()
    browser.chrome.find_element("css selector", "details.beside > summary").click()
    browser.fill("What do you work on?", "Long context language models, 1234.99999")
    browser.press("Show my papers")
    browser.sees("For you")
    browser.sees("Not an arXiv ID, so we searched for it as text: 1234.99999")
    assert 0 <= top_of(browser, ".found") < 100, "the result is in view"
    assert browser.measure("document.activeElement.className") == "found"
    assert browser.measure("location.pathname") == "/", "in place"
    assert browser.measure("document.documentElement.scrollWidth") == 375
    address = browser.chrome.find_element("id", "with-this-email")
    address.send_keys("phone@reader.example")
    address.submit()
    browser.sees("Check your inbox")
    assert Topic.objects.get().text.startswith("Long context language models")


def top_of(browser: Browser, selector: str) -> float:
    """Return the distance of an element from the top of the window in pixels."""
    place = f"document.querySelector('{selector}').getBoundingClientRect().top"
    return float(browser.measure(place))


def test_an_unknown_category_in_the_preview_gets_an_error_at_its_field(
    browser: Browser, papers: str
) -> None:
    browser.be_wide(390, 844)
    browser.open("/")
    browser.chrome.find_element("css selector", "details.beside > summary").click()
    browser.fill("What do you work on?", "Long context language models")
    browser.fill("arXiv categories (optional)", "cs.XX")
    browser.press("Show my papers")
    browser.sees("Did you mean cs.AI")
    assert browser.measure("location.pathname") == "/", "in place"
    assert top_of(browser, "#id_categories") >= 0
    assert top_of(browser, "#result [role=alert]") < 844


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_the_first_paper_is_on_the_first_screen_and_filters_keep_the_position(
    width: int, height: int, browser: Browser, papers: str
) -> None:
    browser.be_wide(width, height)
    browser.open("/")
    assert top_of(browser, ".card h3") < height - 24
    browser.press("Week")
    until(lambda: "window=week" in browser.where, "the week's list")
    assert -1 <= top_of(browser, "#papers") < 40
    assert browser.measure("window.scrollY") > 300


def test_the_preview_works_without_javascript(browser: Browser, papers: str) -> None:
    browser.emulate("setScriptExecutionDisabled", value=True)
    browser.open("/")
    browser.fill("What do you work on?", "Long context language models")
    browser.press("Show my papers")
    browser.sees("Preview your digest")
    browser.sees("For you")
    assert "/preview/?interests=" in browser.where


LOW_LINKS = """[...document.querySelectorAll('.ways li > a, .choices a')]
  .filter(link => link.offsetParent && link.getBoundingClientRect().height < 44)
  .map(link => link.textContent)"""


@pytest.mark.parametrize("page", ["preferences", "subscriptions", "rhythm", "library", "zotero"])
def test_links_of_reader_pages_are_high_enough_for_a_finger(
    browser: Browser, reader: Subscriber, page: str
) -> None:
    browser.be_wide(390, 844)
    browser.open(reverse(page, args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)]))
    assert browser.measure("document.querySelectorAll('.ways li > a, .choices a').length")
    assert browser.measure(LOW_LINKS) == []


# Links in running text are exempt.
LOW_LINKS_ALONE = """[...document.querySelectorAll('main a')]
  .filter(link => link.offsetParent && link.getBoundingClientRect().height < 44)
  .filter(link => ![...link.parentElement.childNodes].some(
    node => node.nodeType == Node.TEXT_NODE && /\\w/.test(node.textContent)))
  .map(link => link.textContent)"""


def paths_of_reading(reader: Subscriber) -> list[str]:
    """Return the pages that readers open on a phone, with links of papers, authors and topics."""
    paper = Paper.objects.order_by("-score")[0]
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    add_topic(reader, {"name": "Video"})
    reason = {"authors": paper.authors[:2], "words": ["Robots"]}
    newest = Paper.objects.filter(day=paper.day).order_by("score")[:1]
    Paper.objects.filter(pk__in=newest).update(forecast_reason=reason)
    reader.reactions.create(paper=paper, kind="more", created_at=timezone.now())
    reacting = [paper.pk, tokens.make_token(Purpose.REACT, reader.pk)]
    return [
        *("/", "/search/?q=diffusion", "/search/?q=xqzzyx", "/preview/?interests=diffusion"),
        *(paper.get_absolute_url(), paper.get_ranking_url()),
        *(reverse(name, args=[token]) for name in ("preferences", "topics", "profile", "library")),
        *(reverse("keep", args=reacting), reverse("react", args=["more", *reacting])),
    ]


def test_links_that_stand_alone_are_high_enough_for_a_finger(
    browser: Browser, reader: Subscriber
) -> None:
    indexing.index_changed(timezone.now())
    browser.be_wide(390, 844)
    low = {}
    for path in paths_of_reading(reader):
        browser.open(path)
        assert browser.measure("document.documentElement.scrollWidth") == 390, path
        low[path] = browser.measure(LOW_LINKS_ALONE)
        assert ("Likely to trend" in browser.text) == (path == "/")
        assert violations(browser) == [], path
    assert {path: links for path, links in low.items() if links} == {}


def test_a_long_list_of_authors_is_folded_and_buttons_of_papers_are_in_line(
    browser: Browser, papers: str
) -> None:
    paper = Paper.objects.order_by("-score")[0]
    assert len(paper.authors) > 15
    browser.be_wide(390, 844)
    browser.open(paper.get_absolute_url())
    browser.sees(f"and {len(paper.authors) - 12} more authors")
    for actions in browser.chrome.find_elements("css selector", ".chosen .actions"):
        keep = actions.find_element("css selector", ".vote").rect
        arxiv = actions.find_element("css selector", ".links a").rect
        middles = [box["y"] + box["height"] / 2 for box in (keep, arxiv)]
        assert abs(middles[0] - middles[1]) < 3 or arxiv["y"] > keep["y"] + keep["height"]
    assert violations(browser) == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_both_buttons_of_a_keyword_are_beside_each_other_on_a_phone(
    browser: Browser, reader: Subscriber, language: str
) -> None:
    browser.be_wide(390, 844)
    browser.open("/")
    browser.chrome.add_cookie({"name": settings.LANGUAGE_COOKIE_NAME, "value": language})
    browser.open(profile_of(reader))
    rows = browser.measure("""[...document.querySelectorAll('.entries li:has(form + form)')].map(
      row => [...row.querySelectorAll('button')].map(one => one.getBoundingClientRect().top))""")
    assert rows
    for first, second in rows:
        assert first == second
    assert browser.measure("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("width", [390, 1280])
def test_labels_of_the_preview_fit_on_one_line(browser: Browser, papers: str, width: int) -> None:
    browser.be_wide(width)
    browser.open("/?#preview")
    height = "document.querySelector('label[for=id_categories]').getBoundingClientRect().height"
    assert browser.measure(height) < 30
