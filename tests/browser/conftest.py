"""Fixtures for browser tests: Chromium, a web server and a Celery worker."""

from __future__ import annotations

import importlib
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from django.conf import settings as project
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.urls import clear_url_caches
from django.utils import timezone
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from config import urls
from config.celery import app
from devtools import embedded, sample
from devtools.sample_pictures import store_pictures
from papers.models import Paper
from tests import database
from tests.database import Snapshot

HERE = Path(__file__).parent
PROGRAMS = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en"),
    # Keep no renderer in reserve and none for pages left: each costs as much as a page.
    "--disable-features=BackForwardCache,RenderDocument,SpareRendererForSitePerProcess",
)
PHONE = (
    "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)
TIMEOUT = 60  # seconds, for busy machines
Found = TypeVar("Found")


@pytest.hookimpl(tryfirst=True)  # before `-m` selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the browser tests. Skip them without a browser, unless REQUIRE_BROWSER=1."""
    browser_tests = [item for item in items if item.path.is_relative_to(HERE)]
    for item in browser_tests:
        item.add_marker(pytest.mark.browser)
    if not browser_tests or all(PROGRAMS.values()):
        return
    missing = "Chromium and chromedriver are not installed"
    install = "apt-get install chromium chromium-driver"
    if os.environ.get("REQUIRE_BROWSER") == "1":
        raise pytest.UsageError(f"{missing}, and REQUIRE_BROWSER=1 asks for them: {install}")
    for item in browser_tests:
        item.add_marker(
            pytest.mark.skip(f"{missing}: {len(browser_tests)} browser tests skipped; {install}")
        )


def until(condition: Callable[[], Found | None], what: str) -> Found:
    """Wait for a true result of `condition` and return it; fail with `what` on a timeout."""
    give_up = time.monotonic() + TIMEOUT
    while not (result := condition()):
        if time.monotonic() > give_up:
            pytest.fail(f"No {what} within {TIMEOUT} seconds.")
        time.sleep(0.03)
    return result


# --- The site -----------------------------------------------------------------------------
@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def short_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close the web server's connections after each request, so the database can be dropped."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)


@pytest.fixture(autouse=True)
def outbox(data_dir: Path, live_server: Any, settings: Any) -> Path:
    """Empty the outbox that web server and worker share, and return its folder."""
    folder = data_dir / "outbox"
    shutil.rmtree(folder, ignore_errors=True)
    settings.OUTBOX_DIR = folder
    settings.SITE_URL = live_server.url
    settings.EMAIL_BACKEND = "devtools.outbox.OutboxBackend"
    importlib.reload(urls)  # it includes the outbox only for this backend
    clear_url_caches()
    return folder


@pytest.fixture(scope="module")
def worker(django_db_setup: None, data_dir: Path, live_server: Any) -> Iterator[None]:
    """Run a Celery worker on the tests' database, Redis and outbox, with an empty queue."""
    cache.clear()
    options = ["-Q", "urgent,mail,build,ingest", "--concurrency", "1", "-l", "warning"]
    with (data_dir / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-q", "-A", "config", "worker", *options],
            env=os.environ | worker_environment(data_dir, live_server.url),
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: responds(process, data_dir / "worker.log"), "the worker's first answer")
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def worker_environment(data_dir: Path, site: str) -> dict[str, str]:
    database = os.environ.get("DATABASE_URL") or embedded.postgres_url(project.DATA_DIR)
    name = connection.settings_dict["NAME"]
    return {
        "DATABASE_URL": urlsplit(database)._replace(path=f"/{name}").geturl(),
        "REDIS_URL": project.REDIS_URL,
        "SITE_URL": site,
        "SECRET_KEY": project.SECRET_KEY,
        "DATA_DIR": str(data_dir),
        "EMAIL_URL": "",
        "ANYMAIL_PROVIDER": "",
    }


def responds(process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        pytest.fail(f"The worker ended at once:\n{log.read_text()}")
    # `ping` would wait for more workers until the timeout.
    return bool(app.control.broadcast("ping", reply=True, timeout=1, limit=1))


@pytest.fixture(scope="session")
def ingested() -> dict[date, tuple[Snapshot, str]]:
    """Keep a snapshot of each day's ingested sample, and the command's output."""
    return {}


@pytest.fixture
def papers(live_server: Any, tmp_path: Path, ingested: dict[date, tuple[Snapshot, str]]) -> str:
    """Ingest the sample papers, once per run, and return the output of `manage.py ingest`."""
    today = timezone.now().date()
    if today in ingested:
        snapshot, output = ingested[today]
        snapshot.restore()
        return output
    assert not Paper.objects.exists(), "the snapshot would hold other papers"
    printed = io.StringIO()
    call_command("ingest", *sample.write_for(today, tmp_path / "sample"), stdout=printed)
    store_pictures(timezone.now())
    if database.is_superuser():
        snapshot = Snapshot("sample", prefix="papers_")
        snapshot.take()
        ingested[today] = (snapshot, printed.getvalue())
    return printed.getvalue()


# --- The browser --------------------------------------------------------------------------
@dataclass
class Browser:
    """A browser with methods for a reader's actions."""

    chrome: Chrome
    site: str

    def open(self, address: str) -> None:
        """Open a path of the site or a full URL."""
        self.chrome.get(self.site + address if address.startswith("/") else address)

    def find(self, xpath: str, what: str) -> WebElement:
        found = until(lambda: self.chrome.find_elements(By.XPATH, xpath), f"{what} on {self.where}")
        return found[0]

    def press(self, label: str) -> None:
        """Press the first button or link with this label."""
        says = f"[normalize-space()={label!r}]"
        self.find(f"//button{says} | //a{says}", f"“{label}”").click()

    def fill(self, label: str, text: str) -> None:
        """Fill in the field with this label."""
        field = f"//*[@id=//label[normalize-space()={label!r}]/@for]"
        element = self.find(field, f"the field “{label}”")
        element.clear()
        element.send_keys(text)

    def sees(self, text: str) -> None:
        """Wait until the page contains this text."""
        until(lambda: text in self.text, f"“{text}” on {self.where}")

    def open_mail(self, subject: str, to: str) -> None:
        """Wait for an email with this in its subject, and open the newest one."""
        until(lambda: self.mail_link(subject, to), f"a mail “{subject}” to {to}").click()

    def mail_link(self, subject: str, to: str) -> WebElement | None:
        self.open("/outbox/")
        links = self.chrome.find_elements(By.XPATH, f"//tr[td[2]={to!r}]/td[1]/a")
        return next((link for link in links if subject in link.text), None)

    def step_into_mail(self) -> None:
        """Switch to the HTML part of the open email."""
        self.chrome.switch_to.frame(self.find("//iframe", "the mail's HTML part"))

    def press_in_mail(self, label: str) -> None:
        """Press a link of the HTML part, and switch to the tab that it opens."""
        before = self.chrome.current_window_handle
        self.press(label)
        until(lambda: len(self.chrome.window_handles) > 1, "the mail's link to open a tab")
        self.chrome.switch_to.window(before)
        self.chrome.close()
        self.chrome.switch_to.window(self.chrome.window_handles[0])

    def emulate(self, command: str, **values: Any) -> None:
        """Send a command of the DevTools Emulation domain; the next tab starts without it."""
        self.chrome.execute_cdp_cmd(f"Emulation.{command}", values)

    def be_wide(self, width: int, height: int = 900, scale: float = 1.0) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": scale}
        self.emulate("setDeviceMetricsOverride", **size, mobile=width < 600)

    def prefer(self, scheme: str) -> None:
        """Set the preferred colour scheme."""
        self.emulate(
            "setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def measure(self, expression: str) -> Any:
        return self.chrome.execute_script(f"return {expression}")

    @property
    def text(self) -> str:
        # The page may be navigating, which Chromium reports in several ways.
        with suppress(WebDriverException):
            return self.chrome.find_element(By.TAG_NAME, "body").text
        return ""

    @property
    def where(self) -> str:
        return self.chrome.current_url


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = str(PROGRAMS["chromium"])
    profile = tmp_path_factory.mktemp("chromium")
    for argument in (*QUIET, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    chrome = Chrome(options, ChromeService(PROGRAMS["chromedriver"]))
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(chrome: Chrome, live_server: Any) -> Browser:
    """Open a new tab without cookies."""
    old = chrome.current_window_handle
    chrome.switch_to.new_window("tab")
    new = chrome.current_window_handle
    chrome.switch_to.window(old)
    chrome.close()
    chrome.switch_to.window(new)
    chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser = Browser(chrome, live_server.url)
    browser.be_wide(1200)
    return browser
