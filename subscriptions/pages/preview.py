"""The public preview: today's digest for typed interests, without an address."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from subscriptions.editions import candidate_pool, digests
from subscriptions.mail import cards
from subscriptions.models import Topic
from subscriptions.pages import preview_hints
from subscriptions.pages.forms.visitors import PreviewForm, SignUpForm
from subscriptions.profiles.load import missing_papers
from subscriptions.profiles.references import malformed_ids
from web import rate_limit


@require_safe
@never_cache
@rate_limit.rate_limited("preview")
def preview_page(request: HttpRequest) -> HttpResponse:
    """Show the digest that matches the typed interests.

    Render a full page, or only the result for htmx on the home page.
    """
    form = PreviewForm(request.GET)
    day = candidate_pool.newest_day(timezone.now())
    context: dict[str, Any] = {"preview_form": form, "day": day}
    if valid := form.is_valid():
        values = form.interest_values()
        context |= _result_context(values, day) | {"not_ids": malformed_ids(values["text"])}
    is_htmx = "HX-Request" in request.headers
    template = "subscriptions/_preview.html" if is_htmx else "subscriptions/preview.html"
    response = render(request, template, context, status=200 if valid else 400)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _result_context(values: dict[str, Any], day: date | None) -> dict[str, Any]:
    """Return the template context for these field values of a topic."""
    topic = Topic(**values)
    items = digests.preview_topic(topic, day) if day else []
    paper_cards = cards.cards_for_items(items)
    return {
        **preview_hints.explain_matches(topic, items),
        "valid": True,
        "sections": cards.digest_sections(paper_cards),
        "count": len(paper_cards),
        "form": SignUpForm(initial=values),
        "unknown_examples": missing_papers(values["examples"]),
    }
