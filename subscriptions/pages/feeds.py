"""A reader's digests as a feed, at a secret address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

from papers.models import Paper
from papers.pages.feeds import feed_document
from papers.pages.syndication import Item
from subscriptions import tokens
from subscriptions.models import Digest, Subscriber
from subscriptions.tokens import BadLink, Purpose
from web.rate_limit import rate_limited

MAX_DIGESTS = 30  # a month of daily digests


def digests_for_token(token: str) -> QuerySet[Digest]:
    """Return the sent digests, newest first; raise Http404 for an invalid or revoked token."""
    try:
        pk, _, version = tokens.read_token(Purpose.FEED, token).partition(".")
    except BadLink as error:
        raise Http404 from error
    reader = get_object_or_404(Subscriber, pk=pk, feed_key_version=version or 0)
    return reader.digests.filter(status=Digest.Status.SENT).order_by("-day", "-sequence")


def feed_etag(_request: HttpRequest, token: str, kind: str) -> str:
    """Return an ETag that changes only with the newest digest."""
    return f'"{digests_for_token(token).values_list("public_id", flat=True).first()}.{kind}"'


@require_safe
@rate_limited("api")
@cache_control(private=True, max_age=900)
@condition(etag_func=feed_etag)
def digests_feed(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """Return the feed of sent digests, each with its papers."""
    recent = list(digests_for_token(token)[:MAX_DIGESTS])
    papers = Paper.objects.visible().in_bulk([pk for digest in recent for pk in digest.paper_ids])
    items = [digest_item(digest, papers) for digest in recent]
    response = feed_document(request, kind, "Your digests", reverse("home"), items)
    response["X-Robots-Tag"] = "noindex"
    return response


def digest_item(digest: Digest, papers: Mapping[int, Paper]) -> Item:
    at = digest.sent_at or digest.created_at
    path = reverse("digest", args=[tokens.make_token(Purpose.DIGEST, digest.public_id, at)])
    return Item(
        title=digest.subject,
        id=f"urn:uuid:{digest.public_id}",
        url=settings.SITE_URL + path,
        content=paper_list(digest.items, papers),
        at=at,
    )


def paper_list(items: Sequence[Mapping[str, str]], papers: Mapping[int, Paper]) -> str:
    """Return the papers of a digest, each with its reason, as an HTML list."""
    rows = (
        (settings.SITE_URL + papers[pk].get_absolute_url(), papers[pk].title, item["reason"])
        for item in items
        if (pk := int(item["paper"])) in papers
    )
    entries = format_html_join("", '<li><a href="{}">{}</a><br>{}</li>', rows)
    return format_html("<ol>{}</ol>", entries)
