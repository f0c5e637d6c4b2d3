"""Webhooks of mail providers: anymail's views, made stricter.

anymail knows each provider's format and signature. In addition, a webhook without a secret or a
signature is closed, Amazon's signatures are verified, old and replayed requests are refused, and
the events of a request are recorded together in one transaction.

The view of a provider is imported on its first request. Importing all of them at the start loads
boto3, svix and httpx into every process, also into the workers.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from anymail import webhooks as anymail_webhooks
from anymail.exceptions import (
    AnymailError,
    AnymailInsecureWebhookWarning,
    AnymailWebhookValidationFailure,
)
from anymail.signals import AnymailTrackingEvent, EventType, inbound
from anymail.webhooks.base import AnymailBasicAuthMixin
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, re_path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from config.providers import AMAZON_SES, find_provider
from papers.fetching.fetch import fetch
from subscriptions.feedback import returned_mail, sns
from subscriptions.feedback.normalize import make_key
from subscriptions.feedback.record import record_events
from subscriptions.feedback.signals import Batch, collect_signals

log = logging.getLogger(__name__)
# anymail warns that webhooks without a secret are open to anyone; here they are closed.
warnings.filterwarnings("ignore", category=AnymailInsecureWebhookWarning)

PARSE_ERRORS = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""Errors that parsing raises for a body that doesn't match the provider's documentation."""

REPLAYED = 406  # Mailgun and SNS don't retry after this status
MAX_CERTIFICATE_BYTES, CERTIFICATE_TIMEOUT, CERTIFICATE_CACHED_FOR = 100_000, 5.0, 86_400


def _is_recent(seconds: object) -> bool:
    """Return whether a Unix time is within EVENT_MAX_AGE. anymail checks for an absent one."""
    if seconds in ("", None):
        return True
    age = timezone.now().timestamp() - float(str(seconds))
    return -sns.MAX_CLOCK_SKEW.total_seconds() <= age <= settings.EVENT_MAX_AGE.total_seconds()


def fetch_certificate(url: str) -> bytes:
    """Fetch Amazon's certificate within bounds, and cache it for a day."""
    if cached := cache.get(f"sns-certificate:{url}"):
        return bytes(cached)
    response = fetch(
        url,
        user_agent=settings.USER_AGENT,
        now=timezone.now(),
        max_bytes=MAX_CERTIFICATE_BYTES,
        seconds=CERTIFICATE_TIMEOUT,
    )
    if response.outcome != "ok" or response.final_url != url:
        raise sns.SignatureError(f"its certificate could not be fetched: {response.outcome}")
    cache.set(f"sns-certificate:{url}", response.body, CERTIFICATE_CACHED_FOR)
    return response.body


class StrictWebhook(View):
    """A mixin placed before each of anymail's views."""

    basic_auth: Any
    warn_if_no_basic_auth: bool
    esp_name: str
    signal: Any

    def validate_request(self, request: HttpRequest) -> None:
        """Refuse a webhook without a secret, and requests signed too long ago."""
        if self.warn_if_no_basic_auth and not self.basic_auth:
            raise AnymailWebhookValidationFailure(
                f"{self.esp_name} webhook without ANYMAIL_WEBHOOK_SECRET or a signature"
            )
        signed_time = find_provider(self.esp_name).signed_time
        if signed_time and not _is_recent(signed_time(request)):
            raise AnymailWebhookValidationFailure(f"{self.esp_name} webhook signed too long ago")

    def esp_to_anymail_event(self, *parts: Any) -> Any:
        """Parse one event of a batch; an unreadable one is kept as unknown."""
        try:
            return super().esp_to_anymail_event(*parts)  # type: ignore[misc]
        except PARSE_ERRORS as error:
            if self.signal is inbound:
                raise
            raw = next((part for part in parts if isinstance(part, Mapping)), {})
            return AnymailTrackingEvent(
                event_type=EventType.UNKNOWN,
                description=f"unreadable: {type(error).__name__}",
                esp_event=raw,
                event_id=make_key(json.dumps(raw, sort_keys=True, default=str)),
            )


