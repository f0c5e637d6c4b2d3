"""Subscribers in the admin: the timeline of a reader, its actions, and the CSV export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date

from papers.metadata.identifiers import parse_arxiv_id
from subscriptions import tasks
from subscriptions.editions import digests, recovery, why_not
from subscriptions.models import Digest, Subscriber, Subscription
from subscriptions.readers import exporting, lifecycle, scheduling
from subscriptions.schedule import describe_schedule, local_day
from subscriptions.staff import progress, timeline
from web import audit

Frequency, Status = Subscription.Frequency, Subscriber.Status


def pause(subscription: Subscription) -> str:
    if subscription.frequency == Frequency.PAUSED or not subscription.is_active:
        return ""
    previous = subscription.get_frequency_display().lower()
    scheduling.change_schedule(subscription.pk, timezone.now(), frequency=Frequency.PAUSED)
    return f"Paused{_suffix(subscription)}. Previous frequency: {previous}."


def resume(subscription: Subscription) -> str:
    """Resume a paused or stopped subscription; a paused one daily, since it has no frequency."""
    now = timezone.now()
    if not subscription.is_active:
        scheduling.resume_subscription(subscription.pk, now)
        return f"Started again{_suffix(subscription)}."
    if subscription.frequency != Frequency.PAUSED:
        return ""
    scheduling.change_schedule(subscription.pk, now, frequency=Frequency.DAILY)
    return f"Resumed{_suffix(subscription)}, with a digest every day."


def _suffix(subscription: Subscription) -> str:
    """Return which subscription an action was for, if the reader has several."""
    if subscription.subscriber.subscriptions.count() == 1:
        return ""
    return f" “{scheduling.describe_subscription(subscription)}”"


def unsubscribe(subscription: Subscription) -> str:
    reader = subscription.subscriber
    if reader.status not in (Status.PENDING, Status.ACTIVE):
        return ""
    lifecycle.unsubscribe_reader(reader.pk, timezone.now())
    return "Unsubscribed by staff."


def send_again(subscription: Subscription) -> str:
    """Resend the last digest if it failed or is uncertain. Otherwise build today's digest."""
    reader, now = subscription.subscriber, timezone.now()
    own = Digest.objects.filter(subscriber=reader, subscription=subscription)
    last = own.order_by("-day", "-sequence")[:1]
    rows = Digest.objects.filter(pk__in=last.values("pk"))
    if ready := recovery.send_again(rows, now):
        tasks.deliver_digests.delay_on_commit(ready)
        return f"The last digest{_suffix(subscription)} is being sent again."
    has_one = own.filter(day=local_day(reader.timezone, now)).exists()
    if reader.status != Status.ACTIVE or has_one:
        return ""
    digest = digests.build_digest(reader.pk, now, subscription.position)
    if digest is None:
        return ""
    if digest.status == Digest.Status.SKIPPED:
        return f"No digest will be sent today: {digest.reason}"
    tasks.deliver_digests.delay_on_commit([digest.pk])
    return f"Today's digest{_suffix(subscription)} was built and will be sent soon."


ACTIONS: dict[str, Callable[[Subscription], str]] = {
    "pause": pause,
    "resume": resume,
    "unsubscribe": unsubscribe,
    "send-again": send_again,
}


def _why_nothing(reader: Subscriber, action: str) -> str:
    if reader.status != Status.ACTIVE:
        return "Nothing to do: only active readers get digests."
    if action == "send-again":
        return "Nothing to do: the last digest did not fail, and today's was built already."
    return "Nothing to do."


class ReaderPages:
    """Mixin for SubscriberAdmin with the timeline and the export."""

    admin_site: Any
    model: Any

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("export/", view(self.export), name="subscriptions_subscriber_export"),
            path(
                "<int:pk>/timeline/",
                view(self.timeline),
                name="subscriptions_subscriber_timeline",
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def timeline(self, request: HttpRequest, pk: int) -> HttpResponse:
        """GET shows the timeline and answers "why?"; POST performs one of ACTIONS."""
        reader = Subscriber.objects.filter(pk=pk).first()
        if reader is None:
            raise Http404(f"No reader has number {pk}.")
        if request.method == "POST":
            return self._act(request, reader)
        if not self.has_view_permission(request, reader):  # type: ignore[attr-defined]
            raise PermissionDenied
        paper, day = (request.GET.get(name, "").strip()[:200] for name in ("paper", "day"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": str(reader),
            "reader": reader,
            "subscriptions": _describe_subscriptions(reader),
            "entries": timeline.timeline_of(reader),
            "may_act": self._may_change(request, reader),
            "paper": paper,
            "day": day,
            "answers": [*_why_paper(reader, paper), *_why_day(reader, day)],
        }
        return TemplateResponse(request, "admin/subscriptions/subscriber/timeline.html", context)

    def _act(self, request: HttpRequest, reader: Subscriber) -> HttpResponse:
        if not self._may_change(request, reader):
            raise PermissionDenied
        name = request.POST.get("do", "")
        is_allowed = reader.status == Status.ACTIVE or name == "unsubscribe"
        action = ACTIONS.get(name) if is_allowed else None
        subscription = _chosen_subscription(reader, request.POST.get("subscription", ""))
        if action and subscription and (done := action(subscription)):
            audit.log_action(request, [reader], done)
            messages.success(request, done)
        else:
            messages.warning(request, _why_nothing(reader, name))
        url = reverse("admin:subscriptions_subscriber_timeline", args=[reader.pk])
        return HttpResponseRedirect(url)

    def _may_change(self, request: HttpRequest, reader: Subscriber) -> bool:
        return bool(self.has_change_permission(request, reader))  # type: ignore[attr-defined]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Stream all readers as CSV. POST only, because the export is logged."""
        may_export = request.user.has_perm("subscriptions.export_subscriber")
        if request.method != "POST" or not may_export:
            raise PermissionDenied
        audit.log_action(request, [request.user], "Exported all subscribers.")  # type: ignore[list-item]
        name = f"readers-{timezone.now():%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(
            exporting.export_lines(), content_type="text/csv", headers=headers
        )


def _chosen_subscription(reader: Subscriber, pk: str) -> Subscription | None:
    """Return the subscription that a button names, or the first if it names none."""
    chosen = {"pk": pk} if pk.isdecimal() else {"position": 0}
    return reader.subscriptions.filter(**chosen).first()


def _describe_subscriptions(reader: Subscriber) -> list[dict[str, Any]]:
    """Return the subscriptions with their schedules and topics in words."""
    rows = reader.subscriptions.order_by("position").prefetch_related("topics")
    return [
        {
            "row": row,
            "schedule": describe_schedule(scheduling.schedule_of(row)),
            "topics": "" if row.all_topics else ", ".join(one.title for one in row.topics.all()),
        }
        for row in rows
    ]


def _why_paper(reader: Subscriber, text: str) -> list[str]:
    if not text:
        return []
    paper, _version = parse_arxiv_id(text)
    if not paper:
        return [f"“{text}” is not an arXiv ID or link."]
    return [f"{paper}: {why_not.explain_absence(reader, paper, timezone.now())}"]


def _why_day(reader: Subscriber, text: str) -> list[str]:
    try:
        day = parse_date(text) if text else None
    except ValueError:
        day = None
    if day is None:
        return [f"“{text}” is not a date."] if text else []
    return progress.explain_digest(day, reader.email).sentences
