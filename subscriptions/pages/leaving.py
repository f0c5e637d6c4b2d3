"""Pages for unsubscribing and its alternatives: fewer emails, a pause, a muted topic.

GET shows, POST acts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from subscriptions import tasks, tokens
from subscriptions.models import Subscriber, Subscription, SubscriptionQuerySet
from subscriptions.pages.mailed_links import Access, mailed_link, signed
from subscriptions.profiles import edits
from subscriptions.readers import lifecycle, scheduling
from subscriptions.schedule import local_due
from subscriptions.tokens import Link, Purpose

Act = Callable[[HttpRequest, Subscription], None]
PAUSES = {"2": timedelta(weeks=2), "4": timedelta(weeks=4)}  # by the button's value
Frequency = Subscription.Frequency


@csrf_exempt  # RFC 8058: mailbox providers post here without our cookie or token
@require_http_methods(["GET", "HEAD", "POST"])
@signed(Purpose.UNSUBSCRIBE)
def unsubscribe_page(request: HttpRequest, link: Link) -> HttpResponse:
    """Show the choices on GET. Unsubscribe on POST, from the button or by one-click (RFC 8058).

    The page is the same for readers who have left or were erased. The link never expires and is
    in headers that mail providers read, so it shows no address and allows nothing but
    unsubscribing, a pause and fewer emails.
    """
    less_url = reverse("unsubscribe-less", args=[link.token])
    undo_url = reverse("unsubscribe-undo", args=[link.token])
    pk, subscription = tokens.read_unsubscribe_key(link.value)
    return _unsubscribe(request, pk, subscription, less_url, undo_url)


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def leave_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Unsubscribe from the reader's own pages."""
    links = (access.url("rhythm"), access.url("leave-undo"))
    return _unsubscribe(request, access.reader.pk, None, *links)


def _unsubscribe(
    request: HttpRequest, pk: int, subscription: int | None, less_url: str, undo_url: str
) -> HttpResponse:
    """Stop a subscription, or all email, on POST.

    Leaving all email is answered with a goodbye email, except after one-click unsubscribing.
    """
    now, one_click = timezone.now(), "List-Unsubscribe" in request.POST
    if request.method == "POST":
        stopped = None if request.POST.get("act") == "all" else subscription
        if lifecycle.stop_email(pk, stopped, now, with_goodbye=not one_click) and not one_click:
            tasks.send_messages_to.delay_on_commit(pk)
    reader = Subscriber.objects.filter(pk=pk).first()
    row = reader.subscriptions.filter(pk=subscription or 0).first() if reader else None
    left = reader is not None and reader.status == Subscriber.Status.UNSUBSCRIBED
    others = bool(reader and row and _others(row).exists())
    if request.method == "POST" or left or (row and not row.is_active):
        may_undo = (
            reader
            and not one_click
            and (
                lifecycle.can_undo_unsubscribe(reader, now)
                or (row and scheduling.can_undo_stop(row, now))
            )
        )
        done: dict[str, object] = {
            "undo_url": undo_url if may_undo else "",
            "subscription": row,
            "others": others and not left,
        }
        return render(request, "subscriptions/unsubscribed.html", done)
    context = frequency_choices(reader, row) if reader else {}
    context |= {"act_url": less_url, "subscription": row, "others": others}
    return render(request, "subscriptions/unsubscribe.html", context)


def _others(subscription: Subscription) -> SubscriptionQuerySet:
    """Return the reader's other subscriptions that bring digests."""
    active = Subscription.objects.active().filter(subscriber=subscription.subscriber_id)
    return active.exclude(pk=subscription.pk)


@require_POST
@mailed_link(Purpose.UNSUBSCRIBE)
def undo_unsubscribe(request: HttpRequest, access: Access) -> HttpResponse:
    """Subscribe again soon after unsubscribing by a link."""
    return _rejoin(request, access, "unsubscribe")


@require_POST
@mailed_link(Purpose.PREFERENCES)
def undo_leave(request: HttpRequest, access: Access) -> HttpResponse:
    """Subscribe again soon after unsubscribing on the reader's own pages."""
    return _rejoin(request, access, "preferences")


