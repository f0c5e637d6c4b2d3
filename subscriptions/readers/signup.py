"""Double opt-in: recorded consent, then confirmation; the same answer for every address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from subscriptions.mail import transactional
from subscriptions.mail.addresses import email_key
from subscriptions.models import Message, OperatorAlert, Subscriber, Subscription, Topic

WATCHED_PERIOD, GRACE_PERIOD = timedelta(days=1), timedelta(hours=2)
ALERT_MIN_SIGN_UPS, ALERT_BELOW = 50, 0.1  # sign-ups, and the confirmed share of them
ALERT_NAME = "signup-trouble"

CONSENT = _(
    "Send me trending papers by email. I can change what I get at any time, "
    "or unsubscribe from any email."
)


@dataclass(frozen=True, slots=True)
class SignUpRequest:
    """Data of a sign-up form: address, guessed time zone, language, and origin of the consent."""

    email: str
    timezone: str
    page: str
    ip: str | None
    language: str = settings.LANGUAGE_CODE


def request_sign_up(sign_up: SignUpRequest, now: datetime) -> Subscriber:
    """Record a sign-up for this address. An active reader is not changed.

    The same statements run and write in every case, so that response times reveal nothing.
    """
    key = email_key(sign_up.email)
    consent = {
        "consent_text": str(CONSENT),
        "consent_page": sign_up.page[:200],
        "consent_ip": sign_up.ip,
        "consent_at": now,
    }
    new = Subscriber(
        email=sign_up.email,
        email_key=key,
        timezone=sign_up.timezone,
        language=sign_up.language,
        created_at=now,
    )
    Subscriber.objects.bulk_create([new], ignore_conflicts=True)
    matching = Subscriber.objects.filter(email_key=key)
    matching.update(signup_requested_at=now)
    matching.exclude(status=Subscriber.Status.ACTIVE).update(**consent)
    reader = matching.get()
    Topic.objects.bulk_create([Topic(subscriber=reader)], ignore_conflicts=True)
    Subscription.objects.bulk_create([Subscription(subscriber=reader)], ignore_conflicts=True)
    return reader


def expire_pending(now: datetime) -> int:
    """Delete unconfirmed sign-ups that have expired; return the number of deleted rows."""
    old = Subscriber.objects.filter(
        status=Subscriber.Status.PENDING, created_at__lt=now - settings.PENDING_EXPIRES
    )
    return old.delete()[0]


def describe_trouble(now: datetime) -> list[str]:
    """Return sentences about problems with the sign-ups of the last day; empty if there are none.

    Few confirmations suggest that someone signs up strangers. Sign-ups of the last two hours do not
    count, since they may still be confirmed.
    """
    recent = Subscriber.objects.filter(
        created_at__gt=now - WATCHED_PERIOD, created_at__lte=now - GRACE_PERIOD
    )
    total = recent.count()
    confirmed = recent.exclude(confirmed_at=None).count()
    if total < ALERT_MIN_SIGN_UPS or confirmed >= total * ALERT_BELOW:
        return []
    return [
        f"Only {confirmed} of {total} sign-ups in the last day were confirmed. Someone may be "
        "signing up strangers. You can close sign-up or require a challenge."
    ]


@transaction.atomic
def alert_operator(now: datetime) -> bool:
    """Email the operator about sign-up problems, once a day; return False if there are none."""
    if not (sentences := describe_trouble(now)) or not OperatorAlert.claim(
        ALERT_NAME, now, WATCHED_PERIOD
    ):
        return False
    transactional.write_message(Message.Kind.SIGNUP_TROUBLE, now, details={"sentences": sentences})
    return True
