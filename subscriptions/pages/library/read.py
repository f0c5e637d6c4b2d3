"""The page behind the links of unread sections, which marks a kept paper as read."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from subscriptions.library import changes
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.tokens import Purpose


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.REACT)
def read_page(request: HttpRequest, access: Access, entry_pk: int) -> HttpResponse:
    """Show the paper with a button on GET. Mark it as read or unread on POST."""
    entries = access.reader.library.filter(pk=entry_pk)
    if request.method == "POST" and "undo" in request.POST:
        changes.mark_unread(entries)
    elif request.method == "POST":
        changes.mark_read(entries, timezone.now())
    entry = entries.select_related("paper").first()
    context = {"entry": entry, "acted": request.method == "POST"}
    return render(request, "subscriptions/read.html", context, status=200 if entry else 404)
