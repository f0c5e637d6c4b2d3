"""Digests in the browser, as their emails show them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from subscriptions.mail import cards, digest_mail
from subscriptions.models import Digest
from subscriptions.pages.mailed_links import Access, mailed_link, signed
from subscriptions.tokens import Link, Purpose
from web.headers import allow_inline_styles


@require_safe
@allow_inline_styles
@signed(Purpose.DIGEST)
def digest_page(_request: HttpRequest, link: Link) -> HttpResponse:
    """Show a digest to anyone with its link, without papers of the reader's library."""
    return _render_digest(Digest.objects.all(), link.value, has_library=False)


@require_safe
@allow_inline_styles
@mailed_link(Purpose.PREFERENCES)
def past_digest(_request: HttpRequest, access: Access, public_id: UUID) -> HttpResponse:
    """Show a digest to its reader, from the list in the preferences."""
    return _render_digest(access.reader.digests.all(), public_id, has_library=True)


def _render_digest(
    candidates: QuerySet[Digest], public_id: UUID | str, *, has_library: bool
) -> HttpResponse:
    digest = get_object_or_404(candidates.select_related("subscriber"), public_id=public_id)
    found = cards.visible_cards(digest.shown_papers)
    return HttpResponse(digest_mail.browser_page(digest, found, has_library=has_library))
