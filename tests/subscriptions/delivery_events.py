"""Delivery events as tests make them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from subscriptions.feedback.normalize import Event, make_key
from subscriptions.models import Digest

HOUR = timedelta(hours=1)


def make_event(
    kind: str, digest: Digest | None = None, at: datetime | None = None, **values: Any
) -> Event:
    """Return an event of Postmark, about a digest if given, an hour after its hand-over."""
    moment = at or (digest.claimed_at + HOUR if digest and digest.claimed_at else timezone.now())
    defaults = {"public_id": digest.public_id if digest else None, "provider": "Postmark"}
    key = make_key(kind, digest and digest.pk, moment, *values.values())
    return Event(**({"key": key, "kind": kind, "at": moment} | defaults | values))
