"""What we know of readers: a page that says it, and, by a link mailed just now, all of it to take
along or to delete."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.guard import guard
from subscriptions import known, privacy, tokens
from subscriptions.forms import LinkForm
from subscriptions.models import Subscriber
from subscriptions.tokens import Purpose
from subscriptions.views import OPENED_COOKIE, opened_by


@require_safe
def statement(request: HttpRequest) -> HttpResponse:
    """What is kept, why, for how long, and who sees it; made from the settings in force."""
    context = {
        "form": LinkForm(),
        "pending_days": settings.PENDING_EXPIRES.days,
        "events_days": settings.EVENTS_KEPT.days,
        "provider": settings.ANYMAIL_PROVIDER.replace("_", " ").title(),
        "contact": settings.CONTACT_EMAIL,
    }
    return render(request, "subscriptions/privacy.html", context)


@require_safe
@opened_by(Purpose.DATA)
def data(request: HttpRequest, pk: str) -> HttpResponse:
    """What is stored about a reader, in short, with the ways to take it along and to delete it."""
    reader = get_object_or_404(Subscriber, pk=pk)
    token = tokens.make(Purpose.DATA, pk)
    links = {name: reverse(f"data-{name}", args=[token]) for name in ("export", "erase")}
    context = {"reader": reader, "links": links, "found": privacy.summary(reader)}
    return render(request, "subscriptions/data.html", context)


@require_POST
@guard("upload")
@opened_by(Purpose.DATA)
def export(_request: HttpRequest, pk: str) -> HttpResponse:
    """All of it as a JSON file."""
    reader = get_object_or_404(Subscriber, pk=pk)
    answer = HttpResponse(privacy.document(reader), content_type="application/json")
    answer["Content-Disposition"] = 'attachment; filename="paperboy.json"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@opened_by(Purpose.DATA)
def erase(request: HttpRequest, pk: str) -> HttpResponse:
    """GET asks; POST deletes. A reader who is gone already sees the same."""
    reader = Subscriber.objects.filter(pk=pk).first()
    if request.method != "POST":
        return render(request, "subscriptions/erase.html", {"reader": reader})
    if reader:
        privacy.erase(reader, timezone.now())
    answer = render(request, "subscriptions/erased.html")
    answer.delete_cookie(OPENED_COOKIE, samesite="Lax")
    return known.forget(answer)
