"""Absolute links for emails, signed if they act for a reader."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse

from subscriptions import tokens
from subscriptions.models import Digest, Message, Subscriber
from subscriptions.tokens import Purpose, ReturnPath

_TOKEN_PLACEHOLDER = "-token-"  # noqa: S105 - not a secret


def absolute(path: str) -> str:
    return f"{settings.SITE_URL}{path}"


def signed_url(name: str, purpose: Purpose, value: object) -> str:
    """Return an absolute signed link to the view `name`."""
    return _link(name, tokens.make_token(purpose, value))


def _link(name: str, token: str) -> str:
    return absolute(_path(name).replace(_TOKEN_PLACEHOLDER, token))


@lru_cache
def _home_path() -> str:
    return reverse("home")


@lru_cache
def _path(name: str) -> str:
    return reverse(name, args=[_TOKEN_PLACEHOLDER])


def reader_links(reader: Subscriber, subscription: int | None = None) -> dict[str, str]:
    """Return the links in the footer of every email to a reader.

    The link for unsubscribing stops the subscription with this primary key, or else all email.
    """
    preferences = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    key = tokens.unsubscribe_key(reader.pk, subscription)
    return {
        "preferences_url": _link("preferences", preferences),
        "rhythm_url": _link("rhythm", preferences),
        "sign_in_url": _link("sign-in", preferences),
        "library_url": _link("library", preferences),
        "unsubscribe_url": signed_url("unsubscribe", Purpose.UNSUBSCRIBE, key),
        "home_url": absolute(_home_path()),
    }


def feed_url(reader: Subscriber, topic: int | None = None, kind: str = "atom") -> str:
    """Return the address of the feed of a reader's digests, or of a topic with this primary key.

    It is valid for years, so it is sent only by email and shown on no page.
    """
    key = tokens.feed_key(reader.pk, reader.feed_key_version, topic)
    token = tokens.make_token(Purpose.FEED, key)
    return absolute(reverse("feed-topic" if topic else "feed-digests", args=[token, kind]))


def site_links() -> dict[str, str]:
    """Return the same links without tokens, for a browser that is signed in."""
    pages = {
        "preferences_url": "preferences",
        "rhythm_url": "rhythm",
        "unsubscribe_url": "leave",
        "library_url": "library",
    }
    return {name: absolute(reverse(page)) for name, page in pages.items()} | {
        "home_url": absolute(_home_path())
    }


def list_unsubscribe(unsubscribe_url: str) -> dict[str, str]:
    """Return the headers for one-click unsubscribing and for unsubscribing by email.

    The token at the end of the link goes into the subject of the email.
    """
    token = unsubscribe_url.rstrip("/").rpartition("/")[2]
    subject = quote(f"unsubscribe {token}")
    return {
        "List-Unsubscribe": f"<{unsubscribe_url}>, "
        f"<mailto:{settings.UNSUBSCRIBE_EMAIL}?subject={subject}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def message_id(mail: Digest | Message) -> str:
    """Return the Message-ID of a digest or message, which bounces and replies refer to."""
    return f"<{mail.public_id}@{settings.MAIL_DOMAIN}>"


def return_path(kind: str, pk: int) -> str:
    """Return the envelope sender that identifies this mail if it bounces; empty without a mailbox.

    Mail providers receive bounces themselves and report them.
    """
    if not settings.BOUNCE_EMAIL or settings.ANYMAIL_PROVIDER:
        return ""
    return ReturnPath(kind, pk).address()
