"""Security headers: Content-Security-Policy, Permissions-Policy and similar.

Pages contain no inline scripts or styles; every script and style is a static file of this site.
Views that show an email need inline styles and use `allow_inline_styles`. Django 6 has built-in
support for such a policy, which can replace this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

View = Callable[..., HttpResponse]
GetResponse = Callable[[HttpRequest], HttpResponse]

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}
INLINE_STYLES = {"style-src": "'self' 'unsafe-inline'"}
PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in (
        *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope"),
        *("magnetometer", "microphone", "midi", "payment", "usb", "browsing-topics"),
    )
)
FIXED_HEADERS = {
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}


def build_policy(overrides: Mapping[str, str]) -> str:
    """Return the Content-Security-Policy with some directives replaced."""
    return "; ".join(f"{name} {value}" for name, value in (POLICY | dict(overrides)).items())


def security_headers(get_response: GetResponse) -> GetResponse:
    """Middleware that adds the headers to every response, except those a view has set."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        overrides: Mapping[str, str] = getattr(response, "csp_overrides", {})
        response.headers.setdefault("Content-Security-Policy", build_policy(overrides))
        for name, value in FIXED_HEADERS.items():
            response.headers.setdefault(name, value)
        if _is_private(request):
            response.headers.setdefault("X-Robots-Tag", "noindex")
        return response

    return respond


def _is_private(request: HttpRequest) -> bool:
    """Return whether to keep a page out of search engines: the admin and mailed links."""
    match = request.resolver_match
    return request.path_info.startswith("/admin/") or bool(match and "token" in match.kwargs)


def with_csp(overrides: Mapping[str, str]) -> Callable[[View], View]:
    """Decorate a view to replace directives of the Content-Security-Policy of its responses."""

    def decorate(view: View) -> View:
        @wraps(view)
        def view_with_csp(*args: Any, **kwargs: Any) -> HttpResponse:
            response = view(*args, **kwargs)
            response.csp_overrides = overrides  # type: ignore[attr-defined]
            return response

        return view_with_csp

    return decorate


allow_inline_styles = with_csp(INLINE_STYLES)
