"""The list of a reader's topics: order, on and off, and deleting."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from subscriptions.editions.topic_previews import PREVIEW_DAYS, TopicPreview, preview_topics
from subscriptions.models import Subscriber, Subscription, Topic
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.profiles import topics
from subscriptions.profiles.topic_descriptions import describe_topics
from subscriptions.tokens import Purpose

MOVES = {"up": -1, "down": 1}
SWITCHES = {"on": True, "off": False}


def get_topic(access: Access, topic_pk: int) -> Topic:
    """Return a topic of the reader with the reader loaded; raise Http404 for any other."""
    topic: Topic = get_object_or_404(access.reader.topics, pk=topic_pk)
    topic.subscriber = access.reader
    return topic


@require_safe
@mailed_link(Purpose.PREFERENCES)
def topics_page(request: HttpRequest, access: Access) -> HttpResponse:
    """List the reader's topics in their order, with what each would have brought."""
    rows = list(access.reader.topics.order_by("position"))
    for topic in rows:
        topic.subscriber = access.reader
    previews = preview_topics(rows, timezone.now())
    described = zip(rows, describe_topics(rows), previews, strict=True)
    context = {
        "reader": access.reader,
        "entries": [_entry(access, *parts) for parts in described],
        "carried": _carried(access.reader, rows),
        "days": PREVIEW_DAYS,
        "max_topics": topics.MAX_TOPICS,
        "is_full": len(rows) >= topics.MAX_TOPICS,
        "new_url": access.url("topic-new"),
        "preferences_url": access.url("preferences"),
        "subscriptions_url": access.url("subscriptions"),
    }
    return render(request, "subscriptions/topics.html", context)


def _entry(access: Access, topic: Topic, words: str, preview: TopicPreview) -> dict[str, Any]:
    if words == _("“%(words)s”") % {"words": topic.title}:
        words = ""  # the title says it already
    names = {"url": "topic", "act_url": "topic-act", "delete_url": "topic-delete"}
    return {
        "topic": topic,
        "words": words,
        "preview": preview,
        "last_match": _latest(topic.matched_on, preview.last_match),
        **{key: access.url(name, topic.pk) for key, name in names.items()},
    }


def _carried(reader: Subscriber, rows: list[Topic]) -> set[int]:
    """Return the topics that an active subscription carries; all of a reader who gets no email."""
    active = Subscription.objects.active().filter(subscriber=reader)
    carrying = list(active.values_list("all_topics", "topics"))
    if not carrying or any(all_topics for all_topics, _topic in carrying):
        return {topic.pk for topic in rows}
    return {topic for _all_topics, topic in carrying if topic}


def _latest(*days: date | None) -> date | None:
    return max((day for day in days if day), default=None)


@require_POST
@mailed_link(Purpose.PREFERENCES)
def act_on_topic(request: HttpRequest, access: Access, topic_pk: int) -> HttpResponse:
    """Move a topic up or down, or turn it on or off."""
    topic = get_topic(access, topic_pk)
    act = request.POST.get("act", "")
    if act in MOVES:
        topics.move_topic(topic.pk, MOVES[act])
    elif act in SWITCHES:
        Topic.objects.filter(pk=topic.pk).update(active=SWITCHES[act])
        on, off = _("“%(topic)s” is on."), _("“%(topic)s” is off. It brings no papers.")
        messages.success(request, (on if SWITCHES[act] else off) % {"topic": topic.title})
    return access.redirect("topics")


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def delete_page(request: HttpRequest, access: Access, topic_pk: int) -> HttpResponse:
    """Ask for confirmation on GET. Delete the topic on POST."""
    topic = get_topic(access, topic_pk)
    title = topic.title
    if request.method != "POST":
        context = {
            "topic": topic,
            "is_only": access.reader.topics.count() == 1,
            "topics_url": access.url("topics"),
            "profile_url": access.url("profile"),
        }
        return render(request, "subscriptions/topic_delete.html", context)
    if topics.delete_topic(topic.pk):
        messages.success(request, _("“%(topic)s” was deleted.") % {"topic": title})
    else:
        messages.error(request, _("This is your only topic, so it can't be deleted."))
    return access.redirect("topics")
