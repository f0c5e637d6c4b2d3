"""Signing up and confirming: two steps, consent on record, and the same answer to everyone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from subscriptions import emails, suppression
from subscriptions.models import Interests, Subscriber

CONSENT = _(
    "Send me trending papers by e-mail. I can change what I get or leave with one tap in every "
    "mail."
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a sign-up form gave: address, guessed time zone, and where the consent was given."""

    email: str
    timezone: str
    page: str
    ip: str | None


def email_key(email: str) -> str:
    """The identity of an address. Local parts are case-sensitive in theory only."""
    return email.strip().casefold()


def request(asked: Request, now: datetime) -> Subscriber:
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
    new = Subscriber(email=asked.email, email_key=key, timezone=asked.timezone, created_at=now)
    Subscriber.objects.bulk_create([new], ignore_conflicts=True)
    typed = Subscriber.objects.filter(email_key=key)
    typed.update(asked_at=now)
    typed.exclude(status=Subscriber.Status.ACTIVE).update(**consent)
    reader = typed.get()
    Interests.objects.bulk_create([Interests(subscriber=reader)], ignore_conflicts=True)
    return reader


def send_confirmation(reader: Subscriber, now: datetime) -> bool:
    """Mail the link that fits the reader's state, once per cool-down; False if none was sent.

    Who is active already gets the link to the preferences: they asked for something, and the
    web page says the same to everyone. Whoever bounced lately or complained gets nothing.
    """
    if suppression.is_suppressed(reader, now) or not _begin_cooldown(reader, now):
        return False
    if reader.status == Subscriber.Status.ACTIVE:
        emails.preferences_link(reader).send()
    else:
        emails.confirmation(reader).send()
    return True


def _begin_cooldown(reader: Subscriber, now: datetime) -> bool:
    """Claim the right to mail; taken before the mail, so that a crash never doubles it."""
    quiet = Q(confirmation_sent_at=None) | Q(
        confirmation_sent_at__lte=now - settings.CONFIRMATION_COOLDOWN
    )
    mine = Subscriber.objects.filter(quiet, pk=reader.pk)
    return bool(mine.update(confirmation_sent_at=now))


def expire_pending(now: datetime) -> int:
    """Forget sign-ups that nobody confirmed; returns how many."""
    old = Subscriber.objects.filter(
        status=Subscriber.Status.PENDING, created_at__lt=now - settings.PENDING_EXPIRES
    )
    return old.delete()[0]
