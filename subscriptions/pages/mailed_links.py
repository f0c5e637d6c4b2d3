"""Decorators for pages behind mailed links: verify the link and load the reader.

    @mailed_link(Purpose.PREFERENCES)
    def preferences(request, access): ...

A page whose URL has no token requires a browser that is signed in. Links to other pages of the
reader come from `access.url`: they contain the token that opened this page, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect

from subscriptions import tokens
from subscriptions.models import Subscriber, Subscription
from subscriptions.pages.forms.visitors import LinkForm
from subscriptions.readers import browser_sign_in
from subscriptions.tokens import BadLink, ExpiredLink, Link, Purpose
from web import rate_limit

View = Callable[..., HttpResponse]
VALID_AFTER_SIGN_OUT = (Purpose.UNSUBSCRIBE, Purpose.CONFIRM)


@dataclass(frozen=True, slots=True)
class Access:
    """The reader of a page, and the link that opened it; None in a signed-in browser.

    `path` is the URL of the page for signed-in browsers.
    """

    reader: Subscriber
    link: Link | None = None
    path: str = ""

    def url(self, name: str, *args: object) -> str:
        """Return the URL of another page of this reader, with the same access."""
        return reverse(name, args=[*args, self.link.token] if self.link else [*args])

    @property
    def subscription(self) -> Subscription | None:
        """Return the subscription that an unsubscribe link names; None if it was deleted.

        Other links name none. For them, and for links that stop all email, it is the only one.
        """
        pk = None
        if self.link and self.link.purpose is Purpose.UNSUBSCRIBE:
            _reader, pk = tokens.read_unsubscribe_key(self.link.value)
        rows = list(self.reader.subscriptions.all())
        named = [row for row in rows if row.pk == pk] if pk else rows
        return named[0] if len(named) == 1 else None

    def redirect(self, name: str, *args: object) -> HttpResponse:
        return redirect(self.url(name, *args))

    @property
    def may_sign_in(self) -> bool:
        return bool(self.link and self.link.purpose is Purpose.PREFERENCES)


def reader_paths(start: str, rest: str, view: View, name: str) -> list[URLPattern]:
    """Return the URL patterns of a page: for signed-in browsers and for mailed links."""
    return [
        path(f"{start}/{rest}", view, name=name),
        path(f"{start}/<token>/{rest}", view, name=name),
    ]


def mailed_link(purpose: Purpose, *, active: bool = False) -> Callable[[View], View]:
    """Pass the view an `Access`. With `active`, admit only readers who get digests."""

    def decorate(view: View) -> View:
        def admit(request: HttpRequest, access: Access, **rest: Any) -> HttpResponse:
            if active and not access.reader.is_active:
                return render(request, "subscriptions/not_active.html", status=403)
            vars(request)["access"] = access
            return view(request, access, **rest)

        def by_link(request: HttpRequest, link: Link, **rest: Any) -> HttpResponse:
            reader = get_object_or_404(Subscriber, pk=link.value.partition(".")[0])
            if purpose not in VALID_AFTER_SIGN_OUT and browser_sign_in.is_signed_out(link, reader):
                return bad_link(request, ExpiredLink(link.token))
            without_token = request.path.replace(f"/{link.token}/", "/")
            return admit(request, Access(reader, link, without_token), **rest)

        @wraps(view)
        @never_cache
        def wrapper(request: HttpRequest, token: str = "", **rest: Any) -> HttpResponse:
            if token:
                return signed(purpose)(by_link)(request, token=token, **rest)
            if not (reader := browser_sign_in.signed_in_reader(request)):
                return _ask_to_sign_in(request)
            wait = _wait(f"reader:{reader.pk}") if request.method == "POST" else 0.0
            if wait:
                return rate_limit.too_many_requests(request, wait)
            return admit(request, Access(reader, path=request.path), **rest)

        wrapper.rate_limit = "mailed"  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    url = browser_sign_in.sign_in_url(request)
    return HttpResponseClientRedirect(url) if "HX-Request" in request.headers else redirect(url)


def signed(purpose: Purpose) -> Callable[[View], View]:
    """Pass the view the `Link` of its token; show a help page for an invalid one.

    Actions are rate-limited per link, invalid links per network. Unsubscribing is never limited.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        @never_cache
        def wrapper(request: HttpRequest, token: str, **rest: Any) -> HttpResponse:
            try:
                link = tokens.open_link(purpose, token)
            except BadLink as error:
                wait = _wait(
                    f"wrong:{rate_limit.network_prefix(rate_limit.client_address(request))}"
                )
                return (
                    rate_limit.too_many_requests(request, wait)
                    if wait
                    else bad_link(request, error)
                )
            acts = request.method == "POST" and purpose != Purpose.UNSUBSCRIBE
            if wait := _wait(f"{purpose.name}:{link.value}") if acts else 0.0:
                return rate_limit.too_many_requests(request, wait)
            return view(request, link, **rest)

        wrapper.rate_limit = "mailed"  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _wait(key: str) -> float:
    """Count one use of a mailed link and return the seconds to wait.

    Without Redis there is no limit, since the signature already protects these pages.
    """
    count, _all = settings.RATE_LIMITS["mailed"]
    return rate_limit.seconds_to_wait(
        "mailed", [rate_limit.Limit(f"mailed:{key}", count)] if count else []
    )


def bad_link(request: HttpRequest, error: BadLink) -> HttpResponse:
    """Return the page for an invalid (400) or expired (410) link, with a form for a new one."""
    expired = isinstance(error, ExpiredLink)
    context = {"expired": expired, "form": LinkForm()}
    return render(request, "subscriptions/bad_link.html", context, status=410 if expired else 400)
