"""Requests to an address without its last slash.

Django answers them with a redirect, on which a POST loses its body, and under DEBUG with an error.
Mailbox providers that unsubscribe a reader (RFC 8058) follow no redirect, and webhooks are set up
by hand: both are answered as if the slash were there. A GET is still redirected.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import is_valid_path

READING = frozenset(("GET", "HEAD", "OPTIONS"))


def complete_posts(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., object]:
    """Middleware that adds the slash where only with it there is a page."""

    def answer(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if (
            request.method not in READING
            and not path.endswith("/")
            and not is_valid_path(path)
            and is_valid_path(f"{path}/")
        ):
            request.path_info += "/"
            request.path += "/"
        return get_response(request)

    return answer
