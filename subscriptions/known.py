"""Browsers in which a reader confirmed or saved something: there, following a search takes one tap.

The cookie opens nothing and shows nothing of the reader; it is good for that alone.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from subscriptions import tokens
from subscriptions.models import Subscriber
from subscriptions.tokens import BadLink, Purpose

COOKIE = "reader"


def remember(response: HttpResponse, pk: int | str) -> HttpResponse:
    """Only in answer to a POST: scanners follow links with cookies of their own."""
    response.set_cookie(
        COOKIE,
        tokens.make(Purpose.BROWSER, pk),
        max_age=Purpose.BROWSER.value,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
    return response


def forget(response: HttpResponse) -> HttpResponse:
    response.delete_cookie(COOKIE, samesite="Lax")
    return response


def reader_of(request: HttpRequest) -> Subscriber | None:
    """The active reader whom this browser belongs to."""
    try:
        pk = tokens.read(Purpose.BROWSER, request.COOKIES.get(COOKIE, ""))
    except BadLink:
        return None
    return Subscriber.objects.active().filter(pk=pk).first()
