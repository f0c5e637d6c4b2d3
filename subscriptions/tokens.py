"""Signed links: each good for one reader and one purpose, holding no e-mail address.

Keys rotate through SECRET_KEY_FALLBACKS, so that a link in an old mail goes on working.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from django.core.signing import BadSignature, SignatureExpired, TimestampSigner


class BadLink(Exception):
    """A link that was changed, cut, or made for something else."""


class ExpiredLink(BadLink):
    """A link that was good once."""


class Purpose(Enum):
    """What a link may do, and for how long. Leaving works for ever."""

    CONFIRM = timedelta(days=7)
    PREFERENCES = timedelta(days=90)
    REACT = timedelta(days=91)
    DIGEST = timedelta(days=400)
    OPENED = timedelta(days=365)
    UNSUBSCRIBE = None

    @property
    def signer(self) -> TimestampSigner:
        return TimestampSigner(salt=f"paperboy.{self.name.lower()}")


def make(purpose: Purpose, value: object) -> str:
    """A token for a primary key or a UUID."""
    return purpose.signer.sign(str(value))


def read(purpose: Purpose, token: str) -> str:
    """The value a token was made for; `BadLink` or `ExpiredLink` otherwise."""
    try:
        return purpose.signer.unsign(token, max_age=purpose.value)
    except SignatureExpired as error:
        raise ExpiredLink(token) from error
    except BadSignature as error:
        raise BadLink(token) from error
