"""Encryption of the keys of other services, with keys derived from SECRET_KEY.

Values are encrypted with SECRET_KEY and can be read with SECRET_KEY_FALLBACKS too. The daily
refresh encrypts them again, so that an old key is needed for a day only.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class UnreadableSecret(Exception):
    """The value was encrypted with another key, was changed, or is too old."""


def encrypt(text: str) -> str:
    """Return the text encrypted and authenticated, with the time."""
    return _fernet(settings.SECRET_KEY).encrypt(text.encode()).decode()


def decrypt(value: str, max_age: timedelta | None = None) -> str:
    """Return the text; raise `UnreadableSecret`."""
    try:
        seconds = int(max_age.total_seconds()) if max_age else None
        return _all_keys().decrypt(value.encode(), ttl=seconds).decode()
    except InvalidToken:
        raise UnreadableSecret from None


def renew(value: str) -> str:
    """Return the value encrypted with the present key; raise `UnreadableSecret`."""
    try:
        return _all_keys().rotate(value.encode()).decode()
    except InvalidToken:
        raise UnreadableSecret from None


def _all_keys() -> MultiFernet:
    return MultiFernet(list(map(_fernet, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))))


@lru_cache
def _fernet(secret: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"paperboy.zotero").derive(secret.encode())
    return Fernet(urlsafe_b64encode(derived))
