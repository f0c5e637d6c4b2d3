"""Signed links, each valid for one reader and one purpose, without the email address.

SECRET_KEY_FALLBACKS allows rotating keys while links in old emails keep working. A page links on
with the token that opened it and never makes a new one, so that access cannot be extended.
"""

from __future__ import annotations

import re
from base64 import b32encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import ClassVar
from urllib.parse import unquote

from django.conf import settings
from django.core.signing import (
    BadSignature,
    SignatureExpired,
    TimestampSigner,
    b62_decode,
    b62_encode,
)
from django.utils.crypto import constant_time_compare, salted_hmac

MAX_DECODINGS = 3


class BadLink(Exception):
    """Invalid link: changed, truncated, or for another purpose."""


class ExpiredLink(BadLink):
    """Link past its lifetime."""


class Purpose(Enum):
    """Purpose of a link. `LIFETIMES` has the lifetimes."""

    CONFIRM = "confirm"  # confirms, and signs that browser in
    DATA = "data"  # shows, exports and erases all data, and signs out everywhere
    PREFERENCES = "preferences"  # all pages of a reader except the data; signs a browser in
    REACT = "react"  # reacts to papers, keeps, votes for and reports them
    DIGEST = "digest"  # shows one digest
    BROWSER = "browser"  # cookie of a signed-in browser
    UNSUBSCRIBE = "unsubscribe"  # unsubscribes, pauses, reduces the frequency
    FEED = "feed"  # lists digests, or the papers of one topic

    @property
    def signer(self) -> TimestampSigner:
        return _signer(self.value, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)

    @property
    def lifetime(self) -> timedelta | None:
        return LIFETIMES[self]


SIGNED_IN_FOR = timedelta(days=90)
LIFETIMES: dict[Purpose, timedelta | None] = {
    Purpose.CONFIRM: timedelta(days=7),
    Purpose.DATA: timedelta(days=1),
    Purpose.PREFERENCES: timedelta(days=90),
    Purpose.REACT: timedelta(days=91),
    Purpose.DIGEST: timedelta(days=400),
    Purpose.BROWSER: SIGNED_IN_FOR,
    Purpose.UNSUBSCRIBE: None,  # unsubscribing never expires
    Purpose.FEED: timedelta(days=3650),  # feed readers keep the address for years
}


@dataclass(frozen=True, slots=True)
class Link:
    """A verified link with its purpose, value and creation time."""

    purpose: Purpose
    value: str
    made_at: datetime
    token: str


@lru_cache
def _signer(name: str, key: str, *fallbacks: str) -> TimestampSigner:
    return TimestampSigner(key=key, fallback_keys=[*fallbacks], salt=f"paperboy.{name}")


def percent_decode(text: str) -> str:
    """Decode repeated percent-encoding.

    Some mail programs and filters encode links and subjects that are already encoded. Tokens
    contain no %.
    """
    for _ in range(MAX_DECODINGS):
        if "%" not in text:
            break
        text = unquote(text)
    return text


def make_token(purpose: Purpose, value: object, at: datetime | None = None) -> str:
    """Return a token for a primary key or a UUID, created at `at` or now."""
    signer = purpose.signer
    if at is None:
        return signer.sign(str(value))
    dated = f"{value}{signer.sep}{b62_encode(int(at.timestamp()))}"
    return super(TimestampSigner, signer).sign(dated)


def read_token(purpose: Purpose, token: str) -> str:
    """Return the value of a token; raise `BadLink` or `ExpiredLink`."""
    try:
        return purpose.signer.unsign(percent_decode(token), max_age=purpose.lifetime)
    except SignatureExpired as error:
        raise ExpiredLink(token) from error
    except BadSignature as error:
        raise BadLink(token) from error


def open_link(purpose: Purpose, token: str) -> Link:
    """Return the value and creation time of a token; raise `BadLink` or `ExpiredLink`."""
    value, token = read_token(purpose, token), percent_decode(token)
    seconds = b62_decode(token.split(purpose.signer.sep)[-2])
    return Link(purpose, value, datetime.fromtimestamp(seconds, UTC), token)


def unsubscribe_key(reader: int, subscription: int | None = None) -> str:
    """Return the value of a token for unsubscribing, from primary keys."""
    return f"{reader}.{subscription}" if subscription else f"{reader}"


def read_unsubscribe_key(value: str) -> tuple[int, int | None]:
    """Return the primary keys of the reader and of the subscription; None means all email."""
    reader, _, subscription = value.partition(".")
    return int(reader), int(subscription) if subscription else None


def feed_key(reader: int, version: int, topic: int | None = None) -> str:
    """Return the value of a token for the feed of a reader's digests, or of one topic.

    The version counts the changes of the address. It is part of all addresses, so that one change
    revokes them all.
    """
    if topic is not None:
        return f"{reader}.{version}.{topic}"
    return f"{reader}.{version}" if version else f"{reader}"


def read_feed_key(value: str) -> tuple[int, int, int | None]:
    """Return the reader, the version of the address, and the topic; None means all digests."""
    reader, version, topic = (*value.split("."), "", "")[:3]
    return int(reader), int(version or 0), int(topic) if topic else None


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """The digest or message that a bounce address refers to."""

    kind: str
    pk: int

    DIGEST: ClassVar[str] = "d"
    MESSAGE: ClassVar[str] = "m"

    def address(self) -> str:
        """Return the envelope sender, such as bounces+d1234-abcdefghijklmnop@example.org.

        It is in lower case, since some mail systems fold addresses.
        """
        local, _, domain = settings.BOUNCE_EMAIL.partition("@")
        return f"{local}+{self.kind}{self.pk}-{self._seal(settings.SECRET_KEY)}@{domain}"

    def is_sealed_by(self, seal: str) -> bool:
        keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        return any(constant_time_compare(seal, self._seal(key)) for key in keys)

    def _seal(self, key: str) -> str:
        mac = salted_hmac("paperboy.return-path", f"{self.kind}{self.pk}", key, algorithm="sha256")
        return b32encode(mac.digest()[:10]).decode().lower()  # 80 bits, 16 characters


_RETURN_PATH = re.compile(r"\+([dm])(\d{1,18})-([a-z2-7]{16})@")


def read_return_path(address: str) -> ReturnPath | None:
    """Return the mail that a bounce address refers to; None if its signature is not ours."""
    if not (match := _RETURN_PATH.search(address.lower())):
        return None
    path = ReturnPath(match[1], int(match[2]))
    return path if path.is_sealed_by(match[3]) else None
