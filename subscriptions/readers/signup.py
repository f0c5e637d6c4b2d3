"""Signing up and confirming: two steps, consent on record, and the same answer to everyone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from subscriptions.mail import transactional
from subscriptions.mail.addresses import email_key
from subscriptions.models import Interests, Message, OperatorAlert, Subscriber

WATCHED, GRACE = timedelta(days=1), timedelta(hours=2)
ALARM_FROM, ALARM_BELOW = 50, 0.1  # sign-ups, and the part of them that is confirmed
TOLD = "signup-trouble"  # the alarm's name

CONSENT = _(
    "Send me trending papers by email. I can change what I get at any time, "
    "or unsubscribe from any email."
)


@dataclass(frozen=True, slots=True)
class SignUpRequest:
    """What a sign-up form gave: address, guessed time zone, language, where consent was given."""

    email: str
    timezone: str
    page: str
    ip: str | None
    language: str = settings.LANGUAGE_CODE


def request_sign_up(asked: SignUpRequest, now: datetime) -> Subscriber:
    """Record that somebody typed this address. Who is active already is not changed.

    The same statements run, and something is written, whatever the address's state, so that the
    time the answer takes tells nothing.
    """
    key = email_key(asked.email)
    consent = {
        "consent_text": str(CONSENT),
        "consent_page": asked.page[:200],
        "consent_ip": asked.ip,
        "consent_at": now,
    }
    new = Subscriber(
        email=asked.email,
        email_key=key,
        timezone=asked.timezone,
        language=asked.language,
        created_at=now,
    )
    Subscriber.objects.bulk_create([new], ignore_conflicts=True)
    typed = Subscriber.objects.filter(email_key=key)
    typed.update(signup_requested_at=now)
    typed.exclude(status=Subscriber.Status.ACTIVE).update(**consent)
    reader = typed.get()
    Interests.objects.bulk_create([Interests(subscriber=reader)], ignore_conflicts=True)
    return reader


def expire_pending(now: datetime) -> int:
    """Forget sign-ups that nobody confirmed; returns how many."""
    old = Subscriber.objects.filter(
        status=Subscriber.Status.PENDING, created_at__lt=now - settings.PENDING_EXPIRES
    )
    return old.delete()[0]


def describe_trouble(now: datetime) -> list[str]:
    """What is wrong with the sign-ups of the last day, in sentences; empty where all is well.

    Who signs others up is not the one who confirms. Sign-ups of the last two hours may still be.
    """
    asked = Subscriber.objects.filter(created_at__gt=now - WATCHED, created_at__lte=now - GRACE)
    total = asked.count()
    confirmed = asked.exclude(confirmed_at=None).count()
    if total < ALARM_FROM or confirmed >= total * ALARM_BELOW:
        return []
    return [
        f"Of {total} sign-ups of the last day only {confirmed} were confirmed: somebody may be "
        "signing up strangers. You can close sign-up, or ask for a challenge first."
    ]


@transaction.atomic
def alert_operator(now: datetime) -> bool:
    """Write to the operator what is wrong with sign-ups, once a day; False if nothing was."""
    if not (sentences := describe_trouble(now)) or not OperatorAlert.claim(TOLD, now, WATCHED):
        return False
    transactional.write_message(Message.Kind.SIGNUP_TROUBLE, now, details={"sentences": sentences})
    return True
