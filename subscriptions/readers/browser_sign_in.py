"""Browsers that are signed in: a row for each, so that signing out ends it on our side.

A mailed link signs a browser in, on a press. It stays so until 90 days after that link was mailed.
The cookie names the row and nothing of the reader.
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

LONGEST_PATH = 1000  # characters of a page to return to
NO_WAY_BACK = ("sign-in", "check-inbox", "subscribe", "follow")  # pages that lead on, not back


def sign_in_browser(
    request: HttpRequest, response: HttpResponse, reader: Subscriber, link: Link
) -> None:
    """Sign this browser in by a link. Only in answer to a POST: scanners follow links with cookies
    of their own."""
    now, until = timezone.now(), link.made_at + SIGNED_IN_FOR
    if now >= until or is_signed_out(link, reader):
        return
    sign_out_browser(request, response)
    made = SignIn.objects.create(subscriber=reader, created_at=now, expires_at=until)
    response.set_cookie(
        settings.SIGN_IN_COOKIE_NAME,
        tokens.make_token(Purpose.BROWSER, made.pk),
        max_age=until - now,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def is_signed_out(link: Link, reader: Subscriber) -> bool:
    """Whether the reader has signed out everywhere since this link was mailed; it has whole
    seconds."""
    ended = reader.signed_out_at
    return bool(ended and link.made_at < ended.replace(microsecond=0))


def sign_in_of(request: HttpRequest) -> SignIn | None:
    """The sign-in of this browser, looked up once a request."""
    if "sign_in" not in vars(request):
        vars(request)["sign_in"] = _sign_in_of(request)
    found: SignIn | None = vars(request)["sign_in"]
    return found


def _sign_in_of(request: HttpRequest) -> SignIn | None:
    token = request.COOKIES.get(settings.SIGN_IN_COOKIE_NAME, "")
    try:
        pk = UUID(tokens.read_token(Purpose.BROWSER, token))
    except (BadLink, ValueError):
        return None
    mine = SignIn.objects.filter(pk=pk, expires_at__gt=timezone.now())
    return mine.select_related("subscriber").first()


def signed_in_reader(request: HttpRequest) -> Subscriber | None:
    """The reader who is signed in in this browser."""
    found = sign_in_of(request)
    return found.subscriber if found else None


def active_reader(request: HttpRequest) -> Subscriber | None:
    """The same, if they get digests: only such readers vote and propose."""
    reader = signed_in_reader(request)
    return reader if reader and reader.is_active else None


def sign_out_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Sign this browser out; a copy of its cookie is worth nothing any more."""
    if found := sign_in_of(request):
        found.delete()
    if settings.SIGN_IN_COOKIE_NAME in request.COOKIES:
        response.delete_cookie(settings.SIGN_IN_COOKIE_NAME, samesite="Lax")


@transaction.atomic
def sign_out_everywhere(pk: int, now: datetime) -> None:
    """Sign all browsers of a reader out, and end the links mailed so far, except those that only
    leave, and the address of the reader's feed."""
    SignIn.objects.filter(subscriber=pk).delete()
    Subscriber.objects.filter(pk=pk).update(
        signed_out_at=now, feed_key_version=F("feed_key_version") + 1
    )


def next_page(request: HttpRequest, otherwise: str) -> str:
    """The page of ours that a form, or else the address, asks to return to."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    is_path = wanted.startswith("/") and len(wanted) <= LONGEST_PATH
    return wanted if is_ours and is_path else otherwise


def sign_in_url(request: HttpRequest) -> str:
    """The address of the page that signs in and then leads back here.

    The address of a page that a mailed link opened is not passed on: it holds the token.
    """
    page = request.resolver_match
    comes_back = (
        request.method in ("GET", "HEAD")
        and page is not None
        and "token" not in page.kwargs
        and page.url_name not in NO_WAY_BACK
        and len(request.get_full_path()) <= LONGEST_PATH
    )
    after = f"?{urlencode({'next': request.get_full_path()})}" if comes_back else ""
    return reverse("sign-in") + after


def offered(request: HttpRequest) -> dict[str, Any]:
    """Context processor: who is signed in here, what they voted for, and the link that opened the
    page; looked up only where a page asks."""
    return {
        "signed_in": SimpleLazyObject(lambda: signed_in_reader(request)),
        "voted_papers": SimpleLazyObject(lambda: _voted(request)),
        "access": vars(request).get("access"),
        "sign_in_url": SimpleLazyObject(lambda: sign_in_url(request)),
    }


def _voted(request: HttpRequest) -> set[int]:
    reader = active_reader(request)
    return community.voted_papers(reader.community_key) if reader else set()
