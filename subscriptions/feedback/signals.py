"""Receivers of anymail's signals: delivery events, and incoming mail.

A webhook brings up to thousands at once; they are collected and recorded together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from anymail.inbound import AnymailInboundMessage
from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent, inbound, tracking
from django.dispatch import receiver
from django.utils import timezone

from subscriptions.feedback import returned_mail
from subscriptions.feedback.normalize import Event, normalize_event
from subscriptions.feedback.record import record_events


class Batch:
    """The events and mails of one request; a mail is its bytes and envelope recipient."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.mails: list[tuple[bytes, str]] = []


_batch: ContextVar[Batch | None] = ContextVar("batch", default=None)


@contextmanager
def collect_signals() -> Iterator[Batch]:
    """Collect what anymail signals inside this block instead of recording it at once."""
    batch = Batch()
    token = _batch.set(batch)
    try:
        yield batch
    finally:
        _batch.reset(token)


@receiver(tracking)
def on_tracking(event: AnymailTrackingEvent, esp_name: str, **_: Any) -> None:
    now: datetime = timezone.now()
    normalized = normalize_event(event, esp_name, now)
    if (batch := _batch.get()) is not None:
        batch.events.append(normalized)
    else:
        record_events([normalized], now)


@receiver(inbound)
def on_inbound(event: AnymailInboundEvent, esp_name: str, **_: Any) -> None:
    message: AnymailInboundMessage | None = event.message
    if message is None:
        return  # the provider could not process a mail and gives no details
    mail, sent_to = message.as_bytes(), str(message.envelope_recipient or "")
    if (batch := _batch.get()) is not None:
        batch.mails.append((mail, sent_to))
    else:
        returned_mail.process_mail(mail, timezone.now(), sent_to=sent_to)
