"""Connecting by OAuth: to Zotero's page and back."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.pages.zotero.account import connect_account, describe_error
from subscriptions.readers import browser_sign_in
from subscriptions.tokens import Purpose
from subscriptions.zotero import oauth
from subscriptions.zotero.api import ZoteroError
from web.rate_limit import rate_limited

COOKIE = "zotero-oauth"
MAX_LENGTH = 200  # characters of a token or verifier


@require_POST
@rate_limited("upload")
@mailed_link(Purpose.PREFERENCES)
def start_oauth(request: HttpRequest, access: Access) -> HttpResponse:
    """Send the reader to Zotero's page, and sign this browser in, since they come back to it."""
    callback = settings.SITE_URL + reverse("zotero-callback")
    if not oauth.is_offered():
        return access.redirect("zotero")
    try:
        start = oauth.start(access.reader.pk, callback, timezone.now())
    except ZoteroError:
        messages.error(request, _("We couldn't reach Zotero. Please try again in a few minutes."))
        return access.redirect("zotero")
    response = redirect(start.url)
    response.set_cookie(
        COOKIE,
        start.cookie,
        max_age=oauth.VALID_FOR,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
    if access.link:
        browser_sign_in.sign_in_browser(request, response, access.reader, access.link)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@rate_limited("upload", methods=("POST",))
@mailed_link(Purpose.PREFERENCES)
def finish_oauth(request: HttpRequest, access: Access) -> HttpResponse:
    """Show a button when the reader comes back from Zotero. Exchange the verifier on POST."""
    given = request.POST if request.method == "POST" else request.GET
    token, verifier = (given.get(name, "") for name in ("oauth_token", "oauth_verifier"))
    if not (token and verifier) or max(len(token), len(verifier)) > MAX_LENGTH:
        messages.error(request, _("You didn't agree on Zotero's page, so nothing is connected."))
        return access.redirect("zotero")
    if request.method != "POST":
        context = {"reader": access.reader, "token": token, "verifier": verifier}
        return render(
            request, "subscriptions/zotero_agreed.html", context | {"back": access.url("zotero")}
        )
    response = access.redirect("zotero")
    cookie = request.COOKIES.get(COOKIE, "")
    try:
        key = oauth.finish(access.reader.pk, cookie, token, verifier, timezone.now())
        connect_account(request, access, key, from_oauth=True)
    except oauth.WrongBrowser:
        text = _("Please start again here: this took too long, or was started in another browser.")
        messages.error(request, text)
    except ZoteroError as error:
        messages.error(request, describe_error(error))
    response.delete_cookie(COOKIE, samesite="Lax")
    return response
