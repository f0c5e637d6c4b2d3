"""Security headers: every response has them, and no page needs what they forbid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from lxml import html

from papers.models import Paper
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.models import Digest, Subscriber
from subscriptions.tokens import Purpose
from tests.pages import Page
from web import headers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


@pytest.fixture
def digest(edition: list[Paper], make_reader: MakeReader, now: Any) -> Digest:
    reader = make_reader(topic={"text": "language models"})
    digests.build_due_digests([reader.pk], now)
    return reader.digests.get()


def pages(digest: Digest) -> dict[str, str]:
    """Return the paths of the site's pages by name; `digest` is an email in the browser."""
    pk = digest.subscriber_id

    def signed(name: str, purpose: Purpose, *args: object) -> str:
        return reverse(name, args=[*args, tokens.make_token(purpose, pk)])

    return {
        "home": "/",
        "paper": f"/papers/{digest.paper_ids[0]}/",
        "nowhere": "/nowhere/",
        "broken link": "/confirm/x/",
        **{name: reverse(name) for name in ("status", "subscribe", "check-inbox", "privacy")},
        "preview": "/preview/?interests=language+models",
        **{name: signed(name, Purpose.PREFERENCES) for name in ("preferences", "profile")},
        "propose": signed("propose", Purpose.PREFERENCES),
        "reset": signed("profile-reset", Purpose.PREFERENCES),
        "data": signed("data", Purpose.DATA),
        "erase": signed("data-erase", Purpose.DATA),
        "confirm": signed("confirm", Purpose.CONFIRM),
        "unsubscribe": signed("unsubscribe", Purpose.UNSUBSCRIBE),
        "react": signed("react", Purpose.REACT, "more", digest.paper_ids[0]),
        "keep": signed("keep", Purpose.REACT, digest.paper_ids[0]),
        "vote": signed("vote", Purpose.REACT, digest.paper_ids[0]),
        "digest": reverse("digest", args=[tokens.make_token(Purpose.DIGEST, digest.public_id)]),
        "log-in": "/admin/login/",
    }


def inline_code(text: str) -> list[str]:
    """Return the inline scripts and styles of a page. JSON-LD is data, which no browser runs."""
    tree = html.fromstring(text)
    found = [
        f"<script> {one.text}"
        for one in tree.iter("script")
        if not one.get("src") and one.get("type") != "application/ld+json"
    ]
    found += ["<style>" for _ in tree.iter("style")]
    for element in tree.iter():
        for name, value in element.attrib.items():
            runs = name != "value" and value.strip().startswith("javascript:")
            if name.startswith("on") or name == "style" or runs:
                found.append(f"{element.tag} {name}={value}")
    return found


def test_pages_have_no_inline_scripts_or_styles_except_emails(
    client: Client, digest: Digest
) -> None:
    for name, path in pages(digest).items():
        answer = client.get(path)
        found = inline_code(answer.text)
        if name == "digest":
            assert not [one for one in found if "style" not in one], name
        else:
            assert found == [], name


def test_every_response_has_the_security_headers(client: Client, digest: Digest) -> None:
    for name, path in pages(digest).items():
        answer = client.get(path)
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self';" in policy, name
        assert "frame-ancestors 'none'" in policy
        assert ("unsafe" in policy) == (name == "digest"), name
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "geolocation=()" in answer["Permissions-Policy"]


def test_an_email_in_the_browser_may_have_inline_styles_but_no_scripts() -> None:
    policy = headers.build_policy(headers.INLINE_STYLES)
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self';" in policy


def test_the_admin_has_the_policy(admin_client: Client, digest: Digest) -> None:
    reader = reverse("admin:subscriptions_subscriber_change", args=[digest.subscriber_id])
    for path in ("/admin/", reverse("admin:subscriptions_digest_changelist"), reader):
        policy = admin_client.get(path)["Content-Security-Policy"]
        assert "object-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self'" in policy


@pytest.mark.parametrize(
    "target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x"]
)
@pytest.mark.promise(29)
def test_the_login_redirects_to_no_other_site(
    client: Client, django_user_model: type[User], target: str
) -> None:
    django_user_model.objects.create_superuser("curator", password="long enough for this")
    credentials = {"username": "curator", "password": "long enough for this"}
    answers = [
        Page.open(client, f"/admin/login/?next={quote(target)}").submit(
            "Log in", follow=False, **credentials
        ),
        Page.open(Client(), "/admin/login/").submit(
            "Log in", follow=False, next=target, **credentials
        ),
    ]
    for answer in answers:
        assert answer.status == 302
        assert answer.response["Location"] in ("/admin/", "/accounts/profile/")
