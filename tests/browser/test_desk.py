"""The desk in a browser, with the mouse and without scripts."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.utils import timezone
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By

from devtools.outbox import messages
from papers.models import Paper
from subscriptions import tasks
from subscriptions.editions import desk
from subscriptions.models import Digest, Edition, Subscriber, Topic
from subscriptions.readers import lifecycle, signup
from subscriptions.staff import roles
from tests.browser.conftest import Browser, until


@pytest.fixture
def day() -> date:
    """Return tomorrow, the day that the desk opens with."""
    return timezone.now().date() + timedelta(days=1)


@pytest.fixture
def curator(browser: Browser) -> User:
    """Log in as a curator without other permissions."""
    user = User.objects.create_user("ada", "ada@paper.example", "quite-secret", is_staff=True)
    user.groups.add(Group.objects.get(name=roles.CURATOR))
    browser.open("/admin/login/?next=/admin/subscriptions/edition/desk/")
    browser.fill("Username:", "ada")
    browser.fill("Password:", "quite-secret")
    browser.chrome.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    browser.sees("Candidates, by trending")
    return user


@pytest.fixture
def reader(papers: str) -> Subscriber:
    now = timezone.now()
    made = signup.request_sign_up(
        signup.SignUpRequest("grace@reader.example", "UTC", "/", None), now
    )
    Topic.objects.filter(subscriber=made).update(text="Reasoning of large language models")
    lifecycle.activate_reader(made, now)
    return made


def press(browser: Browser, name: str) -> None:
    """Press a button by its accessible name."""
    browser.find(f"//button[@aria-label={name!r}]", f"the button “{name}”").click()


def pinned(browser: Browser) -> list[str]:
    """Return the titles of pinned papers, in the order of the page."""
    script = "return [...document.querySelectorAll('#pinned .what a')].map(a => a.textContent)"
    return list(browser.chrome.execute_script(script))


def drag(browser: Browser, title: str, onto: str) -> None:
    """Drag a paper by its handle to the upper edge of another one or of the empty list."""
    handle = browser.find(f"//li[.//a[.={title!r}]]/span[@class='handle']", f"{title}'s handle")
    target = browser.find(onto, onto)
    mouse = ActionChains(browser.chrome).move_to_element(handle).click_and_hold()
    top = -(target.size["height"] // 2) + 3
    mouse.move_to_element_with_offset(target, 0, top).move_by_offset(0, 1).release().perform()


@pytest.mark.promise(39)
def test_a_curator_edits_previews_tests_holds_and_approves_an_edition(
    browser: Browser, papers: str, reader: Subscriber, curator: User, day: date, outbox: Path
) -> None:
    first, second, third = (p.title for p in Paper.objects.news(day, 7).trending()[2:5])
    press(browser, f"Pin: {first}")
    browser.sees("Pinned, 1")
    press(browser, f"Pin: {second}")
    browser.sees("Pinned, 2")
    assert pinned(browser) == [first, second]

    drag(browser, second, f"//ol/li[.//a[.={first!r}]]")
    browser.sees("New order:")
    assert pinned(browser) == [second, first]
    drag(browser, third, f"//ol/li[.//a[.={first!r}]]")
    browser.sees("Pinned, 3")
    assert pinned(browser) == [second, third, first]
    press(browser, f"Unpin: {third}")
    browser.sees("Pinned, 2")
    press(browser, f"Down: {second}")
    browser.sees("Moved")
    assert pinned(browser) == [first, second]

    browser.find(f"//ol/li[.//a[.={first!r}]]//summary", "its note").click()
    note = browser.find(f"//ol/li[.//a[.={first!r}]]//textarea", "the note")
    note.send_keys("Read this one first.")
    browser.find(f"//ol/li[.//a[.={first!r}]]//button[.='Save note']", "save").click()
    browser.sees("Note to")
    browser.fill("Subject line", "The Monday issue")
    browser.fill("Editor's note", "Good morning, all.")
    browser.press("Save")
    browser.sees("Subject: The Monday issue")

    browser.fill("As", reader.email)
    browser.press("Show")
    frame = browser.find("//iframe[@class='phone']", "the preview")
    browser.chrome.execute_script("arguments[0].scrollIntoView()", frame)
    browser.chrome.switch_to.frame(frame)
    browser.sees("From the editor")
    browser.sees("Good morning, all.")
    browser.sees("Read this one first.")
    browser.chrome.switch_to.default_content()

    browser.press("Send me a test")
    browser.sees("Test sent to ada@paper.example")
    browser.open_mail("[Test] The Monday issue", "ada@paper.example")

    browser.open(f"/admin/subscriptions/edition/{day}/desk/")
    browser.fill("Reason", "One more look")
    browser.press("Hold")
    browser.sees("On hold")
    assert Edition.objects.get(day=day).state == "held"
    browser.press("Approve")
    browser.sees("Approved by ada")
    said = LogEntry.objects.filter(user=curator).values_list("change_message", flat=True)
    assert {"Put on hold: One more look", "Approved."} <= set(said)
    assert not Digest.objects.exists(), "a test is no digest"


@pytest.mark.slow
def test_the_desk_works_without_scripts_and_the_digest_has_its_changes(
    browser: Browser,
    worker: None,
    papers: str,
    reader: Subscriber,
    curator: User,
    outbox: Path,
) -> None:
    browser.emulate("setScriptExecutionDisabled", value=True)
    today = timezone.now().date()
    browser.open(f"/admin/subscriptions/edition/{today}/desk/")
    chosen, left_out = Paper.objects.news(today, 7).trending()[5], Paper.objects.trending()[0]
    press(browser, f"Pin: {chosen.title}")
    browser.sees("Pinned, 1")
    press(browser, f"Leave out: {left_out.title}")
    browser.sees("Left out of this edition, 1")
    browser.press("Approve")
    browser.sees("Approved by ada")
    tasks.build_digest_now.delay(reader.pk)
    until(lambda: messages(outbox), "the digest")
    made = Digest.objects.get()
    assert made.paper_ids[0] == chosen.pk
    assert left_out.pk not in made.paper_ids


def test_read_only_accounts_have_no_buttons(
    browser: Browser, papers: str, curator: User, day: date
) -> None:
    curator.groups.set([Group.objects.get(name=roles.READ_ONLY)])
    desk.apply_change(
        day, timezone.now(), desk.pin_paper, Paper.objects.news(day, 7).trending()[0].pk
    )
    browser.open(f"/admin/subscriptions/edition/{day}/desk/")
    browser.sees("Pinned, 1")
    buttons = browser.chrome.find_elements(
        By.CSS_SELECTOR, "#content-main form[method=post] button"
    )
    assert not buttons
    answer: Any = browser.chrome.execute_async_script(
        "const done = arguments[0]; fetch(location.href + 'act/', {method: 'POST'})"
        ".then(answer => done(answer.status))"
    )
    assert answer == 403
