"""The headers of a strict site: what a browser may load, run, frame and tell.

Nothing is written into pages that runs: every script and style is a file of ours. Views whose
page is a mail are styled as mails are, in the page, and say so by `styled_in_place`. Django 6
brings such a policy along; until then this is it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

View = Callable[..., HttpResponse]
Answer = Callable[[HttpRequest], HttpResponse]

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
ALWAYS = {
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}


def policy(changed: Mapping[str, str]) -> str:
    """The Content-Security-Policy with some directives changed."""
    return "; ".join(f"{name} {value}" for name, value in (POLICY | dict(changed)).items())


def security_headers(answer: Answer) -> Answer:
    """Middleware: every answer carries them; what a view changed stays as it is."""

    def answered(request: HttpRequest) -> HttpResponse:
        response = answer(request)
        changed: Mapping[str, str] = getattr(response, "csp_changed", {})
        response.headers.setdefault("Content-Security-Policy", policy(changed))
        for name, value in ALWAYS.items():
            response.headers.setdefault(name, value)
        if _is_private(request):
            response.headers.setdefault("X-Robots-Tag", "noindex")
        return response

    return answered


def _is_private(request: HttpRequest) -> bool:
    """Whether no search engine may list the page: those that a mailed link opens, and the admin."""
    match = request.resolver_match
    return request.path_info.startswith("/admin/") or bool(match and "token" in match.kwargs)


def with_csp(changed: Mapping[str, str]) -> Callable[[View], View]:
    """A view whose page may do what these directives say."""

    def decorate(view: View) -> View:
        @wraps(view)
        def changing(*args: Any, **kwargs: Any) -> HttpResponse:
            response = view(*args, **kwargs)
            response.csp_changed = changed  # type: ignore[attr-defined]
            return response

        return changing

    return decorate


allow_inline_styles = with_csp(INLINE_STYLES)
