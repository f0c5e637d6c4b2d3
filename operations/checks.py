"""Django system checks for settings that are valid but do not work together.

Invalid settings are rejected in config.settings. `manage.py check` and the doctor show these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.http.request import validate_host

from papers.vectors.starter import StarterError
from papers.vectors.stored_lexicon import load_starter

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1", "[::1]")


@register
def check_settings(**_: Any) -> Iterable[CheckMessage]:
    """Check the settings that matter in any environment."""
    return [*_bounces(), *_keys(), *_rates(), *_starter()]


@register(Tags.security, deploy=True)
def check_production(**_: Any) -> Iterable[CheckMessage]:
    """Check the settings that matter in production only."""
    return [*_site(), *_proxy(), *_mail_backend()]


def _bounces() -> Iterator[CheckMessage]:
    if settings.BOUNCE_EMAIL and settings.ANYMAIL_PROVIDER:
        yield Warning(
            "BOUNCE_EMAIL is set and has no effect: ANYMAIL_PROVIDER sets the envelope sender.",
            hint="Remove BOUNCE_EMAIL. The provider reports bounces through its webhook.",
            id="operations.W001",
        )
    if settings.BOUNCE_EMAIL and not settings.ANYMAIL_PROVIDER and not settings.BOUNCE_MAILBOX_URL:
        yield Warning(
            "BOUNCE_EMAIL is set but BOUNCE_MAILBOX_URL is not: bounces are not read.",
            hint="Set BOUNCE_MAILBOX_URL. If you pipe mail to manage.py read_bounces, set "
            "SILENCED_SYSTEM_CHECKS=operations.W002.",
            id="operations.W002",
        )


def _keys() -> Iterator[CheckMessage]:
    if settings.SECRET_KEY in settings.SECRET_KEY_FALLBACKS:
        yield Warning(
            "SECRET_KEY is also in SECRET_KEY_FALLBACKS, so the key was not changed.",
            hint="Give SECRET_KEY a new value and keep the old one in SECRET_KEY_FALLBACKS.",
            id="operations.W003",
        )
    if settings.SECRET_KEY_FALLBACKS and settings.SUPPRESSION_KEY == settings.SECRET_KEY:
        yield Error(
            "SECRET_KEY was changed and SUPPRESSION_KEY is not set: suppressed addresses are no "
            "longer recognised.",
            hint="Set SUPPRESSION_KEY to the previous SECRET_KEY, and keep it.",
            id="operations.E001",
        )


def _rates() -> Iterator[CheckMessage]:
    slowest = min(settings.DOMAIN_RATES.values(), default=None)
    if settings.SEND_RATE and slowest and slowest > settings.SEND_RATE:
        yield Warning(
            f"DOMAIN_RATES allows {slowest:g} per second to one domain, but SEND_RATE only "
            f"{settings.SEND_RATE} to all.",
            hint="Lower DOMAIN_RATES or raise SEND_RATE.",
            id="operations.W004",
        )


def _starter() -> Iterator[CheckMessage]:
    try:
        load_starter(settings.STARTER_LEXICON)
    except StarterError as error:
        yield Error(
            f"STARTER_LEXICON cannot be used: {error}.",
            hint="Set the path of a file that manage.py learn_starter wrote, or leave it empty.",
            id="operations.E005",
        )


def _site() -> Iterator[CheckMessage]:
    if settings.SITE_HOST in LOCAL_HOSTS:
        yield Warning(
            f"SITE_URL is {settings.SITE_URL}: links in emails lead to the reader's own machine.",
            hint="Set SITE_URL to the public address of the site.",
            id="operations.W005",
        )
    if not validate_host(settings.SITE_HOST, settings.ALLOWED_HOSTS):
        yield Error(
            f"ALLOWED_HOSTS does not contain {settings.SITE_HOST}, the host of SITE_URL: every "
            "page is answered with an error.",
            hint="Add it, or remove ALLOWED_HOSTS: the host of SITE_URL is its default.",
            id="operations.E006",
        )
    if settings.EMAIL_BACKEND == "devtools.outbox.OutboxBackend":
        yield Error(
            "Emails go to the local outbox: neither EMAIL_URL nor ANYMAIL_PROVIDER is set.",
            hint="Set one of them.",
            id="operations.E004",
        )


def _proxy() -> Iterator[CheckMessage]:
    if settings.SECURE_SSL_REDIRECT and not settings.SECURE_PROXY_SSL_HEADER:
        yield Warning(
            "BEHIND_TLS_PROXY is not set: behind a TLS proxy, every request is redirected in a "
            "loop.",
            hint="Set BEHIND_TLS_PROXY=1 if a proxy sets X-Forwarded-Proto. Otherwise set "
            "SILENCED_SYSTEM_CHECKS=operations.W006.",
            id="operations.W006",
        )


def _mail_backend() -> Iterator[CheckMessage]:
    try:
        get_connection()
    except ImproperlyConfigured as error:
        yield Error(
            f"Emails cannot be sent: {str(error).splitlines()[0]}",
            hint="Set the missing setting. ANYMAIL_… settings come from the environment.",
            id="operations.E002",
        )
