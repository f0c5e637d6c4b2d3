"""Files of a library: uploads of reference managers, and exports."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from papers.pages.exports import file_response
from subscriptions.library import uploads
from subscriptions.library.bibliography import parse_bibliography
from subscriptions.library.browsing import Choice
from subscriptions.library.citations import export_entries
from subscriptions.pages.forms.library import LibraryFileForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.profiles.reference_files import ReferencesError
from subscriptions.tokens import Purpose
from web.rate_limit import rate_limited


@require_safe
@rate_limited("upload")
@mailed_link(Purpose.PREFERENCES)
def library_citations(request: HttpRequest, access: Access, ending: str) -> HttpResponse:
    """Return the citations of the library, or of the part that the query selects."""
    choice = Choice.from_query(request.GET)
    entries = choice.select(access.reader.library.all())
    return file_response(export_entries(entries, ending, _("library")))


@require_http_methods(["GET", "HEAD", "POST"])
@rate_limited("upload", methods=("POST",))
@mailed_link(Purpose.PREFERENCES)
def upload_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Add the papers of an uploaded file to the library."""
    form = LibraryFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            bibliography = parse_bibliography(file.read(), file.name)
            added = uploads.add_works(access.reader, bibliography.works, timezone.now())
        except (ReferencesError, ValidationError) as error:
            form.add_error("file", error if isinstance(error, ValidationError) else str(error))
        else:
            messages.success(request, uploads.describe_added(added, bibliography))
            return access.redirect("library")
    context = {"form": form, "library_url": access.url("library")}
    status = 400 if request.method == "POST" else 200
    return render(request, "subscriptions/library_upload.html", context, status=status)
