"""Pages for unsubscribing and its alternatives: fewer emails, a pause, a muted topic.

GET shows, POST acts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from subscriptions.models import Subscriber, Subscription
from subscriptions.pages.mailed_links import Access, mailed_link, signed
from subscriptions.profiles import edits
from subscriptions.readers import lifecycle, scheduling
from subscriptions.schedule import local_due
from subscriptions.tokens import Link, Purpose

Act = Callable[[HttpRequest, Subscription], None]
PAUSES = {"2": timedelta(weeks=2), "4": timedelta(weeks=4)}  # by the button's value
Frequency = Subscription.Frequency
FEWER: dict[Frequency, list[Frequency]] = {
    Frequency.DAILY: [Frequency.WEEKDAYS, Frequency.WEEKLY],
    Frequency.WEEKDAYS: [Frequency.WEEKLY],
    Frequency.WEEKLY: [Frequency.FORTNIGHTLY, Frequency.MONTHLY],
    Frequency.FORTNIGHTLY: [Frequency.MONTHLY],
}
"""The frequencies offered to readers who want fewer emails, by the present one."""


@csrf_exempt  # RFC 8058: mailbox providers post here without our cookie or token
@require_http_methods(["GET", "HEAD", "POST"])
@signed(Purpose.UNSUBSCRIBE)
def unsubscribe_page(request: HttpRequest, link: Link) -> HttpResponse:
    """Show the choices on GET. Unsubscribe on POST, from the button or by one-click (RFC 8058).

    The page is the same for readers who have left or were erased. The link never expires and is
    in headers that mail providers read, so it shows no address and allows nothing but
    unsubscribing, a pause and fewer emails.
    """
    names = {"act_url": "unsubscribe-less", "undo_url": "unsubscribe-undo"}
    links: dict[str, object] = {
        key: reverse(name, args=[link.token]) for key, name in names.items()
    }
    return _unsubscribe(request, *tokens.read_unsubscribe_key(link.value), links)


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def leave_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Unsubscribe from the reader's own pages."""
    links: dict[str, object] = {
        "act_url": access.url("rhythm"),
        "undo_url": access.url("leave-undo"),
    }
    links["subscriptions_url"] = access.url("subscriptions")
    return _unsubscribe(request, access.reader.pk, None, links)


def _unsubscribe(
    request: HttpRequest, pk: int, subscription: int | None, links: dict[str, object]
) -> HttpResponse:
    """Stop a subscription, or all email, on POST.

    Leaving all email is answered with a goodbye email, except after one-click unsubscribing.
    """
    now, one_click = timezone.now(), "List-Unsubscribe" in request.POST
    if request.method == "POST":
        stopped = None if request.POST.get("act") == "all" else subscription
        if lifecycle.stop_email(pk, stopped, now, with_goodbye=not one_click) and not one_click:
            tasks.send_messages_to.delay_on_commit(pk)
    leaving = _Leaving.of(pk, subscription)
    if leaving.is_deleted:
        return render(request, "subscriptions/unsubscribe_deleted.html")
    if request.method == "POST" or leaving.is_stopped:
        may_undo = not one_click and leaving.may_undo(now)
        done = leaving.context | {"undo_url": links["undo_url"] if may_undo else ""}
        return render(request, "subscriptions/unsubscribed.html", done)
    context = leaving.context | leaving.choices | links
    return render(request, "subscriptions/unsubscribe.html", context)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """The subscription that a link for unsubscribing stops, or all email if it names none.

    Nothing distinguishes the page of an erased reader from that of a reader who has left.
    """

    reader: Subscriber | None
    subscription: Subscription | None
    is_deleted: bool
    others: bool

    @classmethod
    def of(cls, pk: int, subscription: int | None) -> _Leaving:
        """Return what the primary keys name. `others` means other active subscriptions."""
        reader = Subscriber.objects.filter(pk=pk).first()
        rows = list(reader.subscriptions.all()) if reader else []
        named = next((row for row in rows if row.pk == subscription), None)
        brings = [row for row in rows if row.is_active and row != named]
        others = bool(reader and reader.is_active and brings)
        if subscription is None:
            others = others and len(rows) > 1
        is_deleted = subscription is not None and named is None and others
        return cls(reader, named, is_deleted, others)

    @property
    def is_stopped(self) -> bool:
        left = self.reader is not None and self.reader.status == Subscriber.Status.UNSUBSCRIBED
        return left or (self.subscription is not None and not self.subscription.is_active)

    def may_undo(self, now: datetime) -> bool:
        return self.reader is not None and (
            lifecycle.can_undo_unsubscribe(self.reader, now)
            or (self.subscription is not None and scheduling.can_undo_stop(self.subscription, now))
        )

    @property
    def context(self) -> dict[str, object]:
        """Return the name of the subscription if stopping it is less than stopping all email."""
        name = ""
        if self.subscription and self.others:
            name = scheduling.describe_subscription(self.subscription)
        return {"reader": self.reader, "subscription_name": name, "others": self.others}

    @property
    def choices(self) -> dict[str, object]:
        """Return the choices of fewer emails, unless it is open for which subscription."""
        if self.reader is None or (self.others and not self.subscription):
            return {}
        return frequency_choices(self.subscription or self.reader.default_subscription)


