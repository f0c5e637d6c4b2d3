"""App configuration: connect anymail's signals and register the system checks."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules

from config.providers import find_provider


def webhooks_have_a_secret(**_: Any) -> list[checks.CheckMessage]:
    """Warn if a provider has no webhook secret: its webhooks are then refused."""
    provider = find_provider(settings.ANYMAIL_PROVIDER)
    name = provider.signing_setting or "WEBHOOK_SECRET"
    has_secret = settings.ANYMAIL.get(name) or settings.ANYMAIL.get("WEBHOOK_SECRET")
    if not provider.name or has_secret:
        return []
    return [
        checks.Warning(
            f"ANYMAIL_{name} is not set: webhooks from {provider.label} are rejected, so bounces "
            "and complaints are lost and addresses that bounce keep getting mail.",
            hint="Set it, and give the provider the webhook URL; see docs/operations.md.",
            id="subscriptions.W001",
        )
    ]


def proxies_are_declared(**_: Any) -> list[checks.CheckMessage]:
    """Warn if the proxy is not declared: all readers then share its network's rate limit."""
    if not getattr(settings, "SECURE_PROXY_SSL_HEADER", None) or settings.TRUSTED_PROXIES:
        return []
    return [
        checks.Warning(
            "BEHIND_TLS_PROXY is set but TRUSTED_PROXIES is not: all readers share one network's "
            "rate limit, and their IP addresses are not recorded.",
            hint="Set it to the address or network of the proxy, as this server sees it.",
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
