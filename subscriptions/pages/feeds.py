"""A reader's own digests as a feed, at an address that only the reader knows."""

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

LISTED = 30  # a month of daily digests


def sent_to(token: str) -> QuerySet[Digest]:
    """The newest first; a token that is no good, or no longer, finds nothing at all."""
    try:
        pk, _, turn = tokens.read_token(Purpose.FEED, token).partition(".")
    except BadLink as error:
        raise Http404 from error
    reader = get_object_or_404(Subscriber, pk=pk, feed_key_version=turn or 0)
    return reader.digests.filter(status=Digest.Status.SENT).order_by("-day", "-sequence")


def newest(_request: HttpRequest, token: str, kind: str) -> str:
    """What the feed changes with, and nothing else."""
    return f'"{sent_to(token).values_list("public_id", flat=True).first()}.{kind}"'


@require_safe
@rate_limited("api")
@cache_control(private=True, max_age=900)
@condition(etag_func=newest)
def digests_feed(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """The digests that were sent, each with its papers."""
    listed = list(sent_to(token)[:LISTED])
    papers = Paper.objects.visible().in_bulk([pk for one in listed for pk in one.paper_ids])
    items = [item(one, papers) for one in listed]
    response = feed_document(request, kind, "Your digests", reverse("home"), items)
    response["X-Robots-Tag"] = "noindex"
    return response


def item(digest: Digest, papers: Mapping[int, Paper]) -> Item:
    at = digest.sent_at or digest.created_at
    path = reverse("digest", args=[tokens.make_token(Purpose.DIGEST, digest.public_id, at)])
    return Item(
        title=digest.subject,
        id=f"urn:uuid:{digest.public_id}",
        url=settings.SITE_URL + path,
        content=listing(digest.items, papers),
        at=at,
    )


def listing(items: Sequence[Mapping[str, str]], papers: Mapping[int, Paper]) -> str:
    """The papers of a digest, each with its reason, as HTML."""
    rows = (
        (settings.SITE_URL + papers[pk].get_absolute_url(), papers[pk].title, one["reason"])
        for one in items
        if (pk := int(one["paper"])) in papers
    )
    listed = format_html_join("", '<li><a href="{}">{}</a><br>{}</li>', rows)
    return format_html("<ol>{}</ol>", listed)
