"""The preferences of a reader: interests, schedule, the feed address and past digests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from subscriptions import tasks
from subscriptions.editions import todays_digest
from subscriptions.models import Digest, Subscriber, Topic
from subscriptions.pages.forms.readers import ReaderForm, ScheduleForm, TopicForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.pages.subscriptions import list_rows
from subscriptions.profiles import edits
from subscriptions.profiles.load import missing_papers
from subscriptions.readers import scheduling, time_zones
from subscriptions.tokens import Purpose

PAST_DIGESTS_PER_PAGE = 30
MAX_REACTIONS_SHOWN = 20
PAGE_LINKS = {
    "profile_url": "profile",
    "zotero_url": "zotero",
    "library_url": "library",
    "propose_url": "propose",
    "rhythm_url": "rhythm",
    "unsubscribe_url": "leave",
    "renew_feed_url": "feed-renew",
    "mail_link_url": "mail-link",
    "offer_url": "offer",
    "subscriptions_url": "subscriptions",
    "new_subscription_url": "subscription-new",
    "topics_url": "topics",
    "new_topic_url": "topic-new",
}
"""Template variables with the URL names of other pages of the reader."""


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def preferences(request: HttpRequest, access: Access) -> HttpResponse:
    """Show and save the preferences; on request also send today's digest."""
    reader = access.reader
    topics, subscription = list(reader.topics.order_by("position")), reader.default_subscription
    subscription.subscriber = reader
    topic = _topic_to_edit(request, topics)
    topic_form = TopicForm(request.POST or None, instance=topic) if topic else None
    reader_form = ReaderForm(request.POST or None, instance=reader)
    rows = list_rows(access)
    has_one = len(rows) == 1
    schedule_form = ScheduleForm(request.POST or None, instance=subscription) if has_one else None
    all_forms = [form for form in (topic_form, reader_form, schedule_form) if form]
    if request.method == "POST" and all(form.is_valid() for form in all_forms):
        _save(reader, all_forms)
        _send_today(request, reader) if "send" in request.POST else _say_saved(request, reader)
        return access.redirect("preferences")
    reactions = reader.reactions.select_related("paper").order_by("-created_at")
    context = {
        "reader": reader,
        "topic_form": topic_form,
        "reader_form": reader_form,
        "schedule_form": schedule_form,
        "forms": all_forms,
        "topics": [(one, access.url("topic", one.pk)) for one in topics],
        "places": time_zones.place_choices(),
        "unknown_examples": missing_papers(topic.examples if topic else []),
        "rows": [] if has_one else rows,
        "outlook": has_one and todays_digest.describe_outlook(subscription, timezone.now()),
        **{key: access.url(name) for key, name in PAGE_LINKS.items()},
        "reactions": reactions[:MAX_REACTIONS_SHOWN],
        **_past_digests(access, request.GET.get("before", "")),
        "offered": reader.suggestion,
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "subscriptions/preferences.html", context, status=status)


def _topic_to_edit(request: HttpRequest, topics: Sequence[Topic]) -> Topic | None:
    """Return the topic whose form is part of the page: an only one that is on and not strict.

    A submitted form names it, since topics may have been added in the meantime.
    """
    if request.method == "POST":
        return next((one for one in topics if str(one.pk) == request.POST.get("topic")), None)
    one = topics[0]
    return one if len(topics) == 1 and one.active and not one.query else None


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


@transaction.atomic
def _save(reader: Subscriber, all_forms: Iterable[ModelForm]) -> None:
    for form in all_forms:
        form.save(commit=False).save(update_fields=[*form.fields])
    scheduling.reschedule_reader(reader, timezone.now())


def _say_saved(request: HttpRequest, reader: Subscriber) -> None:
    """Say that it was saved, and when the next digest comes if one subscription decides it."""
    subscriptions = list(reader.subscriptions.all())
    outlook = todays_digest.describe_next(subscriptions[0]) if len(subscriptions) == 1 else ""
    messages.success(request, " ".join([_("Saved."), outlook]).strip())


def _send_today(request: HttpRequest, reader: Subscriber) -> None:
    """Send today's digest now, based on the preferences that were just saved."""
    subscription = reader.default_subscription
    if not (reader.is_active and subscription.is_active):
        return _say_saved(request, reader)
    answer = todays_digest.request_digest(subscription.pk, timezone.now())
    if answer.digest and answer.state is todays_digest.State.QUEUED:
        tasks.deliver_digests.delay_on_commit([answer.digest.pk])
    text = todays_digest.describe_answer(answer, reader.default_subscription)
    messages.success(request, f"{_('Saved.')} {text}")


@require_POST
@mailed_link(Purpose.PREFERENCES)
def answer_suggestion(request: HttpRequest, access: Access) -> HttpResponse:
    """Make a topic of what was typed with this address on another page, or discard it."""
    try:
        added = edits.settle_suggestion(access.reader.pk, take=request.POST.get("act") == "take")
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        if added:
            text = _("Added. It's now one of your topics, and your next digest will use it.")
            messages.success(request, text)
            return access.redirect("topics")
        messages.success(request, _("Nothing was added."))
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
