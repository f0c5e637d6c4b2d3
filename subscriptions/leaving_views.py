"""Leaving, and beside it less of it: fewer mails, a pause, a topic muted. GET shows, POST acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from subscriptions import changes, readers, tasks, tokens
from subscriptions.models import Subscriber
from subscriptions.tokens import Purpose
from subscriptions.views import opened_by

PAUSES = {"2": timedelta(weeks=2), "4": timedelta(weeks=4)}  # by the number on the button
Frequency = Subscriber.Frequency


@csrf_exempt  # RFC 8058: mailbox providers post here without cookie or token of ours
@require_http_methods(["GET", "HEAD", "POST"])
@opened_by(Purpose.UNSUBSCRIBE)
def unsubscribe(request: HttpRequest, pk: str) -> HttpResponse:
    """GET shows a button, and less of it beside; POST leaves at once, for a button and for
    one-click alike. A reader who is gone already, or was erased, sees the same.

    Who pressed our button gets one last mail; who left in their mail program wanted none.
    """
    if request.method != "POST":
        reader = Subscriber.objects.filter(pk=pk).first()
        context = choices(reader) if reader else {}
        return render(request, "subscriptions/unsubscribe.html", context)
    if "List-Unsubscribe" in request.POST:
        readers.unsubscribe(int(pk), timezone.now())
    else:
        readers.say_goodbye(int(pk), timezone.now())
        tasks.send_messages_to.delay_on_commit(int(pk))
    return render(request, "subscriptions/unsubscribed.html")


@require_http_methods(["GET", "HEAD", "POST"])
@opened_by(Purpose.PREFERENCES)
def rhythm(request: HttpRequest, pk: str) -> HttpResponse:
    """Fewer mails, a pause or its end, a topic muted."""
    reader = get_object_or_404(Subscriber.objects.select_related("interests"), pk=pk)
    if request.method == "POST":
        act = ACTS.get(request.POST.get("act", ""))
        if act is None or reader.status != Subscriber.Status.ACTIVE:
            messages.error(request, _("Nothing was changed: the page did not say what."))
        else:
            act(request, reader)
        return redirect("rhythm", token=tokens.make(Purpose.PREFERENCES, pk))
    return render(request, "subscriptions/rhythm.html", choices(reader))


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
        "due": readers.local_due(reader),
        "is_paused": bool(paused) or frequency == Frequency.PAUSED,
        "pause_ends": bool(paused) and frequency != Frequency.PAUSED,
        "fewer": fewer.get(Frequency(frequency), []),
        "rhythm_token": tokens.make(Purpose.PREFERENCES, reader.pk),
        "unsubscribe_token": tokens.make(Purpose.UNSUBSCRIBE, reader.pk),
    }


def _less_often(request: HttpRequest, reader: Subscriber) -> None:
    frequency = request.POST.get("frequency")
    if frequency not in (Frequency.WEEKDAYS, Frequency.WEEKLY):
        messages.error(request, _("Nothing was changed: the page did not say what."))
        return
    readers.change_rhythm(reader.pk, timezone.now(), frequency=frequency)
    messages.success(request, _("Saved: fewer mails from now on."))


def _pause(request: HttpRequest, reader: Subscriber) -> None:
    now = timezone.now()
    until = now + PAUSES.get(request.POST.get("weeks", ""), PAUSES["2"])
    readers.change_rhythm(reader.pk, now, paused_until=until)
    messages.success(request, _("Paused. What is on its way already still comes."))


def _resume(request: HttpRequest, reader: Subscriber) -> None:
    readers.change_rhythm(reader.pk, timezone.now(), paused_until=None)
    messages.success(request, _("Welcome back: the pause is over."))


def _mute(request: HttpRequest, reader: Subscriber) -> None:
    word = request.POST.get("word", "")
    try:
        changes.mute(reader.pk, "excluded_words", word)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, _("Muted: no digest brings it any more."))


ACTS: dict[str, Callable[[HttpRequest, Subscriber], None]] = {
    "less": _less_often,
    "pause": _pause,
    "resume": _resume,
    "mute": _mute,
}
