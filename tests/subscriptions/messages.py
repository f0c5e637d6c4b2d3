"""What tests of messages share: ask as a view does, and send what waits as a worker does."""

from __future__ import annotations

from datetime import datetime

from subscriptions import delivery, mail_requests
from subscriptions.mail_requests import Wanted
from subscriptions.models import Message


def send_waiting(now: datetime) -> dict[str, int]:
    """Hand over all messages that wait; how many came to which state."""
    waiting = Message.objects.filter(status=Message.Status.PENDING).order_by("pk")
    return delivery.deliver_messages(list(waiting.values_list("pk", flat=True)), lambda: now).tally


def ask(email: str, wanted: Wanted, now: datetime, about: str = "") -> bool:
    """Ask for a message and send it; False if none was written."""
    written = mail_requests.request(email, wanted, now, about)
    send_waiting(now)
    return bool(written)


def sign_up(email: str, now: datetime) -> bool:
    """Ask for the message that a sign-up of this address brings."""
    return ask(email, Wanted.SIGN_UP, now)