@require_POST
@mailed_link(Purpose.UNSUBSCRIBE)
def undo_unsubscribe(request: HttpRequest, access: Access) -> HttpResponse:
    """Subscribe again soon after unsubscribing by a link."""
    now, row = timezone.now(), access.subscription
    if access.reader.is_active and row and not row.is_active:
        if scheduling.can_undo_stop(row, now):
            scheduling.resume_subscription(row.pk, now)
            return render(request, "subscriptions/rejoined.html")
        return _refuse_undo(request, access, "unsubscribe")
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
    return _refuse_undo(request, access, error_page)


def _refuse_undo(request: HttpRequest, access: Access, error_page: str) -> HttpResponse:
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
    """Show and apply the choices: fewer emails, a pause or its end, a muted topic.

    A reader with several subscriptions has these choices for each active one.
    """
    rows = list(access.reader.subscriptions.order_by("position"))
    if request.method == "POST":
        wanted = request.POST.get("subscription", "")
        named = [row for row in rows if len(rows) == 1 or str(row.pk) == wanted]
        _act(request, named[0] if named else None, ACTS)
        return access.redirect("rhythm")
    shown = [row for row in rows if row.is_active] or rows[:1]
    context = {
        "reader": access.reader,
        "all_choices": [frequency_choices(row) for row in shown],
        "several": len(shown) > 1,
        "act_url": access.url("rhythm"),
        "unsubscribe_url": access.url("leave"),
        "preferences_url": access.url("preferences"),
        "may_do_more": True,
    }
    return render(request, "subscriptions/rhythm.html", context)


def _act(request: HttpRequest, subscription: Subscription | None, acts: Mapping[str, Act]) -> None:
    act = acts.get(request.POST.get("act", ""))
    if act and subscription and subscription.subscriber.is_active and subscription.is_active:
        act(request, subscription)
    else:
        messages.error(request, _("Nothing was changed: the request was incomplete."))


def frequency_choices(subscription: Subscription) -> dict[str, object]:
    """Return the template context of `_less.html` for a subscription, whose reader is loaded."""
    paused = subscription.paused_until and subscription.paused_until > timezone.now()
    frequency = Frequency(subscription.frequency)
    return {
        "shown": subscription,
        "shown_name": scheduling.describe_subscription(subscription),
        "due": local_due(subscription.next_digest_at, subscription.subscriber.timezone),
        "is_paused": bool(paused) or frequency == Frequency.PAUSED,
        "pause_ends": bool(paused) and frequency != Frequency.PAUSED,
        "fewer": FEWER.get(frequency, []),
    }


def _reduce_frequency(request: HttpRequest, subscription: Subscription) -> None:
    frequency = request.POST.get("frequency")
    if frequency not in {*FEWER.get(Frequency(subscription.frequency), ()), subscription.frequency}:
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
