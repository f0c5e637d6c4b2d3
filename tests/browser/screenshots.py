"""Take pictures of the running site: `python -m pytest tests/browser/screenshots.py`.

pytest collects this file only if it is named. By default, take the README's pictures into docs/.
With SCREENSHOTS=FOLDER in the environment, take all pictures and printed pages (PDF) into that
folder. SCREENSHOT_LANGUAGE=de takes them in German.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from devtools.outbox import messages
from papers.models import Paper
from subscriptions import tasks, tokens
from subscriptions.mail.links import signed_url
from subscriptions.models import Digest, Subscriber, Topic
from subscriptions.readers import lifecycle, signup
from subscriptions.tokens import Purpose
from tests.browser import hard
from tests.browser.conftest import PHONE, Browser, until

LANGUAGE = os.environ.get("SCREENSHOT_LANGUAGE", settings.LANGUAGE_CODE)
DOCS = Path(__file__).resolve().parents[2] / "docs"
IN_README = ("home", "home-phone", "email", "email-phone", "email-weekly")
TALLEST = 1400  # pixels; longer pages are cut
INTERESTS = {
    "text": "Large language models: reasoning, agents, long context, efficient inference",
    "categories": ["cs.CL", "cs.AI"],
}


@dataclass(frozen=True)
class Picture:
    """A picture to take: `width` in CSS pixels, `scale` in device pixels per CSS pixel."""

    page: str
    width: int = 1200
    scale: float = 1.0
    colours: str = "light"


PICTURES = {
    "home": Picture("home"),
    "home-dark": Picture("home", colours="dark"),
    "home-phone": Picture("home", 375, 1.5),
    "preferences": Picture("preferences"),
    "preferences-phone": Picture("preferences", 375, 2.0),
    "profile": Picture("profile"),
    "profile-dark": Picture("profile", colours="dark"),
    "profile-phone": Picture("profile", 375, 2.0),
    "preview": Picture("preview"),
    "preview-phone": Picture("preview", 375, 2.0),
    "email": Picture("email", 800, 1.5),
    "email-dark": Picture("email", 800, 1.5, "dark"),
    "email-phone": Picture("email", 375, 1.5, "dark"),
    "email-narrow": Picture("email", 320, 2.0),
    "email-600": Picture("email", 600, 1.5),
    "email-1200": Picture("email", 1200, 1.0, "dark"),
    "email-weekly": Picture("weekly", 800, 1.5),
    "email-weekly-phone": Picture("weekly", 375, 2.0, "dark"),
    "paper": Picture("paper"),
    "paper-phone": Picture("paper", 375, 2.0, "dark"),
    "search": Picture("search"),
    "search-phone": Picture("search", 375, 2.0),
    "ranking": Picture("ranking"),
    "ranking-phone": Picture("ranking", 375, 2.0, "dark"),
    "status": Picture("status"),
    "rhythm": Picture("rhythm"),
    "rhythm-phone": Picture("rhythm", 375, 2.0, "dark"),
    "unsubscribe-phone": Picture("unsubscribe", 375, 2.0),
}

HARD = {
    f"hard-{page}-{width}": Picture(page, width, 1.5 if width < 600 else 1.0, colours)
    for page in ("home", "many-authors", "latex", "arabic", "email", "weekly")
    for width, colours in ((320, "light"), (375, "dark"), (600, "light"), (1200, "dark"))
}
PRINTED = ("home", "paper", "ranking", "search", "digest")


def test_take_pictures(browser: Browser, worker: None, papers: str, outbox: Path) -> None:
    browser.open("/")
    browser.chrome.add_cookie({"name": settings.LANGUAGE_COOKIE_NAME, "value": LANGUAGE})
    pages = addresses(outbox)
    elsewhere = os.environ.get("SCREENSHOTS")
    folder = Path(elsewhere) if elsewhere else DOCS
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES if elsewhere else IN_README:
        take(browser, PICTURES[name], pages, folder / f"{name}.png")
    for name in PRINTED if elsewhere else ():
        browser.prefer("dark")  # paper is white all the same
        browser.open(pages[name])
        (folder / f"{name}.pdf").write_bytes(printed(browser))


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="not for the README")
def test_take_pictures_of_difficult_papers(
    browser: Browser, worker: None, papers: str, outbox: Path, tmp_path: Path
) -> None:
    found = hard.ingest_papers(timezone.now().date(), tmp_path)
    named = dict(zip(("many-authors", "latex", "arabic"), found, strict=False))
    pages = addresses(outbox, hard.topics(found))
    pages |= {name: one.get_absolute_url() for name, one in named.items()}
    for name, wanted in HARD.items():
        take(browser, wanted, pages, Path(os.environ["SCREENSHOTS"]) / f"{name}.png")


def take(browser: Browser, wanted: Picture, pages: dict[str, str], path: Path) -> None:
    browser.be_wide(wanted.width, scale=wanted.scale)
    browser.emulate("setUserAgentOverride", userAgent=PHONE if wanted.width < 600 else "")
    browser.prefer(wanted.colours)
    browser.open(pages[wanted.page])
    path.write_bytes(taken(browser, wanted))


def addresses(outbox: Path, topics: str = "") -> dict[str, str]:
    """Send a reader's digest, and return the URL of each page."""
    reader = sample_reader()
    if topics:
        Topic.objects.update(text=topics)
    tasks.build_digest_now.delay(reader.pk)
    mail = until(lambda: messages(outbox), "the digest")[0]
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    return {
        "home": reverse("home"),
        "preferences": reverse("preferences", args=[token]),
        "profile": reverse("profile", args=[token]),
        "preview": f"{reverse('preview')}?interests=memory+in+language+agents",
        "email": reverse("outbox-html", args=[mail.stem]),
        "digest": signed_url("digest", Purpose.DIGEST, reader.digests.get().public_id),
        "weekly": signed_url("digest", Purpose.DIGEST, as_weekly(reader).public_id),
        "paper": Paper.objects.order_by("-score")[0].get_absolute_url(),
        "search": f"{reverse('search')}?q=memory+agents",
        "ranking": Paper.objects.order_by("-score")[0].get_ranking_url(),
        "status": reverse("status"),
        "api": reverse("api-reference"),
        "rhythm": reverse("rhythm", args=[token]),
        "unsubscribe": reverse(
            "unsubscribe", args=[tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)]
        ),
    }


def as_weekly(reader: Subscriber) -> Digest:
    """Return the reader's digest in the weekly layout."""
    digest = reader.digests.get()
    digest.period = Digest.Period.WEEK
    digest.save(update_fields=["period"])
    return digest


def sample_reader() -> Subscriber:
    now = timezone.now()
    reader = signup.request_sign_up(
        signup.SignUpRequest("ada@reader.example", "UTC", "/", None, LANGUAGE), now
    )
    Topic.objects.filter(subscriber=reader).update(**INTERESTS)
    lifecycle.activate_reader(reader, now)
    return reader


def printed(browser: Browser) -> bytes:
    """Print the page on A4 and return the PDF."""
    size = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": False}
    return base64.b64decode(browser.chrome.execute_cdp_cmd("Page.printToPDF", size)["data"])


def taken(browser: Browser, wanted: Picture) -> bytes:
    """Return a PNG of the page from its top."""
    page_height = browser.measure("document.documentElement.scrollHeight")
    height = min(page_height, TALLEST / wanted.scale)
    clip = {"x": 0, "y": 0, "width": wanted.width, "height": height, "scale": 1}
    answer = browser.chrome.execute_cdp_cmd(
        "Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True}
    )
    return base64.b64decode(answer["data"])
