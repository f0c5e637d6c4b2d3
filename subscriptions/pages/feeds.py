"""Private feeds at secret addresses: a reader's digests, and the papers of each topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, conditional_page, require_safe

from papers.models import Paper
from papers.pages.feeds import MAX_ENTRIES, feed_document, feed_item
from papers.pages.syndication import Item
from subscriptions import tokens
from subscriptions.editions.topic_previews import newest_matches
from subscriptions.mail.cards import fit_of
from subscriptions.models import Digest, Subscriber, Topic
from subscriptions.tokens import BadLink, Purpose
from web.rate_limit import rate_limited

MAX_DIGESTS = 30  # a month of daily digests


def open_feed(token: str) -> tuple[Subscriber, int | None]:
    """Return the reader and the topic that a token names; None means all digests.

    Raise Http404 for an invalid or revoked token.
    """
    try:
        pk, version, topic = tokens.read_feed_key(tokens.read_token(Purpose.FEED, token))
    except BadLink as error:
        raise Http404 from error
    return get_object_or_404(Subscriber, pk=pk, feed_key_version=version), topic


def digests_for_token(token: str) -> QuerySet[Digest]:
    """Return the sent digests with new papers, newest first.

    Raise Http404 for an invalid or revoked token.
    """
    reader, topic = open_feed(token)
    if topic is not None:
        raise Http404
    sent = reader.digests.filter(status=Digest.Status.SENT).exclude(paper_ids=[])
    return sent.select_related("subscriber").order_by("-day", "-sequence")


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


@require_safe
@rate_limited("api")
@cache_control(private=True, max_age=900)
@conditional_page
def topic_feed(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """Return the feed of a topic: the papers that match it, in the reader's language.

    A topic that is switched off has an empty feed.
    """
    reader, pk = open_feed(token)
    topic = get_object_or_404(reader.topics, pk=pk)
    topic.subscriber = reader
    with translation.override(reader.language):
        records = newest_matches(topic, timezone.now(), MAX_ENTRIES) if topic.active else []
        title = topic.title
    papers = Paper.objects.visible().in_bulk([record["paper"] for record in records])
    items = [
        topic_item(topic, papers[record["paper"]], describe_item(record))
        for record in records
        if record["paper"] in papers
    ]
    home = f"{reverse('profile')}?topic={topic.pk}"
    response = feed_document(request, kind, title, home, items)
    response["X-Robots-Tag"] = "noindex"
    return response


def topic_item(topic: Topic, paper: Paper, reason: str) -> Item:
    """Return a paper of a topic's feed, with its reason.

    Its ID names the topic: programs that read feeds show an ID once, and a paper may match several.
    """
    item = feed_item(paper)
    content = format_html("<p>{}</p>", reason) + SafeString(item.content)
    return replace(item, id=f"{item.url}#topic-{topic.pk}", content=content)


def digest_item(digest: Digest, papers: Mapping[int, Paper]) -> Item:
    at = digest.sent_at or digest.created_at
    path = reverse("digest", args=[tokens.make_token(Purpose.DIGEST, digest.public_id, at)])
    with translation.override(digest.subscriber.language):
        content = paper_list(digest.new_items, papers)
    return Item(
        title=digest.subject,
        id=f"urn:uuid:{digest.public_id}",
        url=settings.SITE_URL + path,
        content=content,
        at=at,
    )


def describe_item(item: Mapping[str, Any]) -> str:
    """Return the fit and the reason of an item, as in "Strong fit: Matches your “…”"."""
    return ": ".join(filter(None, [fit_of(item), item["reason"]]))


def paper_list(items: Sequence[Mapping[str, Any]], papers: Mapping[int, Paper]) -> str:
    """Return the papers of a digest, each with its reason, as an HTML list."""
    rows = (
        (settings.SITE_URL + papers[pk].get_absolute_url(), papers[pk].title, describe_item(item))
        for item in items
        if (pk := int(item["paper"])) in papers
    )
    entries = format_html_join("", '<li><a href="{}">{}</a><br>{}</li>', rows)
    return format_html("<ol>{}</ol>", entries)
