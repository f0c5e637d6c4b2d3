"""Pages of a reader's subscriptions: the list, adding, changing, stopping and deleting them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from subscriptions.models import Subscriber, Subscription
from subscriptions.pages.forms.readers import SubscriptionForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.readers import scheduling, subscriptions
from subscriptions.schedule import describe_schedule, local_due
from subscriptions.tokens import Purpose


def list_rows(access: Access) -> list[dict[str, Any]]:
    """Return the template context of each subscription of a reader, in order."""
    rows = access.reader.subscriptions.order_by("position").prefetch_related("topics")
    return [_describe(access, subscription) for subscription in rows]


def _describe(access: Access, subscription: Subscription) -> dict[str, Any]:
    is_last = subscriptions.is_last_active(subscription)
    return {
        "subscription": subscription,
        "title": scheduling.describe_subscription(subscription),
        "schedule": describe_schedule(scheduling.schedule_of(subscription)),
        "topics": [] if subscription.all_topics else list(subscription.topics.all()),
        "due": local_due(subscription.next_digest_at, access.reader.timezone),
        "may_stop": subscription.is_active and not is_last,
        "may_delete": subscription.position > 0 and not is_last,
        "edit_url": access.url("subscription", subscription.pk),
        "act_url": access.url("subscription-act", subscription.pk),
    }


@require_safe
@mailed_link(Purpose.PREFERENCES)
def subscription_list(request: HttpRequest, access: Access) -> HttpResponse:
    """Show all subscriptions of a reader."""
    rows = list_rows(access)
    context = {
        "reader": access.reader,
        "rows": rows,
        "new_url": access.url("subscription-new"),
        "may_add": len(rows) < subscriptions.MAX_SUBSCRIPTIONS,
        "most": subscriptions.MAX_SUBSCRIPTIONS,
        "preferences_url": access.url("preferences"),
        "unsubscribe_url": access.url("leave"),
    }
    return render(request, "subscriptions/subscriptions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def new_subscription(request: HttpRequest, access: Access) -> HttpResponse:
    """Add a subscription. It is weekly unless the reader chooses otherwise."""
    weekly = Subscription.Frequency.WEEKLY
    subscription = Subscription(subscriber=access.reader, frequency=weekly)
    form = SubscriptionForm(request.POST or None, instance=subscription)
    if request.method == "POST" and form.is_valid():
        try:
            added = subscriptions.add_subscription(
                access.reader, form.values, form.chosen_topics, timezone.now()
            )
        except ValidationError as error:
            messages.error(request, error.messages[0])
        else:
            _say_saved(request, added)
        return access.redirect("subscriptions")
    return _show_form(request, access, form)


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def edit_subscription(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Change a subscription."""
    subscription = _own_subscription(access.reader, pk)
    form = SubscriptionForm(request.POST or None, instance=subscription)
    if request.method == "POST" and form.is_valid():
        changed = subscriptions.change_subscription(
            pk, form.values, form.chosen_topics, timezone.now()
        )
        _say_saved(request, changed)
        return access.redirect("subscriptions")
    return _show_form(request, access, form)


def _own_subscription(reader: Subscriber, pk: int) -> Subscription:
    subscription: Subscription = get_object_or_404(reader.subscriptions.all(), pk=pk)
    return subscription


def _show_form(request: HttpRequest, access: Access, form: SubscriptionForm) -> HttpResponse:
    context = {
        "reader": access.reader,
        "form": form,
        "list_url": access.url("subscriptions"),
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "subscriptions/subscription.html", context, status=status)


def _say_saved(request: HttpRequest, subscription: Subscription) -> None:
    messages.success(request, " ".join([_("Saved."), _describe_next(subscription)]).strip())


def _describe_next(subscription: Subscription) -> str:
    """Return the time of the next digest as a sentence, or nothing if none is due."""
    due = local_due(subscription.next_digest_at, subscription.subscriber.timezone)
    if not due:
        return ""
    return _("Its next digest comes on %(day)s at %(time)s.") % {
        "day": date_format(due, _("l, j F")),
        "time": date_format(due, "H:i"),
    }


@require_POST
@mailed_link(Purpose.PREFERENCES)
def act(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Stop, start or delete a subscription, from its button in the list.

    The last one that brings email is stopped by unsubscribing, on a page that says so.
    """
    subscription = _own_subscription(access.reader, pk)
    name, now = request.POST.get("act", ""), timezone.now()
    if name in ("stop", "delete") and subscriptions.is_last_active(subscription):
        return access.redirect("leave")
    if name == "stop":
        scheduling.stop_subscription(pk, now)
        messages.success(request, _("Stopped. You can start it again here at any time."))
    elif name == "start":
        _start(request, subscription, now)
    elif name == "delete" and subscriptions.delete_subscription(pk):
        messages.success(request, _("Deleted."))
    else:
        messages.error(request, _("Nothing was changed: the request was incomplete."))
    return access.redirect("subscriptions")


def _start(request: HttpRequest, subscription: Subscription, now: datetime) -> None:
    started = scheduling.resume_subscription(subscription.pk, now)
    messages.success(request, " ".join([_("Started."), _describe_next(started)]).strip())
