"""The site as its readers have it: Chromium, a web server, and a Celery worker of its own."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.urls import clear_url_caches
from django.utils import timezone
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from config import celery, embedded, services, urls
from papers import sample

HERE = Path(__file__).parent
PATIENCE = 60  # seconds; a busy machine is slow, and a passing test never waits as long
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en"),
)
PROGRAMS = {name: shutil.which(name) for name in ("chromium", "chromedriver")}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these tests; where there is no browser, skip them, unless one is required."""
    mine = [item for item in items if item.path.is_relative_to(HERE)]
    for item in mine:
        item.add_marker(pytest.mark.browser)
    if not mine or all(PROGRAMS.values()):
        return
    missing = "Chromium and chromedriver are not installed"
    install = "apt-get install chromium chromium-driver"
    if os.environ.get("REQUIRE_BROWSER") == "1":
        raise pytest.UsageError(f"{missing}, and REQUIRE_BROWSER=1 asks for them: {install}")
    for item in mine:
        item.add_marker(
            pytest.mark.skip(f"{missing}: {len(mine)} browser tests skipped; {install}")
        )


def until[T](found: Callable[[], T], what: str) -> T:
    """The first true answer of `found`; fails with `what` if there is none in time."""
    give_up = time.monotonic() + PATIENCE
    while not (answer := found()):
        if time.monotonic() > give_up:
            pytest.fail(f"Waited {PATIENCE} seconds in vain for {what}.")
        time.sleep(0.1)
    return answer
