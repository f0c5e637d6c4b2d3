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


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"

    def ready(self) -> None:
        from subscriptions import roles  # needs the models of other apps

        autodiscover_modules("signals")
        post_migrate.connect(roles.grant, sender=self)
        checks.register(webhooks_have_a_secret)
