"""Absolute links for mails, signed where they act for a reader."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse

from subscriptions import tokens
from subscriptions.models import Digest, Message, Subscriber
from subscriptions.tokens import Purpose, ReturnPath

_TOKEN = "-token-"  # noqa: S105 - stands for one


def absolute(path: str) -> str:
    return f"{settings.SITE_URL}{path}"


def signed_url(name: str, purpose: Purpose, value: object) -> str:
    """An absolute signed link to the view `name`."""
    return _filled(name, tokens.make_token(purpose, value))


def _filled(name: str, token: str) -> str:
    return absolute(_path(name).replace(_TOKEN, token))


@lru_cache
def _home() -> str:
    return reverse("home")


@lru_cache
def _path(name: str) -> str:
    return reverse(name, args=[_TOKEN])


def reader_links(reader: Subscriber) -> dict[str, str]:
    """The links at the foot of every mail to a reader."""
    preferences = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    return {
        "preferences_url": _filled("preferences", preferences),
        "rhythm_url": _filled("rhythm", preferences),
        "sign_in_url": _filled("sign-in", preferences),
        "unsubscribe_url": signed_url("unsubscribe", Purpose.UNSUBSCRIBE, reader.pk),
        "home_url": absolute(_home()),
    }


def feed_url(reader: Subscriber) -> str:
    """The address of a reader's digests as a feed. It lives for years, so that only an email to
    the reader says it and no page does."""
    token = tokens.make_token(Purpose.FEED, reader.feed_key)
    return absolute(reverse("feed-digests", args=[token, "atom"]))


def site_links() -> dict[str, str]:
    """The same pages by addresses without a token, for a browser that is signed in."""
    pages = {"preferences_url": "preferences", "rhythm_url": "rhythm", "unsubscribe_url": "leave"}
    return {name: absolute(reverse(page)) for name, page in pages.items()} | {
        "home_url": absolute(_home())
    }


def list_unsubscribe(unsubscribe_url: str) -> dict[str, str]:
    """The headers by which mail programs offer to leave with one click, or by mail: with the token
    that ends the link."""
    token = unsubscribe_url.rstrip("/").rpartition("/")[2]
    by_mail = quote(f"unsubscribe {token}")
    return {
        "List-Unsubscribe": f"<{unsubscribe_url}>, "
        f"<mailto:{settings.UNSUBSCRIBE_EMAIL}?subject={by_mail}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def message_id(mail: Digest | Message) -> str:
    """The Message-ID of a digest or message: what comes back names it."""
    return f"<{mail.public_id}@{settings.MAIL_DOMAIN}>"


def return_path(kind: str, pk: int) -> str:
    """The envelope sender that tells, should a mail come back, which it was; "" without a mailbox
    for it. Mail providers have bounces sent to themselves and report them."""
    if not settings.BOUNCE_EMAIL or settings.ANYMAIL_PROVIDER:
        return ""
    return ReturnPath(kind, pk).address()
