"""Adding and changing a topic, with a preview before it is saved."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from papers.exports import MAX_PAPERS
from papers.pages.citations import format_links
from papers.pages.exports import export_visible
from subscriptions.editions.topic_previews import PREVIEW_DAYS, newest_matches, preview_topic
from subscriptions.mail.cards import cards_for_items
from subscriptions.models import Topic
from subscriptions.pages.forms.topics import TopicPageForm, initial_from_query
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.pages.topics.listing import get_topic
from subscriptions.profiles import topic_splits, topics
from subscriptions.profiles.load import missing_papers
from subscriptions.profiles.topic_descriptions import describe_query
from subscriptions.tokens import Purpose
from web.rate_limit import rate_limited


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def new_topic(request: HttpRequest, access: Access) -> HttpResponse:
    """Show an empty form, or one filled in from the query string; preview and save it."""
    topic = Topic(subscriber=access.reader)
    if access.reader.topics.count() >= topics.MAX_TOPICS:
        context = {"max_topics": topics.MAX_TOPICS, "topics_url": access.url("topics")}
        status = 400 if request.method == "POST" else 200
        return render(request, "subscriptions/topics_full.html", context, status=status)
    if request.method != "POST":
        form = TopicPageForm(instance=topic, initial=initial_from_query(request.GET.dict()))
        return _render_form(request, access, form)
    return _answer(request, access, TopicPageForm(request.POST, instance=topic))


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def edit_topic(request: HttpRequest, access: Access, topic_pk: int) -> HttpResponse:
    """Show the form of a topic; preview and save it. Suggest a split where one fits."""
    topic = get_topic(access, topic_pk)
    if request.method != "POST":
        clusters = topic_splits.suggest_split(topic)
        return _render_form(request, access, TopicPageForm(instance=topic), clusters=clusters)
    return _answer(request, access, TopicPageForm(request.POST, instance=topic))


def _answer(request: HttpRequest, access: Access, form: TopicPageForm) -> HttpResponse:
    """Save a valid form and redirect, or show it again with its preview or its problems."""
    if not form.is_valid():
        return _render_form(request, access, form, status=400)
    if "preview" in request.POST:
        context = _preview_context(form.instance)
        form.show_problems()
        return _render_form(request, access, form, **context)
    if not form.is_accepted:
        form.show_problems()
        return _render_form(request, access, form, status=400)
    try:
        topic = _save(access, form)
    except ValidationError as error:
        form.add_error(None, error)
        return _render_form(request, access, form, status=400)
    messages.success(
        request,
        _("Saved. “%(topic)s” counts from your next digest on.") % {"topic": topic.title},
    )
    return access.redirect("topics")


def _save(access: Access, form: TopicPageForm) -> Topic:
    values = form.topic_values()
    topic: Topic = form.instance
    if not topic.pk:
        return topics.add_topic(access.reader, values)
    topic.save(update_fields=list(values))
    return topic


def _preview_context(topic: Topic) -> dict[str, Any]:
    preview = preview_topic(topic, timezone.now())
    return {
        "preview": preview,
        "cards": cards_for_items(preview.items),
        "looks_for": describe_query(topic.query),
        "unknown_examples": missing_papers(topic.examples),
        "days": PREVIEW_DAYS,
    }


def _render_form(
    request: HttpRequest, access: Access, form: TopicPageForm, status: int = 200, **context: Any
) -> HttpResponse:
    topic = form.instance
    values = {
        "form": form,
        "topic": topic,
        "title": access.reader.topics.get(pk=topic.pk).title if topic.pk else "",
        "topics_url": access.url("topics"),
        "profile_url": access.url("profile"),
        "exports": topic.pk
        and format_links(lambda ending: access.url("topic-export", topic.pk, ending)),
        "days": PREVIEW_DAYS,
        "split_url": access.url("topic-split", topic.pk) if topic.pk else "",
    }
    return render(request, "subscriptions/topic.html", values | context, status=status)


@require_safe
@rate_limited("search")
@mailed_link(Purpose.PREFERENCES)
def topic_citations(
    _request: HttpRequest, access: Access, topic_pk: int, ending: str
) -> HttpResponse:
    """Return the citations of the papers that a topic would have brought, the newest first."""
    topic = get_topic(access, topic_pk)
    items = newest_matches(topic, timezone.now(), MAX_PAPERS)
    return export_visible([item["paper"] for item in items], ending, f"topic {topic.title}")


@require_POST
@mailed_link(Purpose.PREFERENCES)
def split_topic(request: HttpRequest, access: Access, topic_pk: int) -> HttpResponse:
    """Divide a topic in two as suggested, or keep it whole."""
    topic = get_topic(access, topic_pk)
    if request.POST.get("act") != "split":
        topic_splits.keep_whole(topic)
        messages.success(request, _("It stays one topic."))
        return access.redirect("topic", topic.pk)
    try:
        divided = topic_splits.split_topic(topic.pk)
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return access.redirect("topic", topic.pk)
    if divided is None:
        messages.info(request, _("Its papers are no longer about two things, so it stays one."))
        return access.redirect("topic", topic.pk)
    names = {"first": divided[0].title, "second": divided[1].title}
    messages.success(request, _("These are two topics now: “%(first)s” and “%(second)s”.") % names)
    return access.redirect("topics")
