"""The doors at which mail providers tell what became of our mails: anymail's views, guarded.

anymail knows each provider's format and signature. Added here: without a secret or a signature
nobody comes in, Amazon's signatures are verified, what is old or was said before with the same
signature is refused, and the events of a request are recorded together, in one transaction.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping
from typing import Any

from anymail import urls as anymail_urls
from anymail.exceptions import (
    AnymailError,
    AnymailInsecureWebhookWarning,
    AnymailWebhookValidationFailure,
)
from anymail.signals import AnymailTrackingEvent, EventType, inbound
from anymail.webhooks.amazon_ses import AmazonSESBaseWebhookView
from anymail.webhooks.base import AnymailBasicAuthMixin
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from papers.fetching.fetch import fetch
from subscriptions.feedback import events, returned_mail, sns
from subscriptions.feedback.signals import Gathered, gathering

log = logging.getLogger(__name__)
# anymail warns that webhooks without a secret are open to anyone; here they are shut.
warnings.filterwarnings("ignore", category=AnymailInsecureWebhookWarning)

# What parsing raises for a body that is not as the provider's documents have it.
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
# Their event id is the request's own, under its signature: the same again is a replay. Others
# send an event again that we had, if our answer was lost; that is fine and changes nothing.
SIGNED_ONCE = frozenset({"mailgun", "amazon ses", "resend"})
REPLAYED = 406  # Mailgun and SNS do not try again after it
CERTIFICATE_BYTES, CERTIFICATE_SECONDS, CERTIFICATE_KEPT = 100_000, 5.0, 86_400


def _mailgun_time(request: HttpRequest) -> object:
    if request.content_type != "application/json":
        return request.POST.get("timestamp")
    body = json.loads(request.body)
    return body["signature"]["timestamp"]


# Where a time stands that is signed with the request; anymail verifies the signature.
SIGNED_TIME = {
    "mailgun": _mailgun_time,
    "sendgrid": lambda request: request.headers.get("X-Twilio-Email-Event-Webhook-Timestamp", ""),
}


def _is_of_now(seconds: object) -> bool:
    """Whether a Unix time is no older than events may be; an absent one is left to anymail."""
    if seconds in ("", None):
        return True
    age = timezone.now().timestamp() - float(str(seconds))
    return -sns.AHEAD.total_seconds() <= age <= settings.EVENT_MAX_AGE.total_seconds()


def certificate_at(url: str) -> bytes:
    """Amazon's certificate, fetched within bounds and kept for a day."""
    if kept := cache.get(f"sns-certificate:{url}"):
        return bytes(kept)
    fetched = fetch(
        url,
        user_agent=settings.USER_AGENT,
        now=timezone.now(),
        max_bytes=CERTIFICATE_BYTES,
        seconds=CERTIFICATE_SECONDS,
    )
    if fetched.outcome != "ok" or fetched.final_url != url:
        raise sns.NotSigned(f"its certificate could not be had: {fetched.outcome}")
    cache.set(f"sns-certificate:{url}", fetched.body, CERTIFICATE_KEPT)
    return fetched.body


# --- anymail's views with what they lack ---------------------------------------------------------


class Guarded(View):
    """Mixed in before each of anymail's views; it runs every `validate_request` there is."""

    basic_auth: Any
    warn_if_no_basic_auth: bool
    esp_name: str
    signal: Any

    def validate_request(self, request: HttpRequest) -> None:
        if self.warn_if_no_basic_auth and not self.basic_auth:
            raise AnymailWebhookValidationFailure(
                f"{self.esp_name} webhook without ANYMAIL_WEBHOOK_SECRET or a signature"
            )
        if (signed := SIGNED_TIME.get(self.esp_name.lower())) and not _is_of_now(signed(request)):
            raise AnymailWebhookValidationFailure(f"{self.esp_name} webhook signed long ago")

    def esp_to_anymail_event(self, *parts: Any) -> Any:
        """One event of a batch that cannot be read is kept as unknown; the others count."""
        try:
            return super().esp_to_anymail_event(*parts)  # type: ignore[misc]
        except UNREADABLE as error:
            if self.signal is inbound:
                raise
            raw = next((part for part in parts if isinstance(part, Mapping)), {})
            said = f"unreadable: {type(error).__name__}"
            return AnymailTrackingEvent(
                event_type=EventType.UNKNOWN,
                description=said,
                esp_event=raw,
                event_id=events.key_of(json.dumps(raw, sort_keys=True, default=str)),
            )


class SignedByAmazon(Guarded):
    def validate_request(self, request: HttpRequest) -> None:
        """The secret first: nobody else makes us fetch a certificate."""
        super().validate_request(request)
        AnymailBasicAuthMixin.validate_request(self, request)
        try:
            message = json.loads(request.body)
            sns.verify(message, certificate_at, timezone.now(), settings.EVENT_MAX_AGE)
        except (sns.NotSigned, ValueError, AttributeError) as error:
            raise AnymailWebhookValidationFailure(f"Amazon SNS message refused: {error}") from error


def guarded(view: type[View]) -> Any:
    """The door to one of anymail's views."""
    guard = SignedByAmazon if issubclass(view, AmazonSESBaseWebhookView) else Guarded
    mixed: Any = type(view.__name__, (guard, view), {})
    inner = mixed.as_view()

    @csrf_exempt
    def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with gathering() as gathered:
            response = _answer(inner, request, *args, **kwargs)
        return response if response.status_code >= 400 else _take(request, gathered, response)

    door.rate_limit = "webhook"  # type: ignore[attr-defined]  # whoever has no secret stays outside
    return door


def _answer(inner: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """anymail's answer; what it cannot make sense of is the sender's mistake, not ours."""
    try:
        answer: HttpResponse = inner(request, *args, **kwargs)
    except AnymailWebhookValidationFailure as error:
        return _refused(request, str(error))
    except ImproperlyConfigured as error:
        return _refused(request, f"not set up: {error}")
    except (AnymailError, AssertionError, RecursionError, *UNREADABLE) as error:
        return _refused(request, f"its body was not understood: {type(error).__name__}")
    return answer


def _refused(request: HttpRequest, why: str) -> HttpResponse:
    """Why is for the operator; whoever knocks learns nothing."""
    log.warning("webhook %s refused: %s", request.path, why)
    return HttpResponse("Refused.", status=400, content_type="text/plain")


def _take(request: HttpRequest, gathered: Gathered, response: HttpResponse) -> HttpResponse:
    """Record what a request brought; refuse one that is old or was here before."""
    now = timezone.now()
    fresh = [event for event in gathered.events if event.at >= now - settings.EVENT_MAX_AGE]
    if gathered.events and not fresh:
        return _refused(request, "its events are too old")
    new = events.record_events(fresh, now)
    for mail, sent_to in gathered.mails:
        returned_mail.process_mail(mail, now, sent_to=sent_to)
    if fresh and not new and fresh[0].provider.lower() in SIGNED_ONCE:
        return HttpResponse("Said before.", status=REPLAYED, content_type="text/plain")
    return response


app_name = "anymail"
urlpatterns = [
    URLPattern(one.pattern, guarded(one.callback.view_class), name=one.name)
    for one in anymail_urls.urlpatterns
]
