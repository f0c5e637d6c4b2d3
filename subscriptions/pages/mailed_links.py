"""What every page behind a mailed link repeats: read the link, find the reader, refuse politely.

    @mailed_link(Purpose.PREFERENCES)
    def preferences(request, access): ...

A page that has an address without a token, too, opens in a browser that is signed in. Its links to
other pages are made by `access.url`: they hold the token that opened it, or none.
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

from subscriptions import tokens
from subscriptions.models import Subscriber
from subscriptions.pages.forms import LinkForm
from subscriptions.readers import browser_sign_in
from subscriptions.tokens import BadLink, ExpiredLink, Link, Purpose
from web import rate_limit

View = Callable[..., HttpResponse]
OUTLIVE_SIGNING_OUT = (Purpose.UNSUBSCRIBE, Purpose.CONFIRM)  # of the links that were mailed


@dataclass(frozen=True, slots=True)
class Access:
    """Whose pages these are, and the link that opened them; none where the browser is signed in."""

    reader: Subscriber
    link: Link | None = None

    def url(self, name: str, *args: object) -> str:
        """The address of another page of this reader, for whoever may see this one."""
        return reverse(name, args=[*args, self.link.token] if self.link else [*args])

    def redirect(self, name: str, *args: object) -> HttpResponse:
        return redirect(self.url(name, *args))

    @property
    def may_sign_in(self) -> bool:
        return bool(self.link and self.link.purpose is Purpose.PREFERENCES)


def reader_paths(start: str, rest: str, view: View, name: str) -> list[URLPattern]:
    """The addresses of a page for a browser that is signed in and for a mailed link."""
    return [
        path(f"{start}/{rest}", view, name=name),
        path(f"{start}/<token>/{rest}", view, name=name),
    ]


def mailed_link(purpose: Purpose, *, active: bool = False) -> Callable[[View], View]:
    """Give the view the `Access` of a reader, only of one who gets digests if `active`."""

    def decorate(view: View) -> View:
        def admit(request: HttpRequest, access: Access, **rest: Any) -> HttpResponse:
            if active and not access.reader.is_active:
                return render(request, "subscriptions/not_active.html", status=403)
            vars(request)["access"] = access
            return view(request, access, **rest)

        def by_link(request: HttpRequest, link: Link, **rest: Any) -> HttpResponse:
            reader = get_object_or_404(Subscriber, pk=link.value)
            if purpose not in OUTLIVE_SIGNING_OUT and browser_sign_in.is_signed_out(link, reader):
                return bad_link(request, ExpiredLink(link.token))
            return admit(request, Access(reader, link), **rest)

        @wraps(view)
        @never_cache
        def opened(request: HttpRequest, token: str = "", **rest: Any) -> HttpResponse:
            if token:
                return signed(purpose)(by_link)(request, token=token, **rest)
            if not (reader := browser_sign_in.signed_in_reader(request)):
                return redirect(browser_sign_in.sign_in_url(request))
            wait = _wait(f"reader:{reader.pk}") if request.method == "POST" else 0.0
            if wait:
                return rate_limit.too_many_requests(request, wait)
            return admit(request, Access(reader), **rest)

        opened.rate_limit = "mailed"  # type: ignore[attr-defined]
        return opened

    return decorate


def signed(purpose: Purpose) -> Callable[[View], View]:
    """Give the view the `Link` that its token is; a bad one gets a page that helps.

    The signature guards this entrance. Who acts through it too often, or tries wrong links, must
    wait. Leaving never waits.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        @never_cache
        def opened(request: HttpRequest, token: str, **rest: Any) -> HttpResponse:
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

        opened.rate_limit = "mailed"  # type: ignore[attr-defined]
        return opened

    return decorate


def _wait(key: str) -> float:
    """Count one use of mailed links; the signature guards them where Redis is away."""
    count, _all = settings.RATE_LIMITS["mailed"]
    return rate_limit.seconds_to_wait(
        "mailed", [rate_limit.Limit(f"mailed:{key}", count)] if count else []
    )


def bad_link(request: HttpRequest, error: BadLink) -> HttpResponse:
    expired = isinstance(error, ExpiredLink)
    context = {"expired": expired, "form": LinkForm()}
    return render(request, "subscriptions/bad_link.html", context, status=410 if expired else 400)
