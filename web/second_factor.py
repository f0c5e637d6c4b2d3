"""A second factor for the admin: whoever has a device enrolled must show its code after the
password; with `ADMIN_SECOND_FACTOR` nobody comes in without one.

A device is enrolled by `manage.py second_factor USER`, on the server.
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

ADMIN = "/admin/"
LONGEST = 40  # characters of a code
OPEN = ("/admin/login/", "/admin/logout/", "/admin/jsi18n/")


def is_missing(user: Any) -> bool:
    """Whether a user has logged in by password and owes the second factor still."""
    if not user.is_authenticated or user.is_verified():
        return False
    return settings.ADMIN_SECOND_FACTOR or django_otp.user_has_device(user)


def second_factor_first(
    answer: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: the admin's pages open only after the second factor."""

    def answered(request: HttpRequest) -> HttpResponse:
        step = reverse("second-factor")
        inside = request.path.startswith(ADMIN) and request.path not in (*OPEN, step)
        if inside and is_missing(request.user):
            return redirect(f"{step}?{urlencode({'next': request.path})}")
        return answer(request)

    return answered


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@rate_limited("login", methods=("POST",))
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for the code of an enrolled device; codes are good once, and wrong ones slow down."""
    user: Any = request.user
    if not user.is_authenticated:
        return redirect("admin:login")
    tried = request.method == "POST"
    token = request.POST.get("otp_token", "").strip()[:LONGEST]
    if device := django_otp.match_token(user, token) if tried and token else None:
        django_otp.login(request, device)
        return redirect(_next(request))
    context = {"wrong": tried, "enrolled": django_otp.user_has_device(user)}
    return render(request, "second_factor.html", context, status=400 if tried else 200)


def _next(request: HttpRequest) -> str:
    """Back to where the reader of the admin wanted to go, on this site only."""
    wanted = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        return wanted
    return resolve_url("admin:index")
