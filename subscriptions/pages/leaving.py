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

from subscriptions import tasks
from subscriptions.models import Subscriber
from subscriptions.pages.mailed_links import Access, mailed_link, signed
from subscriptions.profiles import edits
from subscriptions.readers import lifecycle
from subscriptions.schedule import local_due
from subscriptions.tokens import Link, Purpose

Act = Callable[[HttpRequest, Subscriber], None]
PAUSES = {"2": timedelta(weeks=2), "4": timedelta(weeks=4)}  # by the button's value
Frequency = Subscriber.Frequency


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
    return _unsubscribe(request, int(link.value), less_url, undo_url)


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def leave_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Unsubscribe from the reader's own pages."""
    return _unsubscribe(request, access.reader.pk, access.url("rhythm"), access.url("leave-undo"))


def _unsubscribe(request: HttpRequest, pk: int, less_url: str, undo_url: str) -> HttpResponse:
    """Unsubscribe a reader on POST; send a goodbye email except after one-click unsubscribing."""
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
    context = frequency_choices(reader) if reader else {}
    return render(request, "subscriptions/unsubscribe.html", {**context, "act_url": less_url})


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
    if lifecycle.undo_unsubscribe(access.reader.pk, timezone.now()):
        return render(request, "subscriptions/rejoined.html")
    messages.error(request, _("That's no longer possible. Please subscribe again."))
    return access.redirect(error_page)


@require_POST
@mailed_link(Purpose.UNSUBSCRIBE)
def less_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Reduce the frequency or pause, by a link that allows nothing else."""
    _act(request, access.reader, {name: ACTS[name] for name in ("less", "pause")})
    return access.redirect("unsubscribe")


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def frequency_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Show and apply the choices: fewer emails, a pause or its end, a muted topic."""
    if request.method == "POST":
        _act(request, access.reader, ACTS)
        return access.redirect("rhythm")
    links = {"act_url": access.url("rhythm"), "unsubscribe_url": access.url("leave")}
    context = (
        frequency_choices(access.reader) | links | {"preferences_url": access.url("preferences")}
    )
    return render(request, "subscriptions/rhythm.html", context | {"may_do_more": True})


def _act(request: HttpRequest, reader: Subscriber, acts: Mapping[str, Act]) -> None:
    act = acts.get(request.POST.get("act", ""))
    if act is None or not reader.is_active:
        messages.error(request, _("Nothing was changed: the request was incomplete."))
    else:
        act(request, reader)


def frequency_choices(reader: Subscriber) -> dict[str, object]:
    """Return the template context of `_less.html` for a reader."""
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


def _reduce_frequency(request: HttpRequest, reader: Subscriber) -> None:
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
    "less": _reduce_frequency,
    "pause": _pause,
    "resume": _resume,
    "mute": _mute,
}
