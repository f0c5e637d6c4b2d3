"""Django system checks: settings that are each valid and together make no sense, or no mail.

What cannot start at all is refused in config.settings; `manage.py check` and the doctor show these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1", "[::1]")


@register
def everywhere(**_: Any) -> Iterable[CheckMessage]:
    """What is wrong wherever it runs."""
    return [*_mail(), *_keys(), *_pace()]


@register(Tags.security, deploy=True)
def production(**_: Any) -> Iterable[CheckMessage]:
    """What is only wrong where the world can see it."""
    return [*_names(), *_proxy(), *_backend()]


def _mail() -> Iterator[CheckMessage]:
    if settings.BOUNCE_EMAIL and settings.ANYMAIL_PROVIDER:
        yield Warning(
            "BOUNCE_EMAIL is set and has no effect: ANYMAIL_PROVIDER sets the envelope sender.",
            hint="Drop BOUNCE_EMAIL; bounces come by the provider's webhook.",
            id="operations.W001",
        )
    if settings.BOUNCE_EMAIL and not settings.ANYMAIL_PROVIDER and not settings.BOUNCE_MAILBOX_URL:
        yield Warning(
            "BOUNCE_EMAIL is set and nobody reads its mailbox: BOUNCE_MAILBOX_URL is not.",
            hint="Set BOUNCE_MAILBOX_URL, or pipe into manage.py read_bounces and silence "
            "operations.W002.",
            id="operations.W002",
        )


def _keys() -> Iterator[CheckMessage]:
    if settings.SECRET_KEY in settings.SECRET_KEY_FALLBACKS:
        yield Warning(
            "SECRET_KEY is among SECRET_KEY_FALLBACKS: no key was changed.",
            hint="Give SECRET_KEY a new value and leave the old one in SECRET_KEY_FALLBACKS.",
            id="operations.W003",
        )
    if settings.SECRET_KEY_FALLBACKS and settings.SUPPRESSION_KEY == settings.SECRET_KEY:
        yield Error(
            "SECRET_KEY was changed and SUPPRESSION_KEY is not set: suppressed addresses are no "
            "longer known.",
            hint="Set SUPPRESSION_KEY to the SECRET_KEY of before the change, and keep it.",
            id="operations.E001",
        )


def _pace() -> Iterator[CheckMessage]:
    slowest = min(settings.DOMAIN_RATES.values(), default=None)
    if settings.SEND_RATE and slowest and slowest > settings.SEND_RATE:
        yield Warning(
            f"DOMAIN_RATES allow {slowest:g} a second to one domain, SEND_RATE only "
            f"{settings.SEND_RATE} to all.",
            hint="Lower DOMAIN_RATES or raise SEND_RATE.",
            id="operations.W004",
        )


def _names() -> Iterator[CheckMessage]:
    if settings.SITE_HOST in LOCAL_HOSTS:
        yield Warning(
            f"SITE_URL is {settings.SITE_URL}: links in mails lead readers to their own machine.",
            hint="Set SITE_URL to the address readers see.",
            id="operations.W005",
        )
    if settings.EMAIL_BACKEND == "devtools.outbox.OutboxBackend":
        yield Error(
            "Mail goes to the local outbox: neither EMAIL_URL nor ANYMAIL_PROVIDER is set.",
            hint="Set one of the two.",
            id="operations.E004",
        )


def _proxy() -> Iterator[CheckMessage]:
    if settings.SECURE_SSL_REDIRECT and not settings.SECURE_PROXY_SSL_HEADER:
        yield Warning(
            "BEHIND_TLS_PROXY is not set: behind a proxy with TLS every request is redirected to "
            "itself for ever.",
            hint="Set BEHIND_TLS_PROXY=1 if a proxy sets X-Forwarded-Proto; else silence this.",
            id="operations.W006",
        )


def _backend() -> Iterator[CheckMessage]:
    try:
        get_connection()
    except ImproperlyConfigured as error:
        yield Error(
            f"Mail cannot be sent: {str(error).splitlines()[0]}",
            hint="Set what the message names; ANYMAIL_… settings come from the environment.",
            id="operations.E002",
        )