def _rejoin(request: HttpRequest, access: Access, error_page: str) -> HttpResponse:
    """Undo the unsubscription, or redirect to `error_page` with a message if it is too late."""
    now, row = timezone.now(), access.subscription
    if access.reader.is_active and row and scheduling.can_undo_stop(row, now):
        scheduling.resume_subscription(row.pk, now)
        return render(request, "subscriptions/rejoined.html")
    if lifecycle.undo_unsubscribe(access.reader.pk, now):
        return render(request, "subscriptions/rejoined.html")
    messages.error(request, _("That's no longer possible. Please subscribe again."))
    return access.redirect(error_page)


@require_POST
@mailed_link(Purpose.UNSUBSCRIBE)
def less_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Reduce the frequency or pause, by a link that allows nothing else."""
    _act(request, access.subscription, {name: ACTS[name] for name in ("less", "pause")})
    return access.redirect("unsubscribe")


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def frequency_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Show and apply the choices: fewer emails, a pause or its end, a muted topic."""
    if request.method == "POST":
        _act(request, access.subscription, ACTS)
        return access.redirect("rhythm")
    links = {"act_url": access.url("rhythm"), "unsubscribe_url": access.url("leave")}
    choices = frequency_choices(access.reader, access.subscription)
    context = choices | links | {"preferences_url": access.url("preferences")}
    return render(request, "subscriptions/rhythm.html", context | {"may_do_more": True})


def _act(request: HttpRequest, subscription: Subscription, acts: Mapping[str, Act]) -> None:
    act = acts.get(request.POST.get("act", ""))
    if act is None or not (subscription.subscriber.is_active and subscription.is_active):
        messages.error(request, _("Nothing was changed: the request was incomplete."))
    else:
        act(request, subscription)


def frequency_choices(
    reader: Subscriber, subscription: Subscription | None = None
) -> dict[str, object]:
    """Return the template context of `_less.html` for a subscription, by default the first."""
    subscription = subscription or reader.default_subscription
    paused = subscription.paused_until and subscription.paused_until > timezone.now()
    frequency = subscription.frequency
    fewer = {
        Frequency.DAILY: [Frequency.WEEKDAYS, Frequency.WEEKLY],
        Frequency.WEEKDAYS: [Frequency.WEEKLY],
    }
    return {
        "reader": reader,
        "shown": subscription,
        "due": local_due(subscription.next_digest_at, reader.timezone),
        "is_paused": bool(paused) or frequency == Frequency.PAUSED,
        "pause_ends": bool(paused) and frequency != Frequency.PAUSED,
        "fewer": fewer.get(Frequency(frequency), []),
    }


def _reduce_frequency(request: HttpRequest, subscription: Subscription) -> None:
    frequency = request.POST.get("frequency")
    if frequency not in (Frequency.WEEKDAYS, Frequency.WEEKLY):
        messages.error(request, _("Nothing was changed: the request was incomplete."))
        return
    scheduling.change_schedule(subscription.pk, timezone.now(), frequency=frequency)
    messages.success(request, _("Saved. You'll get fewer emails from now on."))


def _pause(request: HttpRequest, subscription: Subscription) -> None:
    now = timezone.now()
    until = now + PAUSES.get(request.POST.get("weeks", ""), PAUSES["2"])
    scheduling.change_schedule(subscription.pk, now, paused_until=until)
    messages.success(request, _("Paused. Emails already on their way will still arrive."))


def _resume(request: HttpRequest, subscription: Subscription) -> None:
    scheduling.change_schedule(subscription.pk, timezone.now(), paused_until=None)
    messages.success(request, _("Welcome back! Your digests have resumed."))


def _mute(request: HttpRequest, subscription: Subscription) -> None:
    word = request.POST.get("word", "")
    try:
        edits.mute_word(subscription.subscriber_id, word)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, _("Muted. Your digests won't include it any more."))


ACTS: dict[str, Act] = {
    "less": _reduce_frequency,
    "pause": _pause,
    "resume": _resume,
    "mute": _mute,
}
