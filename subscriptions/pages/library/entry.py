"""A kept paper: its note, tags and whether it is read."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from subscriptions.library.entries import describe_entries
from subscriptions.models import LibraryEntry
from subscriptions.pages.forms.library import EntryForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.tokens import Purpose


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def entry_page(request: HttpRequest, access: Access, entry_pk: int) -> HttpResponse:
    """Show and save what the reader wrote to a kept paper."""
    rows = access.reader.library.select_related("paper", "topic")
    entry: LibraryEntry = get_object_or_404(rows, pk=entry_pk)
    form = EntryForm(request.POST or None, instance=entry)
    if request.method == "POST" and form.is_valid():
        _save(form)
        messages.success(request, _("Saved."))
        return access.redirect("library")
    [shown] = describe_entries([entry])
    context = shown | {
        "form": form,
        "library_url": access.url("library"),
        "act_url": access.url("library-act"),
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "subscriptions/library_entry.html", context, status=status)


def _save(form: EntryForm) -> None:
    entry = form.save(commit=False)
    if form.cleaned_data["is_read"] != (entry.read_at is not None):
        entry.read_at = timezone.now() if form.cleaned_data["is_read"] else None
    entry.save(update_fields=["note", "tags", "read_at"])
