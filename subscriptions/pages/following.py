"""Follow a search. GET shows what would be added to the profile, POST adds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from subscriptions.models import Interests, Subscriber
from subscriptions.pages.forms import SearchForm
from subscriptions.profiles import saved_searches
from subscriptions.profiles.saved_searches import SavedSearch
from subscriptions.readers import browser_sign_in
from web.rate_limit import rate_limited


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@rate_limited("community", methods=("POST",))
def follow_search(request: HttpRequest) -> HttpResponse:
    """“Email me papers like these”: one tap where a reader is signed in; for others, the sign-up
    form, which mails readers an offer to add it."""
    search = SearchForm.read(request.POST if request.method == "POST" else request.GET)
    if not search:
        return redirect("search")
    reader = browser_sign_in.active_reader(request)
    if not reader:
        return redirect(_address("subscribe", search))
    return _page(request, reader, search)


def _page(request: HttpRequest, reader: Subscriber, search: SavedSearch) -> HttpResponse:
    Interests.objects.get_or_create(subscriber=reader)
    context: dict[str, Any] = {"search": search}
    if request.method == "POST":
        context |= _acted(reader.pk, search, request.POST)
    context["followed"] = saved_searches.is_followed(reader.pk, search)
    status = 400 if "refused" in context else 200
    return render(request, "subscriptions/follow.html", context, status=status)


def _acted(pk: int, search: SavedSearch, said: Mapping[str, str]) -> dict[str, Any]:
    """Follow the search, or take back what following it has added."""
    if "back" in said:
        added = {"topics": said.get("added_words", ""), "categories": said["back"]}
        saved_searches.unfollow_search(pk, SearchForm.read(added))
        return {"taken_back": True}
    try:
        return {"added": saved_searches.follow_search(pk, search)}
    except ValidationError as error:
        return {"refused": error.messages[0]}


def _address(name: str, search: SavedSearch) -> str:
    said = {"topics": search.words, "categories": ",".join(search.categories)}
    return f"{reverse(name)}?{urlencode({key: text for key, text in said.items() if text})}"
