"""Connecting with Zotero by OAuth 1.0a, which ends with an API key made for us.

1. `start` gets a temporary token. Its secret goes into a cookie of this browser, encrypted.
2. The reader agrees on Zotero's page, which leads back with the token and a verifier.
3. `finish` exchanges both for the API key. Without the cookie of the same reader and token it
   refuses, so that nobody can connect their own Zotero account to another reader.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode

from django.conf import settings

from papers.fetching.api_requests import send_request
from subscriptions.zotero.api import Denied, Unavailable
from subscriptions.zotero.encryption import UnreadableSecret, decrypt, encrypt
from subscriptions.zotero.signing import Credentials, authorization_header

SECONDS = 15.0
VALID_FOR = timedelta(minutes=15)
RIGHTS = {"library_access": 1, "notes_access": 1, "write_access": 1, "all_groups": "none"}


class WrongBrowser(Denied):
    """Not started by this reader in this browser, or too long ago."""


@dataclass(frozen=True, slots=True)
class Start:
    """The page of Zotero to send the reader to, and the cookie for their browser."""

    url: str
    cookie: str


def is_offered() -> bool:
    """Return True if the operator registered Paperboy with Zotero."""
    return bool(settings.ZOTERO_CLIENT_KEY and settings.ZOTERO_CLIENT_SECRET)


def start(reader_pk: int, callback: str, now: datetime) -> Start:
    """Get a temporary token; raise a `ZoteroError`."""
    answer = _request("request", _credentials(), now, callback=callback)
    token, secret = answer["oauth_token"], answer["oauth_token_secret"]
    query = urlencode({"oauth_token": token, "name": settings.SITE_NAME, **RIGHTS})
    cookie = encrypt(json.dumps([reader_pk, token, secret]))
    return Start(f"{settings.ZOTERO_OAUTH_URL}/authorize?{query}", cookie)


def finish(reader_pk: int, cookie: str, token: str, verifier: str, now: datetime) -> str:
    """Return the API key; raise `WrongBrowser` or another `ZoteroError`."""
    try:
        started_by, started_token, secret = json.loads(decrypt(cookie, VALID_FOR))
    except (UnreadableSecret, ValueError):
        raise WrongBrowser(0, "no valid cookie") from None
    if started_by != reader_pk or started_token != token:
        raise WrongBrowser(0, "the cookie is of another reader or token")
    answer = _request("access", _credentials(token, secret), now, verifier=verifier)
    return answer["oauth_token_secret"]


def _credentials(token: str = "", secret: str = "") -> Credentials:
    return Credentials(settings.ZOTERO_CLIENT_KEY, settings.ZOTERO_CLIENT_SECRET, token, secret)


def _request(name: str, credentials: Credentials, now: datetime, **protocol: str) -> dict[str, str]:
    """Send a signed request and return the values of the answer."""
    url = f"{settings.ZOTERO_OAUTH_URL}/{name}"
    header = authorization_header(
        "POST",
        url,
        credentials,
        nonce=secrets.token_hex(16),
        timestamp=int(now.timestamp()),
        **protocol,
    )
    answer = send_request(
        "POST",
        url,
        headers={"Authorization": header, "User-Agent": settings.USER_AGENT},
        seconds=SECONDS,
        max_bytes=10_000,
        allow_private=settings.ALLOW_PRIVATE_SOURCES,
    )
    if answer.status in (400, 401, 403):
        raise Denied(answer.status, "Zotero refused")
    values = {name: found[0] for name, found in parse_qs(answer.body.decode("latin-1")).items()}
    if answer.status != 200 or not {"oauth_token", "oauth_token_secret"} <= values.keys():
        raise Unavailable(answer.status, answer.detail or "unexpected answer")
    return values