class AmazonWebhook(StrictWebhook):
    def validate_request(self, request: HttpRequest) -> None:
        """Check the secret first, so that strangers cannot make us fetch a certificate."""
        super().validate_request(request)
        AnymailBasicAuthMixin.validate_request(self, request)
        try:
            message = json.loads(request.body)
            sns.verify(message, fetch_certificate, timezone.now(), settings.EVENT_MAX_AGE)
        except (sns.SignatureError, ValueError, AttributeError) as error:
            raise AnymailWebhookValidationFailure(f"Amazon SNS message refused: {error}") from error


Webhook = Callable[..., HttpResponse]
PROVIDERS = frozenset(module.name for module in iter_modules(anymail_webhooks.__path__))
# The names of anymail's views end with these words. Mandrill has one view for everything.
VIEW_NAMES = {
    "tracking": ("TrackingWebhookView", "CombinedWebhookView"),
    "inbound": ("InboundWebhookView",),
}


def strict_webhook(view: type[View]) -> Webhook:
    """Return the view function for one of anymail's views, made stricter."""
    is_amazon = find_provider(view.esp_name) is AMAZON_SES  # type: ignore[attr-defined]
    mixin = AmazonWebhook if is_amazon else StrictWebhook
    strict_view: Any = type(view.__name__, (mixin, view), {})
    inner = strict_view.as_view()

    def webhook(request: HttpRequest) -> HttpResponse:
        with collect_signals() as batch:
            response = _call_anymail(inner, request)
        return response if response.status_code >= 400 else _record(request, batch, response)

    return webhook


@lru_cache
def find_webhook(provider: str, kind: str) -> Webhook | None:
    """Import a provider's view for events ("tracking") or mail ("inbound"); None without one."""
    if provider not in PROVIDERS:
        return None
    module = import_module(f"{anymail_webhooks.__name__}.{provider}")
    own_views = (
        value
        for name, value in vars(module).items()
        if name.endswith(VIEW_NAMES[kind]) and value.__module__ == module.__name__
    )
    view = next(own_views, None)
    return strict_webhook(view) if view else None


@csrf_exempt
def receive(request: HttpRequest, provider: str, kind: str) -> HttpResponse:
    """Pass a request to the webhook of its provider."""
    webhook = find_webhook(provider, kind)
    if not webhook:
        raise Http404(f"django-anymail has no {kind} webhook for {provider}")
    return webhook(request)


receive.rate_limit = "webhook"  # type: ignore[attr-defined]  # closed without a secret


def _call_anymail(inner: Any, request: HttpRequest) -> HttpResponse:
    """Return anymail's response; a body it cannot parse is the sender's error, not ours."""
    try:
        response: HttpResponse = inner(request)
    except AnymailWebhookValidationFailure as error:
        return _refuse(request, str(error))
    except ImproperlyConfigured as error:
        return _refuse(request, f"not set up: {error}")
    except (AnymailError, AssertionError, RecursionError, *PARSE_ERRORS) as error:
        return _refuse(request, f"cannot parse its body: {type(error).__name__}")
    return response


def _refuse(request: HttpRequest, reason: str) -> HttpResponse:
    """Log the reason for the operator; the sender doesn't learn it."""
    log.warning("webhook %s refused: %s", request.path, reason.split("\n")[0])
    return HttpResponse("Refused.", status=400, content_type="text/plain")


def _record(request: HttpRequest, batch: Batch, response: HttpResponse) -> HttpResponse:
    """Record a request's events and mails; refuse it if they are old or replayed."""
    now = timezone.now()
    recent = [event for event in batch.events if event.at >= now - settings.EVENT_MAX_AGE]
    if batch.events and not recent:
        return _refuse(request, "its events are too old")
    new_count = record_events(recent, now)
    for mail, sent_to in batch.mails:
        returned_mail.process_mail(mail, now, sent_to=sent_to)
    if recent and not new_count and find_provider(recent[0].provider).refuses_replays:
        return HttpResponse("Already received.", status=REPLAYED, content_type="text/plain")
    return response


# The same paths as anymail's own URLs. Mailgun sends mail as MIME to a path that contains "mime".
urlpatterns = [
    re_path(r"^(?P<provider>[a-z_]+)/(?P<kind>tracking|inbound)/$", receive),
    path("mailgun/inbound_mime/", receive, {"provider": "mailgun", "kind": "inbound"}),
    path("mandrill/", receive, {"provider": "mandrill", "kind": "tracking"}),
]
