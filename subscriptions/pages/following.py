"""The page for following a search: GET shows the addition to the profile, POST saves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from subscriptions.editions.topic_previews import PREVIEW_DAYS, preview_topic
from subscriptions.models import Subscriber, Topic
from subscriptions.pages.forms.visitors import SearchForm
from subscriptions.profiles import saved_searches
from subscriptions.profiles.saved_searches import SavedSearch
from subscriptions.readers import browser_sign_in
from web.rate_limit import rate_limited


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@rate_limited("community", methods=("POST",))
def follow_search(request: HttpRequest) -> HttpResponse:
    """Follow a search when signed in; otherwise redirect to the sign-up form.

    An existing subscriber who signs up there is offered the search by email.
    """
    search = SearchForm.parse(request.POST if request.method == "POST" else request.GET)
    if not search:
        return redirect("search")
    reader = browser_sign_in.active_reader(request)
    if not reader:
        return redirect(_search_url("subscribe", search))
    return _follow_page(request, reader, search)


def _follow_page(request: HttpRequest, reader: Subscriber, search: SavedSearch) -> HttpResponse:
    context: dict[str, Any] = {"search": search}
    if request.method == "POST":
        context |= _save(reader, search, request.POST)
    context["topic"] = topic = saved_searches.find_topic(reader, search)
    context["followed"] = topic is not None
    if not topic:
        context |= _preview(reader, search)
    status = 400 if "refused" in context else 200
    return render(request, "subscriptions/follow.html", context, status=status)


def _preview(reader: Subscriber, search: SavedSearch) -> dict[str, Any]:
    """Return the preview of the topic that the search would become, as context."""
    topic = Topic(subscriber=reader, text=search.text, query=search.query)
    return {"preview": preview_topic(topic, timezone.now()), "days": PREVIEW_DAYS}


def _save(reader: Subscriber, search: SavedSearch, data: Mapping[str, str]) -> dict[str, Any]:
    """Follow the search, or undo its last addition, and return the result as context."""
    if "back" in data:
        saved_searches.unfollow_search(reader, search)
        return {"taken_back": True}
    try:
        return {"added": saved_searches.follow_search(reader, search)}
    except ValidationError as error:
        return {"refused": error.messages[0]}


def _search_url(name: str, search: SavedSearch) -> str:
    params = {"text": search.text, "query": search.query}
    return f"{reverse(name)}?{urlencode({key: text for key, text in params.items() if text})}"
