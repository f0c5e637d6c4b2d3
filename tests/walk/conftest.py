"""Fixtures for the walk: one installation, and browsers of a reader and a curator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from tests.browser.conftest import PROGRAMS, QUIET
from tests.deploy.conftest import DatabaseServer, image, image_files, server
from tests.papers.conftest import make_certificate
from tests.papers.servers import Server
from tests.walk.installation import Installation, MailServer
from tests.walk.people import Person

__all__ = ["image", "image_files", "server"]
HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these tests as browser tests, and skip them where there is no browser."""
    walk = [item for item in items if item.path.is_relative_to(HERE)]
    for item in walk:
        item.add_marker(pytest.mark.browser)
        if not all(PROGRAMS.values()) and os.environ.get("REQUIRE_BROWSER") != "1":
            item.add_marker(pytest.mark.skip("Chromium and chromedriver are not installed"))


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remember the first failed step, because later steps depend on it."""
    if call.excinfo and call.when == "call" and item.parent:
        item.parent.__dict__.setdefault("failed_step", item.name)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if failed := item.parent and item.parent.__dict__.get("failed_step"):
        pytest.fail(f"an earlier step failed: {failed}", pytrace=False)


@pytest.fixture(autouse=True)
def outbox() -> None:
    """Override the autouse fixture: no email is sent by the test process."""


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    mail = MailServer()
    mail.start()
    yield mail
    mail.stop()


@pytest.fixture(scope="module")
def installation(
    server: DatabaseServer,
    image: Path,
    mail_server: MailServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """Provide an installation with an empty database, an empty Redis and no processes."""
    folder = tmp_path_factory.mktemp("first-day")
    certificate = make_certificate(folder / "site.pem", "IP:127.0.0.1")
    installation = Installation(image, folder, server, certificate, mail_server)
    yield installation
    installation.remove()


@pytest.fixture(scope="module")
def feed_server() -> Iterator[Server]:
    with Server().running() as server:
        yield server


def chrome_for(folder: Path) -> Chrome:
    options = ChromeOptions()
    options.binary_location = str(PROGRAMS["chromium"])
    options.accept_insecure_certs = True
    visible = bool(os.environ.get("DISPLAY")) and bool(os.environ.get("WALK_PAUSE"))
    arguments = [argument for argument in QUIET if not (visible and argument == "--headless")]
    for argument in (*arguments, f"--user-data-dir={folder}"):
        options.add_argument(argument)
    return Chrome(options, ChromeService(PROGRAMS["chromedriver"]))


@pytest.fixture(scope="module")
def curator(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    chrome = chrome_for(tmp_path_factory.mktemp("curator"))
    yield Person(chrome, installation.site, "curator")
    chrome.quit()


@pytest.fixture(scope="module")
def reader(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    chrome = chrome_for(tmp_path_factory.mktemp("reader"))
    yield Person(chrome, installation.site, "reader")
    chrome.quit()
