"""Signed-in browsers, one database row each, so that signing out is effective on the server.

A mailed link signs a browser in on POST, until 90 days after that link was mailed. The cookie
contains only the signed primary key of the row.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from papers import community
from subscriptions import tokens
from subscriptions.models import SignIn, Subscriber
from subscriptions.tokens import SIGNED_IN_FOR, BadLink, Link, Purpose

MAX_PATH_LENGTH = 1000  # characters of the page to return to
NOT_RETURNED_TO = ("sign-in", "check-inbox", "subscribe", "follow")  # URL names
SHOWN_ON_GET = ("keep", "react")  # URL names of pages to return to after a POST, too


def sign_in_browser(
    request: HttpRequest, response: HttpResponse, reader: Subscriber, link: Link
) -> None:
    """Sign this browser in by a mailed link.

    Call it only for POST requests, since mail scanners follow links and keep cookies.
    """
    now, until = timezone.now(), link.made_at + SIGNED_IN_FOR
    if now >= until or is_signed_out(link, reader):
        return
    sign_out_browser(request, response)
    sign_in = SignIn.objects.create(subscriber=reader, created_at=now, expires_at=until)
    response.set_cookie(
        settings.SIGN_IN_COOKIE_NAME,
        tokens.make_token(Purpose.BROWSER, sign_in.pk),
        max_age=until - now,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def is_signed_out(link: Link, reader: Subscriber) -> bool:
    """Return True if the reader has signed out everywhere since this link was mailed.

    The comparison is in whole seconds, the resolution of links.
    """
    ended = reader.signed_out_at
    return bool(ended and link.made_at < ended.replace(microsecond=0))


def sign_in_of(request: HttpRequest) -> SignIn | None:
    """Return the sign-in of this browser; cached on the request."""
    if "sign_in" not in vars(request):
        vars(request)["sign_in"] = _load_sign_in(request)
    sign_in: SignIn | None = vars(request)["sign_in"]
    return sign_in


def _load_sign_in(request: HttpRequest) -> SignIn | None:
    token = request.COOKIES.get(settings.SIGN_IN_COOKIE_NAME, "")
    try:
        pk = UUID(tokens.read_token(Purpose.BROWSER, token))
    except (BadLink, ValueError):
        return None
    current = SignIn.objects.filter(pk=pk, expires_at__gt=timezone.now())
    return current.select_related("subscriber").first()


def signed_in_reader(request: HttpRequest) -> Subscriber | None:
    """Return the reader signed in on this browser, or None."""
    sign_in = sign_in_of(request)
    return sign_in.subscriber if sign_in else None


def active_reader(request: HttpRequest) -> Subscriber | None:
    """Return the signed-in reader if they get digests; only these vote and propose."""
    reader = signed_in_reader(request)
    return reader if reader and reader.is_active else None


def sign_out_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Sign this browser out, which also invalidates copies of its cookie."""
    if sign_in := sign_in_of(request):
        sign_in.delete()
    if settings.SIGN_IN_COOKIE_NAME in request.COOKIES:
        response.delete_cookie(settings.SIGN_IN_COOKIE_NAME, samesite="Lax")


@transaction.atomic
def sign_out_everywhere(pk: int, now: datetime) -> None:
    """Sign all browsers of a reader out, revoke earlier mailed links and the feed's address.

    Links that only unsubscribe keep working.
    """
    SignIn.objects.filter(subscriber=pk).delete()
    Subscriber.objects.filter(pk=pk).update(
        signed_out_at=now, feed_key_version=F("feed_key_version") + 1
    )


def next_page(request: HttpRequest, default: str) -> str:
    """Return the local page that the form or the query string asks to return to."""
    path = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        path, {request.get_host()}, require_https=request.is_secure()
    )
    is_path = path.startswith("/") and len(path) <= MAX_PATH_LENGTH
    return path if is_ours and is_path else default


def sign_in_url(request: HttpRequest) -> str:
    """Return the URL of the sign-in page, with a return to the current page.

    The URL of a page opened by a mailed link is not included, since it contains the token.
    """
    page = request.resolver_match
    returns = (
        page is not None
        and (request.method in ("GET", "HEAD") or page.url_name in SHOWN_ON_GET)
        and "token" not in page.kwargs
        and page.url_name not in NOT_RETURNED_TO
        and len(request.get_full_path()) <= MAX_PATH_LENGTH
    )
    after = f"?{urlencode({'next': request.get_full_path()})}" if returns else ""
    return reverse("sign-in") + after


def offered(request: HttpRequest) -> dict[str, Any]:
    """Context processor for the reader, their votes and kept papers, and the access to this page.

    The database is queried only if a template uses the values.
    """
    return {
        "signed_in": SimpleLazyObject(lambda: signed_in_reader(request)),
        "voted_papers": SimpleLazyObject(lambda: _voted(request)),
        "kept_papers": SimpleLazyObject(lambda: _kept(request)),
        "access": vars(request).get("access"),
        "sign_in_url": SimpleLazyObject(lambda: sign_in_url(request)),
    }


def _voted(request: HttpRequest) -> set[int]:
    reader = active_reader(request)
    return community.voted_papers(reader.community_key) if reader else set()


def _kept(request: HttpRequest) -> set[int]:
    reader = signed_in_reader(request)
    return reader.library.paper_pks() if reader else set()
