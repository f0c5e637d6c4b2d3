"""Pages for signing up: the form, the challenge, the waiting page and the confirmation.

As on all pages of readers, GET shows and only POST acts, since mail scanners follow links.
"""

from __future__ import annotations

import math
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from subscriptions import tasks
from subscriptions.models import SignUpSwitch
from subscriptions.pages.forms.visitors import SignUpForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.readers import browser_sign_in, challenge, lifecycle, mail_requests, signup
from subscriptions.readers.mail_requests import RequestKind
from subscriptions.tokens import Purpose
from web import rate_limit
from web.language import active_language


@require_http_methods(["GET", "HEAD", "POST"])
@rate_limit.rate_limited("signup", methods=("POST",), fail_closed=True, skip_global=True)
@rate_limit.constant_time
def subscribe(request: HttpRequest) -> HttpResponse:
    """Request a confirmation email. The response is the same for known and unknown addresses.

    The query string may prefill interests, as the link on the search page does.
    """
    if not SignUpSwitch.is_open():
        status = 503 if request.method == "POST" else 200
        return render(request, "subscriptions/closed.html", status=status)
    form = SignUpForm(request.POST or None, initial=SignUpForm.initial_from_query(request.GET))
    if request.method != "POST" or not form.is_valid():
        status = 400 if request.method == "POST" else 200
        return render(request, "subscriptions/subscribe.html", {"form": form}, status=status)
    if form.cleaned_data["nickname"]:  # honeypot: give the same answer as for a success
        return redirect("check-inbox")
    # Counted after validation, so that rejected requests do not use up the global limit.
    limits = [
        *rate_limit.global_limits("signup"),
        *mail_requests.mailbox_limits(form.cleaned_data["email"]),
    ]
    if wait := rate_limit.seconds_to_wait("signup", limits, fail_closed=True):
        return rate_limit.too_many_requests(request, wait)
    _sign_up(request, form)
    return redirect("check-inbox")


def _sign_up(request: HttpRequest, form: SignUpForm) -> None:
    """Record the sign-up and its interests, and send the confirmation."""
    sign_up_request = signup.SignUpRequest(
        email=form.cleaned_data["email"],
        timezone=form.cleaned_data["timezone"],
        language=active_language(),
        page=request.path,
        ip=rate_limit.client_address(request) or None,
    )
    now = timezone.now()
    with transaction.atomic():
        reader = signup.request_sign_up(sign_up_request, now)
        lifecycle.save_typed_interests(reader.pk, form.interest_values())
        message = mail_requests.request_mail(sign_up_request.email, RequestKind.SIGN_UP, now)
    tasks.send_messages.delay_on_commit([message])


@require_safe
@never_cache
@rate_limit.rate_limited("challenge")
def challenge_for_sign_up(_request: HttpRequest) -> HttpResponse:
    """Return a proof-of-work challenge as JSON."""
    return JsonResponse(challenge.make_challenge(timezone.now()))


@require_safe
def check_inbox(request: HttpRequest) -> HttpResponse:
    """Tell when the email arrives and when to ask again. The page is the same for everyone."""
    context = {
        "link_wait": _minutes(settings.LINK_COOLDOWN),
        "sign_up_wait": _minutes(settings.CONFIRMATION_COOLDOWN),
        "most": settings.EMAILS_PER_DAY,
    }
    return render(request, "subscriptions/check_inbox.html", context)


def _minutes(duration: timedelta) -> str:
    number = math.ceil(duration / timedelta(minutes=1))
    return ngettext("%(number)s minute", "%(number)s minutes", number) % {"number": number}


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.CONFIRM)
def confirm(request: HttpRequest, access: Access) -> HttpResponse:
    """Show a button on GET. Confirm the address and sign this browser in on POST."""
    reader = access.reader
    if request.method != "POST" or not access.link:
        return render(request, "subscriptions/confirm.html", {"reader": reader})
    if not lifecycle.activate_reader(reader, timezone.now()):
        return render(request, "subscriptions/suppressed.html", status=409)
    tasks.send_messages_to.delay_on_commit(reader.pk)
    if reader.has_interests:
        notice = _("You're subscribed. Your interests are below; you can change them at any time.")
    else:
        notice = _("You're subscribed. Now tell us what you're interested in.")
    messages.success(request, notice)
    response = redirect("preferences")
    browser_sign_in.sign_in_browser(request, response, reader, access.link)
    return response
