"""Digests in the browser, as their emails show them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from papers.citations.export import FORMATS
from papers.pages.exports import export_visible
from subscriptions.mail import cards, digest_mail
from subscriptions.matching.sections import group_items
from subscriptions.models import Digest
from subscriptions.pages.mailed_links import Access, mailed_link, signed
from subscriptions.tokens import Link, Purpose
from web.headers import allow_inline_styles
from web.rate_limit import rate_limited


@require_safe
@allow_inline_styles
@signed(Purpose.DIGEST)
def digest_page(_request: HttpRequest, link: Link) -> HttpResponse:
    """Show a digest to anyone with its link, without papers of the reader's library."""
    exports = {ending: reverse("digest-export", args=[link.token, ending]) for ending in FORMATS}
    return _render_digest(Digest.objects.all(), link.value, exports, has_library=False)


@require_safe
@rate_limited("search")
@signed(Purpose.DIGEST)
def digest_citations(_request: HttpRequest, link: Link, ending: str) -> HttpResponse:
    """Return the citations of a digest to anyone with its link."""
    return _export_digest(Digest.objects.all(), link.value, ending)


@require_safe
@allow_inline_styles
@mailed_link(Purpose.PREFERENCES)
def past_digest(_request: HttpRequest, access: Access, public_id: UUID) -> HttpResponse:
    """Show a digest to its reader, from the list in the preferences."""
    exports = {ending: access.url("past-digest-export", public_id, ending) for ending in FORMATS}
    return _render_digest(access.reader.digests.all(), public_id, exports, has_library=True)


@require_safe
@rate_limited("search")
@mailed_link(Purpose.PREFERENCES)
def past_digest_citations(
    _request: HttpRequest, access: Access, public_id: UUID, ending: str
) -> HttpResponse:
    """Return the citations of a digest to its reader."""
    return _export_digest(access.reader.digests.all(), public_id, ending)


def _render_digest(
    candidates: QuerySet[Digest],
    public_id: UUID | str,
    exports: Mapping[str, str],
    *,
    has_library: bool,
) -> HttpResponse:
    digest = get_object_or_404(candidates.select_related("subscriber"), public_id=public_id)
    found = cards.visible_cards(digest.shown_papers)
    page = digest_mail.browser_page(digest, found, exports, has_library=has_library)
    return HttpResponse(page)


def _export_digest(
    candidates: QuerySet[Digest], public_id: UUID | str, ending: str
) -> HttpResponse:
    digest = get_object_or_404(candidates, public_id=public_id)
    ordered = [item["paper"] for section in group_items(digest.new_items) for item in section.items]
    return export_visible(ordered, ending, f"digest {digest.day.isoformat()}")
