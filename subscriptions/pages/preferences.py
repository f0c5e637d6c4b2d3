"""The preferences of a reader: interests, schedule, the feed address and past digests."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from subscriptions import tasks
from subscriptions.editions import todays_digest
from subscriptions.models import Digest, Interests, Subscriber
from subscriptions.pages.forms import InterestsForm, RhythmForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.profiles import edits
from subscriptions.profiles.load import missing_papers
from subscriptions.readers import lifecycle, time_zones
from subscriptions.tokens import Purpose

PAST_DIGESTS_PER_PAGE = 30
MAX_REACTIONS_SHOWN = 20
PAGE_LINKS = {
    "profile_url": "profile",
    "propose_url": "propose",
    "rhythm_url": "rhythm",
    "unsubscribe_url": "leave",
    "renew_feed_url": "feed-renew",
    "mail_link_url": "mail-link",
    "offer_url": "offer",
}
"""Template variables with the URL names of other pages of the reader."""


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def preferences(request: HttpRequest, access: Access) -> HttpResponse:
    """Show and save the preferences; on request also send today's digest."""
    reader = access.reader
    interests, _new = Interests.objects.get_or_create(subscriber=reader)
    rhythm_form = RhythmForm(request.POST or None, instance=reader)
    interests_form = InterestsForm(request.POST or None, instance=interests)
    forms_are_valid = rhythm_form.is_valid() and interests_form.is_valid()
    if request.method == "POST" and forms_are_valid:
        _save(rhythm_form, interests_form)
        _send_today(request, reader) if "send" in request.POST else _say_saved(request, reader)
        return access.redirect("preferences")
    reactions = reader.reactions.select_related("paper").order_by("-created_at")
    context = {
        "reader": reader,
        "rhythm_form": rhythm_form,
        "interests_form": interests_form,
        "forms": (interests_form, rhythm_form),
        "places": time_zones.place_choices(),
        "unknown_examples": missing_papers(interests.examples),
        "outlook": todays_digest.describe_outlook(reader, timezone.now()),
        **{key: access.url(name) for key, name in PAGE_LINKS.items()},
        "reactions": reactions[:MAX_REACTIONS_SHOWN],
        **_past_digests(access, request.GET.get("before", "")),
        "offered": interests.suggestion,
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "subscriptions/preferences.html", context, status=status)


def _past_digests(access: Access, before: str) -> dict[str, Any]:
    """Return a page of sent digests before an ISO date, newest first, as template context.

    `past` has pairs of digest and URL. `earlier` is the date for the next page, or None.
    """
    sent = access.reader.digests.filter(status=Digest.Status.SENT).order_by("-day", "-sequence")
    if day := _parse_date(before):
        sent = sent.filter(day__lt=day)
    rows = list(sent.only("day", "subject", "public_id")[: PAST_DIGESTS_PER_PAGE + 1])
    page = rows[:PAST_DIGESTS_PER_PAGE]
    past = [(digest, access.url("past-digest", digest.public_id)) for digest in page]
    return {"past": past, "earlier": page[-1].day if len(rows) > len(page) else None}


def _parse_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _save(rhythm_form: RhythmForm, interests_form: InterestsForm) -> None:
    reader = rhythm_form.save(commit=False)
    lifecycle.set_next_digest(reader, timezone.now())
    reader.save(update_fields=[*rhythm_form.fields, "next_digest_at"])
    interests_form.save(commit=False).save(update_fields=[*interests_form.fields])


def _say_saved(request: HttpRequest, reader: Subscriber) -> None:
    messages.success(request, " ".join([_("Saved."), todays_digest.describe_next(reader)]).strip())


def _send_today(request: HttpRequest, reader: Subscriber) -> None:
    """Send today's digest now, based on the preferences that were just saved."""
    if reader.status != Subscriber.Status.ACTIVE:
        return _say_saved(request, reader)
    answer = todays_digest.request_digest(reader.pk, timezone.now())
    if answer.digest and answer.state is todays_digest.State.QUEUED:
        tasks.deliver_digests.delay_on_commit([answer.digest.pk])
    reader.refresh_from_db()
    messages.success(
        request, " ".join([_("Saved."), todays_digest.describe_answer(answer, reader)])
    )


@require_POST
@mailed_link(Purpose.PREFERENCES)
def answer_suggestion(request: HttpRequest, access: Access) -> HttpResponse:
    """Add the interests that were typed with this address on another page, or discard them."""
    interests = get_object_or_404(Interests, pk=access.reader.pk)
    try:
        added = edits.settle_suggestion(interests.pk, take=request.POST.get("act") == "take")
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(
            request, _("Added. Your next digest will use it.") if added else _("Nothing was added.")
        )
    return access.redirect("preferences")


@require_POST
@mailed_link(Purpose.PREFERENCES)
def renew_feed(request: HttpRequest, access: Access) -> HttpResponse:
    """Give the reader's feed a new address. The old address stops working."""
    Subscriber.objects.filter(pk=access.reader.pk).update(
        feed_key_version=F("feed_key_version") + 1
    )
    text = _(
        "Your feed has a new address. The old one no longer works. Request the new one by email."
    )
    messages.success(request, text)
    return access.redirect("preferences")
