"""Pages about privacy: the statement, and viewing, exporting and erasing a reader's data.

Exporting and erasing require a recently mailed link.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.providers import find_provider
from subscriptions.models import Subscriber
from subscriptions.pages.forms.visitors import LinkForm
from subscriptions.pages.mailed_links import Access, bad_link, mailed_link, signed
from subscriptions.readers import browser_sign_in, privacy
from subscriptions.tokens import ExpiredLink, Link, Purpose
from web.rate_limit import rate_limited


@require_safe
def privacy_statement(request: HttpRequest) -> HttpResponse:
    """Show which data is stored, why, for how long, and who can access it; from the settings."""
    context = {
        "form": LinkForm(),
        "pending_days": settings.PENDING_EXPIRES.days,
        "events_days": settings.EVENTS_KEPT.days,
        "provider": find_provider(settings.ANYMAIL_PROVIDER).label,
        "contact": settings.CONTACT_EMAIL,
    }
    return render(request, "subscriptions/privacy.html", context)


@require_safe
@mailed_link(Purpose.DATA)
def my_data(request: HttpRequest, access: Access) -> HttpResponse:
    """Show a summary of a reader's data and their signed-in browsers.

    Exporting or erasing requires a link mailed within a day, since a sign-in may be months old or
    come from a forwarded digest.
    """
    reader = access.reader
    context = {
        "reader": reader,
        "found": privacy.summarize_data(reader),
        "sign_ins": reader.sign_ins.filter(expires_at__gt=timezone.now()).order_by("created_at"),
        "here": browser_sign_in.sign_in_of(request),
        "everywhere_url": access.url("sign-out-everywhere"),
    }
    if access.link:
        context["links"] = {name: access.url(f"data-{name}") for name in ("export", "erase")}
    return render(request, "subscriptions/data.html", context)


@require_POST
@rate_limited("upload")
@mailed_link(Purpose.DATA)
def export_my_data(_request: HttpRequest, access: Access) -> HttpResponse:
    """Download all data of the reader as a JSON file."""
    response = HttpResponse(privacy.export_json(access.reader), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="paperboy.json"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@signed(Purpose.DATA)
def erase_my_data(request: HttpRequest, link: Link) -> HttpResponse:
    """Ask for confirmation on GET. Erase on POST. Show the same for readers already erased."""
    reader = Subscriber.objects.filter(pk=link.value).first()
    if reader and browser_sign_in.is_signed_out(link, reader):
        return bad_link(request, ExpiredLink(link.token))
    if request.method != "POST":
        return render(request, "subscriptions/erase.html", {"reader": reader})
    if reader:
        privacy.erase_reader(reader, timezone.now())
    response = render(request, "subscriptions/erased.html")
    if not browser_sign_in.signed_in_reader(request):
        browser_sign_in.sign_out_browser(request, response)
    return response
