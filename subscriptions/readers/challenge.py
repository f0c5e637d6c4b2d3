"""Optional proof of work before a sign-up, solved by the browser (ALTCHA).

It needs no external service, no tracking and no input. Each challenge is signed, valid for some
minutes, and for one sign-up.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import altcha
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

ALGORITHM = "PBKDF2/SHA-256"
LIFETIME = timedelta(minutes=20)
MAX_ANSWER_LENGTH = 4000  # characters


def make_challenge(now: datetime) -> dict[str, Any]:
    """Return a challenge: find a number whose derived key starts with a zero byte."""
    new_challenge = altcha.create_challenge(
        ALGORITHM,
        settings.CHALLENGE_COST,
        expires_at=now + LIFETIME,
        hmac_secret=settings.SECRET_KEY,
    )
    return new_challenge.to_dict()


def is_solved(payload: str) -> bool:
    """Return True if this solves one of our challenges for the first time."""
    if not payload or len(payload) > MAX_ANSWER_LENGTH:
        return False
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(altcha.verify_solution(payload, key).verified for key in keys):
        return False
    signature = json.loads(base64.b64decode(payload))["challenge"]["signature"]
    timeout = int(LIFETIME.total_seconds()) + 60
    return cache.add(f"challenge:{signature}", 1, timeout)


def challenge_offered(_request: HttpRequest) -> dict[str, bool]:
    """Context processor: set `challenge` if a sign-up requires a solution."""
    return {"challenge": settings.CHALLENGE == "altcha"}
