"""Signed links: each good for one reader and one purpose, holding no e-mail address.

Keys rotate through SECRET_KEY_FALLBACKS, so that a link in an old mail goes on working.
"""

from __future__ import annotations

import re
from base64 import b32encode
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import lru_cache
from typing import ClassVar
from urllib.parse import unquote

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.utils.crypto import constant_time_compare, salted_hmac

MOST_DECODED = 3  # times


class BadLink(Exception):
    """A link that was changed, cut, or made for something else."""


class ExpiredLink(BadLink):
    """A link that was good once."""


class Purpose(Enum):
    """What a link may do, and for how long; no two for the same time, or they would be one.

    Leaving works for ever; the address of a feed stands in a feed reader for years.
    """

    CONFIRM = timedelta(days=7)
    DATA = timedelta(days=1)
    PREFERENCES = timedelta(days=90)
    REACT = timedelta(days=91)
    DIGEST = timedelta(days=400)
    OPENED = timedelta(days=365)
    BROWSER = timedelta(days=180)
    UNSUBSCRIBE = None
    FEED = timedelta(days=3650)

    @property
    def signer(self) -> TimestampSigner:
        return _signer(self.name.lower(), settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache
def _signer(name: str, key: str, *fallbacks: str) -> TimestampSigner:
    return TimestampSigner(key=key, fallback_keys=[*fallbacks], salt=f"paperboy.{name}")


def decoded(text: str) -> str:
    """What was %-encoded, perhaps more than once: some mail programs and filters encode a link or a
    subject that is encoded already. No token holds a %."""
    for _ in range(MOST_DECODED):
        if "%" not in text:
            break
        text = unquote(text)
    return text


def make(purpose: Purpose, value: object) -> str:
    """A token for a primary key or a UUID."""
    return purpose.signer.sign(str(value))


def read(purpose: Purpose, token: str) -> str:
    """The value a token was made for; `BadLink` or `ExpiredLink` otherwise."""
    try:
        return purpose.signer.unsign(decoded(token), max_age=purpose.value)
    except SignatureExpired as error:
        raise ExpiredLink(token) from error
    except BadSignature as error:
        raise BadLink(token) from error


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
