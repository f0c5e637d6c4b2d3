"""Signing browsers in by a mailed link, and out. There are no passwords."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from subscriptions import tasks
from subscriptions.pages.forms.visitors import LinkForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.readers import browser_sign_in, mail_requests
from subscriptions.readers.mail_requests import RequestKind
from subscriptions.tokens import Purpose
from web.rate_limit import constant_time, rate_limited


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@rate_limited("link", methods=("POST",), fail_closed=True)
@constant_time
def sign_in(request: HttpRequest) -> HttpResponse:
    """Email a sign-in link, to known addresses only.

    The response and the work done are the same for every address.
    """
    if request.method != "POST" and browser_sign_in.signed_in_reader(request):
        return redirect(browser_sign_in.next_page(request, reverse("preferences")))
    form, back_to = LinkForm(request.POST or None), browser_sign_in.next_page(request, "")
    if request.method != "POST" or not form.is_valid():
        status = 400 if request.method == "POST" else 200
        context = {"form": form, "next": back_to}
        return render(request, "subscriptions/sign_in.html", context, status=status)
    email = form.cleaned_data["email"]
    message = mail_requests.request_mail(
        email, RequestKind.PREFERENCES, timezone.now(), back_to=back_to
    )
    tasks.send_messages.delay_on_commit([message])
    return redirect("check-inbox")


@require_POST
@rate_limited("link", fail_closed=True)
@mailed_link(Purpose.PREFERENCES)
def mail_link(request: HttpRequest, access: Access) -> HttpResponse:
    """Email the reader the links that no page shows: to all data and to the feed.

    They stand below the sign-in link, so tell the subject.
    """
    message = mail_requests.request_mail(
        access.reader.email, RequestKind.PREFERENCES, timezone.now()
    )
    tasks.send_messages.delay_on_commit([message])
    with override(access.reader.language):
        subject = _("Sign in to %(site_name)s") % {"site_name": settings.SITE_NAME}
    notice = _(
        "The subject is “%(subject)s”. The links to your data and feeds are below the button."
    )
    messages.info(request, notice % {"subject": subject})
    return redirect("check-inbox")


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def sign_in_here(request: HttpRequest, access: Access) -> HttpResponse:
    """Show a button on GET. Sign this browser in on POST."""
    if request.method != "POST" or not access.link:
        context = {"reader": access.reader, "preferences_url": access.url("preferences")}
        context["next"] = browser_sign_in.next_page(request, "")
        return render(request, "subscriptions/sign_in_here.html", context)
    response = redirect(browser_sign_in.next_page(request, reverse("preferences")))
    browser_sign_in.sign_in_browser(request, response, access.reader, access.link)
    messages.success(request, _("You're signed in on this browser."))
    return response


@require_POST
@rate_limited("community")
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign this browser out. Safe to repeat."""
    response = redirect("home")
    browser_sign_in.sign_out_browser(request, response)
    messages.success(request, _("You're signed out on this browser."))
    return response


@require_POST
@mailed_link(Purpose.DATA)
def sign_out_everywhere(request: HttpRequest, access: Access) -> HttpResponse:
    """Sign all browsers of a reader out, and revoke the links mailed so far."""
    browser_sign_in.sign_out_everywhere(access.reader.pk, timezone.now())
    response = redirect("home")
    browser_sign_in.sign_out_browser(request, response)
    messages.success(request, _("You're signed out everywhere."))
    return response
