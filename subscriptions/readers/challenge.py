"""A riddle before a sign-up, where the operator asks for it: the browser computes for a moment.

It is ALTCHA's proof of work: no service is asked, nobody is watched, and nothing is to be typed.
Each riddle is signed, good for some minutes, and for one sign-up.
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
GOOD_FOR = timedelta(minutes=20)
LONGEST = 4000  # characters of an answer


def make_challenge(now: datetime) -> dict[str, Any]:
    """A riddle: a number is wanted whose derived key starts with a zero byte."""
    made = altcha.create_challenge(
        ALGORITHM,
        settings.CHALLENGE_COST,
        expires_at=now + GOOD_FOR,
        hmac_secret=settings.SECRET_KEY,
    )
    return made.to_dict()


def is_solved(payload: str) -> bool:
    """Whether this answers a riddle of ours that nobody has answered before."""
    if not payload or len(payload) > LONGEST:
        return False
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(altcha.verify_solution(payload, key).verified for key in keys):
        return False
    signature = json.loads(base64.b64decode(payload))["challenge"]["signature"]
    kept = int(GOOD_FOR.total_seconds()) + 60
    return cache.add(f"challenge:{signature}", 1, kept)


def challenge_offered(_request: HttpRequest) -> dict[str, bool]:
    """For templates: whether a sign-up must bring an answer."""
    return {"challenge": settings.CHALLENGE == "altcha"}
