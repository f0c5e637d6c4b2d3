"""A person with a browser who reads pages, fills in fields, presses buttons and opens emails."""

from __future__ import annotations

import base64
import itertools
import os
import tempfile
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest
from selenium.common.exceptions import NoSuchElementException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.browser.conftest import Browser, until

PICTURES = os.environ.get("WALK_PICTURES", "")  # folder; empty: take no screenshots
PAUSE = float(os.environ.get("WALK_PAUSE", "0"))  # seconds between two actions
WIDTHS = {"desktop": 1280, "phone": 390}
MAX_HEIGHT = 3000  # CSS pixels; longer pages are cropped
UNFOLD = (
    "for (let e = arguments[0]; e; e = e.parentElement) if (e.tagName == 'DETAILS') e.open = true"
)
PRESSABLE = {
    "//button": ".",
    "//button[@aria-label]": "@aria-label",
    "//a": ".",
    "//summary": ".",
    "//input[@type='submit']": "@value",
}
_numbers = itertools.count(1)


@dataclass
class Person(Browser):
    """A browser whose screenshots are named after its user."""

    name: str = "visitor"
    emails: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="emails-")))

    def __post_init__(self) -> None:
        self.be_wide(WIDTHS["desktop"])

    def press(self, label: str) -> None:
        """Press the first visible button or link that equals, starts with or contains this."""
        until(lambda: self._pressable(label), f"“{label}” on {self.where}")
        element = self._pressable(label)
        assert element
        self._click(element)

    def press_within(self, form: str, label: str) -> None:
        """Press a button of the form with this CSS selector."""
        buttons = self.chrome.find_elements(By.CSS_SELECTOR, f"{form} button")
        self._click(next(button for button in buttons if button.text == label))

    def _pressable(self, label: str) -> WebElement | None:
        for test in ("{} = '{}'", "starts-with({}, '{}')", "contains({}, '{}')"):
            path = " | ".join(
                f"{kind}[{test.format(f'normalize-space({words})', label)}]"
                for kind, words in PRESSABLE.items()
            )
            elements = self.chrome.find_elements(By.XPATH, path)
            if visible := [element for element in elements if element.is_displayed()]:
                return visible[0]
        return None

    def _click(self, element: WebElement) -> None:
        self.chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()
        time.sleep(PAUSE)

    def download(self, label: str, path: Path) -> str:
        """Press a button or link that downloads a file to this path, and return its text."""
        folder = {"behavior": "allow", "downloadPath": str(path.parent)}
        self.chrome.execute_cdp_cmd("Browser.setDownloadBehavior", folder)
        self.press(label)
        until(path.exists, f"the file {path.name}")
        return path.read_text()

    def choose(self, label: str, option: str) -> None:
        """Choose an option of the select field with this label."""
        Select(self.field(label)).select_by_visible_text(option)

    def tick(self, label: str, on: bool = True) -> None:
        box = self.field(label)
        if box.is_selected() != on:
            box.click()

    def field(self, label: str) -> WebElement:
        """Return the field whose label starts with this, or that this text on the page labels."""
        says = f"starts-with(normalize-space(), {label!r})"
        path = f"//*[@id=//label[{says}]/@for] | //*[@aria-labelledby=//*[{says}]/@id]"
        return self.find(path, f"the field “{label}”")

    def fill(self, label: str, text: str) -> None:
        field = self.field(label)
        self.chrome.execute_script(UNFOLD, field)
        field.clear()
        field.send_keys(text)

    def enter_frame(self, frame: str) -> None:
        """Switch to the frame with this CSS selector."""
        self.chrome.switch_to.frame(self.chrome.find_element(By.CSS_SELECTOR, frame))

    def leave_frame(self) -> None:
        """Switch back from a frame to the page."""
        self.chrome.switch_to.default_content()

    def press_enter(self) -> None:
        """Press Enter in the focused field."""
        self.chrome.switch_to.active_element.send_keys(Keys.ENTER)

    def sees(self, text: str) -> None:
        """Wait until the page contains this text; otherwise fail with the page's text."""
        try:
            super().sees(text)
        except pytest.fail.Exception as failure:
            self.picture(f"without {text}")
            pytest.fail(f"{failure}\n{self.text[:3000]}", pytrace=False)

    def has(self, text: str) -> bool:
        return text in self.text

    def reload_until(self, text: str) -> None:
        """Reload the page until it contains this text."""

        def has_text() -> bool:
            if self.has(text):
                return True
            time.sleep(1)
            self.chrome.refresh()
            return False

        until(has_text, f"“{text}” on {self.where}")

    def read_email(self, message: EmailMessage, title: str) -> None:
        """Open the HTML part of a message in the browser."""
        body = message.get_body(("html",))
        assert body, f"no HTML part: {message['Subject']}"
        path = self.emails / f"{next(_numbers)}.html"
        path.write_text(body.get_content())
        self.chrome.get(path.as_uri())
        self.picture(title)

    def press_in_email(self, message: EmailMessage, label: str, title: str = "email") -> None:
        """Open a message and follow the link with this label."""
        self.read_email(message, title)
        link = self.find(f"//a[contains(normalize-space(), {label!r})]", f"the link “{label}”")
        self.chrome.get(str(link.get_attribute("href")))

    def heading(self) -> str:
        try:
            return self.chrome.find_element(By.TAG_NAME, "h1").text
        except NoSuchElementException:
            return ""

    def picture(self, title: str) -> None:
        """Save a desktop and a phone screenshot, if WALK_PICTURES is set."""
        if not PICTURES:
            return
        folder = Path(PICTURES)
        folder.mkdir(parents=True, exist_ok=True)
        number = next(_numbers)
        for device, width in WIDTHS.items():
            self.be_wide(width, 844 if width < 600 else 900)
            path = folder / f"{number:03}-{self.name}-{title.replace(' ', '-')}-{device}.png"
            path.write_bytes(self._screenshot(width))
            self.chrome.execute_script("window.scrollTo(0, 0)")
        self.be_wide(WIDTHS["desktop"])

    def _screenshot(self, width: int) -> bytes:
        height = min(self.measure("document.documentElement.scrollHeight"), MAX_HEIGHT)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        answer = self.chrome.execute_cdp_cmd(
            "Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True}
        )
        return base64.b64decode(answer["data"])
