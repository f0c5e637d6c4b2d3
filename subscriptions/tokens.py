"""Signed links: each good for one reader and one purpose, holding no email address.

Keys rotate through SECRET_KEY_FALLBACKS, so that a link in an old email keeps working. A page acts
with the link that opened it and hands on no other: a link would renew itself for ever.
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

MOST_DECODED = 3  # times


class BadLink(Exception):
    """A link that was changed, cut, or made for something else."""


class ExpiredLink(BadLink):
    """A link that was good once."""


class Purpose(Enum):
    """What a link may do; `LIFETIMES` says for how long."""

    CONFIRM = "confirm"  # confirms, and signs the browser in that confirmed
    DATA = "data"  # shows, exports and erases all data, and signs out everywhere
    PREFERENCES = "preferences"  # all pages of a reader but the data; signs a browser in
    REACT = "react"  # reacts to papers, votes for and reports them
    DIGEST = "digest"  # shows one digest
    BROWSER = "browser"  # the cookie of a browser that is signed in
    UNSUBSCRIBE = "unsubscribe"  # leaves, pauses, gets fewer emails
    FEED = "feed"  # lists digests

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
    Purpose.UNSUBSCRIBE: None,  # leaving works for ever
    Purpose.FEED: timedelta(days=3650),  # feed readers keep the address for years
}


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was read: what it was made for, and when."""

    purpose: Purpose
    value: str
    made_at: datetime
    token: str


@lru_cache
def _signer(name: str, key: str, *fallbacks: str) -> TimestampSigner:
    return TimestampSigner(key=key, fallback_keys=[*fallbacks], salt=f"paperboy.{name}")


def percent_decode(text: str) -> str:
    """What was %-encoded, perhaps more than once: some mail programs and filters encode a link or a
    subject that is encoded already. No token holds a %."""
    for _ in range(MOST_DECODED):
        if "%" not in text:
            break
        text = unquote(text)
    return text


def make_token(purpose: Purpose, value: object, at: datetime | None = None) -> str:
    """A token for a primary key or a UUID; its time runs from `at`, or from now."""
    signer = purpose.signer
    if at is None:
        return signer.sign(str(value))
    dated = f"{value}{signer.sep}{b62_encode(int(at.timestamp()))}"
    return super(TimestampSigner, signer).sign(dated)


def read_token(purpose: Purpose, token: str) -> str:
    """The value a token was made for; `BadLink` or `ExpiredLink` otherwise."""
    try:
        return purpose.signer.unsign(percent_decode(token), max_age=purpose.lifetime)
    except SignatureExpired as error:
        raise ExpiredLink(token) from error
    except BadSignature as error:
        raise BadLink(token) from error


def open_link(purpose: Purpose, token: str) -> Link:
    """The same, with the time at which the token was made."""
    value, token = read_token(purpose, token), percent_decode(token)
    seconds = b62_decode(token.split(purpose.signer.sep)[-2])
    return Link(purpose, value, datetime.fromtimestamp(seconds, UTC), token)


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """Which mail bounces to an address of ours: a digest, or a message."""

    kind: str
    pk: int

    DIGEST: ClassVar[str] = "d"
    MESSAGE: ClassVar[str] = "m"

    def address(self) -> str:
        """The envelope sender, such as bounces+d1234-abcdefghijklmnop@example.org. It survives
        mail systems that fold it to lower case."""
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
    """The mail an address of ours stands for; None if we did not make it."""
    if not (found := _RETURN_PATH.search(address.lower())):
        return None
    path = ReturnPath(found[1], int(found[2]))
    return path if path.is_sealed_by(found[3]) else None
