"""What tests of messages share: ask as a view does, and send what waits as a worker does."""

from __future__ import annotations

from datetime import datetime

from subscriptions.delivery import mailing_run
from subscriptions.models import Message
from subscriptions.readers import mail_requests
from subscriptions.readers.mail_requests import RequestKind


def send_waiting(now: datetime) -> dict[str, int]:
    """Hand over all messages that wait; how many came to which state."""
    waiting = Message.objects.filter(status=Message.Status.PENDING).order_by("pk")
    return mailing_run.deliver_messages(
        list(waiting.values_list("pk", flat=True)), lambda: now
    ).tally


def ask(email: str, wanted: RequestKind, now: datetime, about: str = "") -> bool:
    """Ask for a message and send it; False if none was written."""
    written = mail_requests.request_mail(email, wanted, now, about)
    send_waiting(now)
    return bool(written)


def sign_up(email: str, now: datetime) -> bool:
    """Ask for the message that a sign-up of this address brings."""
    return ask(email, RequestKind.SIGN_UP, now)
