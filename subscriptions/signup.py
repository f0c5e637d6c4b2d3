"""Signing up and confirming: two steps, consent on record, and the same answer to everyone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config import guard
from papers.models import Paper
from subscriptions import emails, suppression
from subscriptions.models import Interests, Subscriber

WATCHED, GRACE = timedelta(days=1), timedelta(hours=2)
ALARM_FROM, ALARM_BELOW = 50, 0.1  # sign-ups, and the part of them that is confirmed
TOLD = "signup-trouble"

CONSENT = _(
    "Send me trending papers by e-mail. I can change what I get or leave with one tap in every "
    "mail."
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a sign-up form gave: address, guessed time zone, language, where consent was given."""

    email: str
    timezone: str
    page: str
    ip: str | None
    language: str = settings.LANGUAGE_CODE


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
    new = Subscriber(
        email=asked.email,
        email_key=key,
        timezone=asked.timezone,
        language=asked.language,
        created_at=now,
    )
    Subscriber.objects.bulk_create([new], ignore_conflicts=True)
    typed = Subscriber.objects.filter(email_key=key)
    typed.update(asked_at=now)
    typed.exclude(status=Subscriber.Status.ACTIVE).update(**consent)
    reader = typed.get()
    Interests.objects.bulk_create([Interests(subscriber=reader)], ignore_conflicts=True)
    return reader


def send_confirmation(reader: Subscriber, now: datetime) -> bool:
    """Mail the link that fits the reader's state, within bounds; False if none was sent.

    Who is active already gets the link to the preferences: they asked for something, and the
    web page says the same to everyone. Whoever bounced lately or complained gets nothing.
    """
    if not _may_mail(reader, now):
        return False
    if reader.status == Subscriber.Status.ACTIVE:
        emails.preferences_link(reader).send()
    else:
        emails.confirmation(reader).send()
    return True


def send_preferences_link(reader: Subscriber, now: datetime) -> bool:
    """Mail the way to the preferences and to all that we know of a reader, also of one who left;
    who has not confirmed gets nothing but the confirmation. False if none was sent."""
    if reader.status == Subscriber.Status.PENDING:
        return send_confirmation(reader, now)
    if not _may_mail(reader, now):
        return False
    emails.preferences_link(reader).send()
    return True


def send_vote_link(reader: Subscriber, paper: Paper, now: datetime) -> bool:
    """Mail a reader the button that votes for a paper; False if none was sent."""
    if reader.status != Subscriber.Status.ACTIVE:
        return send_confirmation(reader, now)
    if not _may_mail(reader, now):
        return False
    emails.vote_link(reader, paper).send()
    return True


def _may_mail(reader: Subscriber, now: datetime) -> bool:
    """Whether a mail that anybody can ask for may go out; if so, the right to it is claimed."""
    return (
        not suppression.is_suppressed(reader, now)
        and _begin_cooldown(reader, now)
        and not guard.take(_mails_to(reader.email_key))
    )


def _begin_cooldown(reader: Subscriber, now: datetime) -> bool:
    """Claim the right to mail; taken before the mail, so that a crash never doubles it."""
    quiet = Q(confirmation_sent_at=None) | Q(
        confirmation_sent_at__lte=now - settings.CONFIRMATION_COOLDOWN
    )
    mine = Subscriber.objects.filter(quiet, pk=reader.pk)
    return bool(mine.update(confirmation_sent_at=now))


def typed(email: str) -> list[guard.Limit]:
    """How often one mailbox may be typed in an hour, by whomever and whatever its state: who types
    one over and over uses up nothing of what all may."""
    count, _all = settings.ENTRANCE_RATES["typed"]
    return [guard.Limit(f"typed:{_mailbox(email_key(email))}", count)] if count else []


def _mails_to(key: str) -> guard.Limit:
    """A day's mails to one mailbox."""
    name = f"mailbox:{_mailbox(key)}"
    return guard.Limit(name, settings.MAILS_A_DAY, guard.DAY, at_once=settings.MAILS_A_DAY)


def _mailbox(key: str) -> str:
    """A mailbox without its name, whatever is put after a + or between its letters as dots."""
    local, _, domain = key.rpartition("@")
    folded = local.partition("+")[0].replace(".", "") or local
    host = "gmail.com" if domain == "googlemail.com" else domain
    return guard.nameless(f"{folded}@{host}")


def expire_pending(now: datetime) -> int:
    """Forget sign-ups that nobody confirmed; returns how many."""
    old = Subscriber.objects.filter(
        status=Subscriber.Status.PENDING, created_at__lt=now - settings.PENDING_EXPIRES
    )
    return old.delete()[0]


def trouble(now: datetime) -> list[str]:
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


def tell_operator(now: datetime) -> bool:
    """Mail what is wrong with sign-ups, once a day; False if nothing was mailed. What the mail
    server did not take is told at the next call.
    """
    if not (found := trouble(now)) or not cache.add(TOLD, 1, 86_400):
        return False
    try:
        emails.signup_trouble(found).send()
    except Exception:
        cache.delete(TOLD)
        raise
    return True
