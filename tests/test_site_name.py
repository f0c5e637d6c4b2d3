"""An installation's own name, postal address and imprint: on every page and in every email."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from papers.models import Paper
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail, emails, transactional
from subscriptions.models import Edition, Message, Subscriber
from tests.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
ROOT = Path(__file__).resolve().parent.parent
NAME = "Reading & Club"
ADDRESS = "Reading Club, 1 Example Street, 12345 Example City"
IMPRINT = "https://club.example/imprint"


@pytest.fixture(autouse=True)
def named(settings: Any) -> Iterator[None]:
    settings.SITE_NAME, settings.POSTAL_ADDRESS, settings.IMPRINT_URL = NAME, ADDRESS, IMPRINT
    digest_mail.clear_cache()
    yield
    digest_mail.clear_cache()


def test_no_template_writes_the_name_itself() -> None:
    for path in (ROOT / "templates").rglob("*.*"):
        assert "Paperboy" not in re.sub(r"(?s)\{#.*?#\}", "", path.read_text()), path


@pytest.mark.parametrize("path", ["/", "/subscribe/", "/search/", "/privacy/", "/nowhere/"])
def test_pages_name_the_site_and_link_the_imprint(client: Client, path: str) -> None:
    page = client.get(path).content.decode()
    assert "· Reading &amp; Club</title>" in page
    assert f'href="{IMPRINT}"' in page
    assert "Paperboy" not in page


def test_the_page_after_an_error_does_too() -> None:
    page = render_to_string("500.html")
    assert "Reading &amp; Club</a>" in page
    assert IMPRINT in page


def test_the_page_of_a_paper_does_too(client: Client, edition: list[Paper]) -> None:
    page = client.get(edition[0].get_absolute_url()).content.decode()
    assert '<meta property="og:site_name" content="Reading &amp; Club">' in page
    assert "Paperboy" not in page


@pytest.mark.parametrize("kind", Message.Kind)
def test_emails_name_sender_address_and_imprint(
    make_reader: Callable[..., Subscriber], edition: list[Paper], kind: Message.Kind
) -> None:
    Edition.objects.create(day=NOW.date())
    about = str(edition[0].pk) if kind == Message.Kind.VOTE_LINK else NOW.date().isoformat()
    details = {"sentences": ["Nothing goes out."]}
    row = transactional.write_message(kind, NOW, make_reader(), about=about, details=details)
    message = emails.render_message(row)
    for part, written in ((str(message.text), NAME), (str(message.html), "Reading &amp; Club")):
        assert written in part
        assert ADDRESS in part
        assert IMPRINT in part
        assert "Paperboy" not in part


def test_digests_name_sender_address_and_imprint(
    make_reader: Callable[..., Subscriber], edition: list[Paper]
) -> None:
    digest = digests.build_digest(make_reader(topic={"text": "language models"}).pk, NOW)
    assert digest
    message = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    for part, written in ((str(message.text), NAME), (str(message.html), "Reading &amp; Club")):
        assert written in part
        assert ADDRESS in part
        assert IMPRINT in part
        assert "Paperboy" not in part
    assert message.headers["List-Id"] == "Reading & Club digest <digest.localhost.localdomain>"


def test_without_address_and_imprint_nothing_is_said(client: Client, settings: Any) -> None:
    settings.POSTAL_ADDRESS = settings.IMPRINT_URL = ""
    assert "Imprint" not in client.get("/").content.decode()
