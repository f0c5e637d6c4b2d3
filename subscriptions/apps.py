"""Connects anymail's signals and registers the checks of what only shows in operation."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules

# These sign what they send, so that no shared secret is needed; with these settings.
SIGNED_WITH = {
    "mailersend": "MAILERSEND_SIGNING_SECRET",
    "mailgun": "MAILGUN_WEBHOOK_SIGNING_KEY",
    "mailtrap": "MAILTRAP_TRACKING_SECRET",
    "mandrill": "MANDRILL_WEBHOOK_KEY",
    "postal": "POSTAL_WEBHOOK_KEY",
    "resend": "RESEND_SIGNING_SECRET",
    "sendgrid": "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",
    "unisender_go": "UNISENDER_GO_API_KEY",
}


def webhooks_have_a_secret(**_: Any) -> list[checks.CheckMessage]:
    """With a provider and no secret its webhooks are refused, and nothing comes back."""
    provider = settings.ANYMAIL_PROVIDER
    name = SIGNED_WITH.get(provider, "WEBHOOK_SECRET")
    known = settings.ANYMAIL.get(name) or settings.ANYMAIL.get("WEBHOOK_SECRET")
    if not provider or known:
        return []
    return [
        checks.Warning(
            f"ANYMAIL_{name} is not set: bounces and complaints that {provider} reports are "
            "refused, so that addresses which bounce are mailed again and again.",
            hint="Set it, and give the provider the webhook address: docs/operations.md says how.",
            id="subscriptions.W001",
        )
    ]


def proxies_are_declared(**_: Any) -> list[checks.CheckMessage]:
    """Behind a proxy that is not declared, all readers seem to come from its one network."""
    if not getattr(settings, "SECURE_PROXY_SSL_HEADER", None) or settings.TRUSTED_PROXIES:
        return []
    return [
        checks.Warning(
            "TRUSTED_PROXIES is not set though BEHIND_TLS_PROXY is: what is allowed for one "
            "network is all that readers together get, and their addresses are not on record.",
            hint="Name the address or network of the proxy, as this server sees it.",
            id="subscriptions.W002",
        )
    ]


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"

    def ready(self) -> None:
        from subscriptions.staff import roles  # needs the models of other apps

        autodiscover_modules("signals")
        post_migrate.connect(roles.grant_permissions, sender=self)
        checks.register(webhooks_have_a_secret)
        checks.register(proxies_are_declared)
