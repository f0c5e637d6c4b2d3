"""Accept unsafe requests whose URL lacks the trailing slash.

Django redirects them, which loses the body of a POST, and raises an error under DEBUG. Mailbox
providers that unsubscribe a reader (RFC 8058) do not follow redirects, and webhook URLs are typed
by hand. GET requests are still redirected.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import is_valid_path

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


def append_slash_to_posts(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[..., object]:
    """Middleware that appends the slash if only the URL with a slash is valid."""

    def respond(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if (
            request.method not in SAFE_METHODS
            and not path.endswith("/")
            and not is_valid_path(path)
            and is_valid_path(f"{path}/")
        ):
            request.path_info += "/"
            request.path += "/"
        return get_response(request)

    return respond
