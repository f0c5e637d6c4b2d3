"""The library of a reader as a file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from papers.pages.exports import file_response
from subscriptions.library.browsing import Choice
from subscriptions.library.citations import export_entries
from subscriptions.pages.mailed_links import Access, mailed_link
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
