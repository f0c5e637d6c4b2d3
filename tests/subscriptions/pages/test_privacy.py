"""A reader looks at, takes along and deletes all that we know, by a link mailed just now."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from subscriptions import tokens
from subscriptions.delivery import mailing_run
from subscriptions.editions import digests
from subscriptions.models import Erasure, Subscriber
from subscriptions.readers import signup
from subscriptions.readers.mail_requests import RequestKind
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.signing_in import sign_in
from tests.subscriptions.conftest import MakeReader
from tests.subscriptions.messages import ask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


def page(name: str, reader: Subscriber) -> str:
    return reverse(name, args=[tokens.make_token(Purpose.DATA, reader.pk)])


@pytest.mark.promise(32)
def test_the_link_to_the_data_is_emailed_and_valid_for_a_day(
    client: Client, make_reader: MakeReader, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    ask(make_reader().email, RequestKind.PREFERENCES, timezone.now())
    [link] = set(re.findall(r"/data/[^/]+/", mail.outbox[0].body))
    assert "reader@example.org" in client.get(link).text
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        assert client.get(link).status_code == 410


@pytest.mark.promise(32)
def test_a_reader_downloads_all_of_their_data(client: Client, make_reader: MakeReader) -> None:
    reader = make_reader(topic={"text": "protein design"})
    assert client.get(page("data-export", reader)).status_code == 405
    answer = Page.open(client, page("data", reader)).submit("Download everything").response
    assert "attachment" in answer["Content-Disposition"]
    assert json.loads(answer.content)["topics"][0]["text"] == "protein design"


@pytest.mark.promise(32)
def test_a_reader_deletes_all_of_their_data_and_get_deletes_nothing(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    link = page("data-erase", reader)
    asked = Page.open(client, link)
    client.head(link)
    assert Subscriber.objects.exists()
    assert "deleted" in asked.submit("Delete everything").text
    assert not Subscriber.objects.exists()
    assert Erasure.objects.get().requested_by == "reader"
    assert asked.submit("Delete everything").status == client.get(link).status_code == 200
    assert client.get(page("data", reader)).status_code == 404


@pytest.mark.parametrize("purpose", [one for one in Purpose if one != Purpose.DATA], ids=str)
@pytest.mark.promise(29)
def test_no_other_link_opens_the_data(
    client: Client, make_reader: MakeReader, purpose: Purpose
) -> None:
    """Those in digests are passed on with them."""
    reader = make_reader()
    for name in ("data", "data-erase"):
        link = reverse(name, args=[tokens.make_token(purpose, reader.pk)])
        assert client.get(link).status_code == 400
        assert forge(client, link).status_code in (400, 405)
    assert Subscriber.objects.exists()


def test_the_consent_on_record_is_shown(
    client: Client, make_reader: MakeReader, now: datetime
) -> None:
    asked = signup.SignUpRequest("ada@example.org", "UTC", "/subscribe/", "192.0.2.7")
    text = client.get(page("data", signup.request_sign_up(asked, now))).text
    for said in ("192.0.2.7", "/subscribe/", str(signup.CONSENT), "30 April 2026, 08:00"):
        assert said in text


def test_the_privacy_page_says_what_the_settings_say(client: Client, settings: Any) -> None:
    settings.PENDING_EXPIRES, settings.EVENTS_KEPT = timedelta(days=3), timedelta(days=44)
    settings.ANYMAIL_PROVIDER = "amazon_ses"
    text = client.get(reverse("privacy")).text
    for said in ("after 3 days", "after 44 days", "Amazon SES", settings.CONTACT_EMAIL):
        assert said in text


@pytest.mark.promise(23)
def test_no_email_has_a_picture_or_a_tracked_link(
    client: Client, make_reader: MakeReader, edition: Any, smtp: Any, now: datetime
) -> None:
    """What the privacy page says of our mails."""
    reader = make_reader(topic={"text": "language models"})
    mailing_run.deliver_digests(digests.build_due_digests([reader.pk], now), lambda: now)
    html = smtp.accepted[0].get_body(("html",)).get_content()
    assert "<img" not in html
    assert "background:url" not in html.replace(" ", "")
    titles = re.findall(r'<h3[^>]*>\s*<a\s+href="([^"]+)"', html)
    assert titles
    assert all(link.startswith("https://arxiv.org/abs/") for link in titles)


def test_cookies_are_those_that_the_privacy_page_names(
    client: Client, make_reader: MakeReader, edition: Any
) -> None:
    client.get("/")
    client.get(reverse("subscribe"))
    assert set(client.cookies) == {"csrftoken"}
    reader = make_reader()
    preferences = reverse("preferences", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    Page.open(client, preferences).submit("Save")
    assert set(client.cookies) <= {"csrftoken", "messages", "sessionid"}
    sign_in(client, reader)
    Page.open(client, reverse("profile")).submit("Learn from papers I open here")
    assert set(client.cookies) <= {"csrftoken", "messages", "sessionid", "reader"}
    assert "one keeps subscribers signed in" in client.get(reverse("privacy")).text
