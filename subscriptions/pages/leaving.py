"""Leaving, and beside it less of it: fewer mails, a pause, a topic muted. GET shows, POST acts."""

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

from subscriptions import tasks
from subscriptions.models import Subscriber
from subscriptions.pages.mailed_links import Access, mailed_link, signed
from subscriptions.profiles import edits
from subscriptions.readers import lifecycle
from subscriptions.schedule import local_due
from subscriptions.tokens import Link, Purpose

Act = Callable[[HttpRequest, Subscriber], None]
PAUSES = {"2": timedelta(weeks=2), "4": timedelta(weeks=4)}  # by the number on the button
Frequency = Subscriber.Frequency


@csrf_exempt  # RFC 8058: mailbox providers post here without cookie or token of ours
@require_http_methods(["GET", "HEAD", "POST"])
@signed(Purpose.UNSUBSCRIBE)
def unsubscribe_page(request: HttpRequest, link: Link) -> HttpResponse:
    """GET shows a button, and less of it beside; POST leaves at once, for a button and for
    one-click alike. A reader who is gone already, or was erased, sees the same.

    The link never expires and stands in headers that mail providers read: it names nobody, and
    more than leaving, a pause and fewer emails it cannot do.
    """
    less_url = reverse("unsubscribe-less", args=[link.token])
    undo_url = reverse("unsubscribe-undo", args=[link.token])
    return _leave(request, int(link.value), less_url, undo_url)


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def leave_page(request: HttpRequest, access: Access) -> HttpResponse:
    """The same from a reader's own pages."""
    return _leave(request, access.reader.pk, access.url("rhythm"), access.url("leave-undo"))


def _leave(request: HttpRequest, pk: int, less_url: str, undo_url: str) -> HttpResponse:
    """Who pressed our button gets one last email; who left in their mail program wanted none."""
    one_click = "List-Unsubscribe" in request.POST
    if one_click:
        lifecycle.unsubscribe_reader(pk, timezone.now())
    elif request.method == "POST":
        lifecycle.unsubscribe_with_goodbye(pk, timezone.now())
        tasks.send_messages_to.delay_on_commit(pk)
    reader = Subscriber.objects.filter(pk=pk).first()
    left = reader is not None and reader.status == Subscriber.Status.UNSUBSCRIBED
    if request.method == "POST" or left:
        may_undo = (
            reader and not one_click and lifecycle.can_undo_unsubscribe(reader, timezone.now())
        )
        undo = {"undo_url": undo_url if may_undo else ""}
        return render(request, "subscriptions/unsubscribed.html", undo)
    context = choices(reader) if reader else {}
    return render(request, "subscriptions/unsubscribe.html", {**context, "act_url": less_url})


@require_POST
@mailed_link(Purpose.UNSUBSCRIBE)
def undo_unsubscribe(request: HttpRequest, access: Access) -> HttpResponse:
    """“That was a mistake”, for a while after leaving."""
    return _rejoin(request, access, "unsubscribe")


@require_POST
@mailed_link(Purpose.PREFERENCES)
def undo_leave(request: HttpRequest, access: Access) -> HttpResponse:
    return _rejoin(request, access, "preferences")


def _rejoin(request: HttpRequest, access: Access, back: str) -> HttpResponse:
    """Say that the reader is subscribed; where it is too late, say so on the page `back`."""
    if lifecycle.undo_unsubscribe(access.reader.pk, timezone.now()):
        return render(request, "subscriptions/rejoined.html")
    messages.error(request, _("That's no longer possible. Please subscribe again."))
    return access.redirect(back)


@require_POST
@mailed_link(Purpose.UNSUBSCRIBE)
def less_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Fewer emails or a pause, by a link that can do no more."""
    _act(request, access.reader, {name: ACTS[name] for name in ("less", "pause")})
    return access.redirect("unsubscribe")


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def frequency_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Fewer emails, a pause or its end, a topic muted."""
    if request.method == "POST":
        _act(request, access.reader, ACTS)
        return access.redirect("rhythm")
    links = {"act_url": access.url("rhythm"), "unsubscribe_url": access.url("leave")}
    context = choices(access.reader) | links | {"preferences_url": access.url("preferences")}
    return render(request, "subscriptions/rhythm.html", context | {"may_do_more": True})


def _act(request: HttpRequest, reader: Subscriber, acts: Mapping[str, Act]) -> None:
    act = acts.get(request.POST.get("act", ""))
    if act is None or not reader.is_active:
        messages.error(request, _("Nothing was changed: the request was incomplete."))
    else:
        act(request, reader)


def choices(reader: Subscriber) -> dict[str, object]:
    """What the page, and that of leaving, offer to a reader."""
    paused = reader.paused_until and reader.paused_until > timezone.now()
    frequency = reader.frequency
    fewer = {
        Frequency.DAILY: [Frequency.WEEKDAYS, Frequency.WEEKLY],
        Frequency.WEEKDAYS: [Frequency.WEEKLY],
    }
    return {
        "reader": reader,
        "due": local_due(reader.next_digest_at, reader.timezone),
        "is_paused": bool(paused) or frequency == Frequency.PAUSED,
        "pause_ends": bool(paused) and frequency != Frequency.PAUSED,
        "fewer": fewer.get(Frequency(frequency), []),
    }


def _less_often(request: HttpRequest, reader: Subscriber) -> None:
    frequency = request.POST.get("frequency")
    if frequency not in (Frequency.WEEKDAYS, Frequency.WEEKLY):
        messages.error(request, _("Nothing was changed: the request was incomplete."))
        return
    lifecycle.change_schedule(reader.pk, timezone.now(), frequency=frequency)
    messages.success(request, _("Saved. You'll get fewer emails from now on."))


def _pause(request: HttpRequest, reader: Subscriber) -> None:
    now = timezone.now()
    until = now + PAUSES.get(request.POST.get("weeks", ""), PAUSES["2"])
    lifecycle.change_schedule(reader.pk, now, paused_until=until)
    messages.success(request, _("Paused. Emails already on their way will still arrive."))


def _resume(request: HttpRequest, reader: Subscriber) -> None:
    lifecycle.change_schedule(reader.pk, timezone.now(), paused_until=None)
    messages.success(request, _("Welcome back! Your digests have resumed."))


def _mute(request: HttpRequest, reader: Subscriber) -> None:
    word = request.POST.get("word", "")
    try:
        edits.add_to_muted(reader.pk, "excluded_words", word)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, _("Muted. Your digests won't include it any more."))


ACTS: dict[str, Act] = {
    "less": _less_often,
    "pause": _pause,
    "resume": _resume,
    "mute": _mute,
}
