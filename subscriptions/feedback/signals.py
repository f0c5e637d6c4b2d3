"""What anymail signals: events of mails we sent, and mails that came in.

A webhook brings up to thousands at once; they are gathered and recorded together.
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

from subscriptions.feedback import events, returned_mail
from subscriptions.feedback.events import Event


class Gathered:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.mails: list[tuple[bytes, str]] = []


_gathered: ContextVar[Gathered | None] = ContextVar("gathered", default=None)


@contextmanager
def gathering() -> Iterator[Gathered]:
    """What anymail signals meanwhile is put aside instead of being recorded one by one."""
    gathered = Gathered()
    token = _gathered.set(gathered)
    try:
        yield gathered
    finally:
        _gathered.reset(token)


@receiver(tracking)
def on_tracking(event: AnymailTrackingEvent, esp_name: str, **_: Any) -> None:
    now: datetime = timezone.now()
    one = events.from_tracking(event, esp_name, now)
    if (gathered := _gathered.get()) is not None:
        gathered.events.append(one)
    else:
        events.record_events([one], now)


@receiver(inbound)
def on_inbound(event: AnymailInboundEvent, esp_name: str, **_: Any) -> None:
    message: AnymailInboundMessage | None = event.message
    if message is None:
        return  # the provider had trouble with a mail, and says no more
    mail, sent_to = message.as_bytes(), str(message.envelope_recipient or "")
    if (gathered := _gathered.get()) is not None:
        gathered.mails.append((mail, sent_to))
    else:
        returned_mail.process_mail(mail, timezone.now(), sent_to=sent_to)
