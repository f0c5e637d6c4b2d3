"""A second factor for the admin.

Users with an enrolled device enter its code after the password. With `ADMIN_SECOND_FACTOR`,
every user needs a device. `manage.py second_factor USER` enrols one on the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import django_otp
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from web.rate_limit import rate_limited

ADMIN_PREFIX = "/admin/"
MAX_CODE_LENGTH = 40  # characters
EXEMPT_PATHS = ("/admin/login/", "/admin/logout/", "/admin/jsi18n/")


def needs_second_factor(user: Any) -> bool:
    """Return whether a user has given the password but not yet the second factor."""
    if not user.is_authenticated or user.is_verified():
        return False
    return settings.ADMIN_SECOND_FACTOR or django_otp.user_has_device(user)


def require_second_factor(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that redirects the admin's pages to the second factor until it is given."""

    def respond(request: HttpRequest) -> HttpResponse:
        form_url = reverse("second-factor")
        protected = request.path.startswith(ADMIN_PREFIX)
        protected = protected and request.path not in (*EXEMPT_PATHS, form_url)
        if protected and needs_second_factor(request.user):
            return redirect(f"{form_url}?{urlencode({'next': request.path})}")
        return get_response(request)

    return respond


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@rate_limited("login", methods=("POST",))
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for the code of an enrolled device.

    django-otp accepts each code once and throttles attempts after wrong ones.
    """
    user: Any = request.user
    if not user.is_authenticated:
        return redirect("admin:login")
    submitted = request.method == "POST"
    token = request.POST.get("otp_token", "").strip()[:MAX_CODE_LENGTH]
    if device := django_otp.match_token(user, token) if submitted and token else None:
        django_otp.login(request, device)
        return redirect(_next_url(request))
    context = {"wrong": submitted, "enrolled": django_otp.user_has_device(user)}
    return render(request, "second_factor.html", context, status=400 if submitted else 200)


def _next_url(request: HttpRequest) -> str:
    """Return the page the user wanted if it is on this site, else the admin's start page."""
    url = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()):
        return url
    return resolve_url("admin:index")
