"""Readers in the admin: one reader's timeline and what one does about them; all of them as CSV."""

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
from subscriptions.models import Digest, Subscriber
from subscriptions.readers import exporting, lifecycle
from subscriptions.schedule import local_day
from subscriptions.staff import progress, timeline
from web import audit

Frequency, Status = Subscriber.Frequency, Subscriber.Status


def pause(reader: Subscriber) -> str:
    if reader.frequency == Frequency.PAUSED:
        return ""
    was = reader.get_frequency_display().lower()
    _come(reader, Frequency.PAUSED)
    return f"Paused; before: {was}."


def go_on(reader: Subscriber) -> str:
    if reader.frequency != Frequency.PAUSED:
        return ""
    _come(reader, Frequency.DAILY)
    return "Goes on, every day."


def _come(reader: Subscriber, frequency: str) -> None:
    reader.frequency = frequency
    lifecycle.set_next_digest(reader, timezone.now())
    reader.save(update_fields=["frequency", "next_digest_at"])


def unsubscribe(reader: Subscriber) -> str:
    if reader.status not in (Status.PENDING, Status.ACTIVE):
        return ""
    lifecycle.unsubscribe_reader(reader.pk, timezone.now())
    return "Unsubscribed by hand."


def send_again(reader: Subscriber) -> str:
    """The last digest, if it failed or is in doubt; or else today's, if there is none yet."""
    last = Digest.objects.filter(subscriber=reader).order_by("-day", "-sequence")[:1]
    if ready := recovery.send_again(
        Digest.objects.filter(pk__in=last.values("pk")), timezone.now()
    ):
        tasks.deliver_digests.delay_on_commit(ready)
        return "The last digest is handed over again."
    if reader.status != Status.ACTIVE or _has_todays(reader):
        return ""
    digest = digests.build_digest(reader.pk, timezone.now())
    if digest is None:
        return ""
    if digest.status == Digest.Status.SKIPPED:
        return f"No digest goes out today: {digest.reason}"
    tasks.deliver_digests.delay_on_commit([digest.pk])
    return "Today's digest is made and waits to be sent."


def _has_todays(reader: Subscriber) -> bool:
    today = local_day(reader.timezone, timezone.now())
    return Digest.objects.filter(subscriber=reader, day=today).exists()


ACTS: dict[str, Callable[[Subscriber], str]] = {
    "pause": pause,
    "go-on": go_on,
    "unsubscribe": unsubscribe,
    "send-again": send_again,
}


class ReaderPages:
    """The pages of SubscriberAdmin beside Django's own."""

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
        """GET shows the story and answers "why?"; POST does one of ACTS."""
        reader = Subscriber.objects.filter(pk=pk).first()
        if reader is None:
            raise Http404(f"There is no reader {pk}.")
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
            "moments": timeline.timeline_of(reader),
            "may_act": self._may_change(request, reader),
            "paper": paper,
            "day": day,
            "answers": [*_why_paper(reader, paper), *_why_day(reader, day)],
        }
        return TemplateResponse(request, "admin/subscriptions/subscriber/timeline.html", context)

    def _act(self, request: HttpRequest, reader: Subscriber) -> HttpResponse:
        if not self._may_change(request, reader):
            raise PermissionDenied
        act = ACTS.get(request.POST.get("do", ""))
        if act and (done := act(reader)):
            audit.log_action(request, [reader], done)
            messages.success(request, done)
        else:
            messages.warning(request, "There was nothing to do.")
        here = reverse("admin:subscriptions_subscriber_timeline", args=[reader.pk])
        return HttpResponseRedirect(here)

    def _may_change(self, request: HttpRequest, reader: Subscriber) -> bool:
        return bool(self.has_change_permission(request, reader))  # type: ignore[attr-defined]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """All readers as CSV, line by line; POST, since it is written down."""
        may = request.user.has_perm("subscriptions.export_subscriber")
        if request.method != "POST" or not may:
            raise PermissionDenied
        audit.log_action(request, [request.user], "Exported all readers.")  # type: ignore[list-item]
        name = f"readers-{timezone.now():%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(
            exporting.export_lines(), content_type="text/csv", headers=headers
        )


def _why_paper(reader: Subscriber, said: str) -> list[str]:
    if not said:
        return []
    paper, _version = parse_arxiv_id(said)
    if not paper:
        return [f"“{said}” is no arXiv id or link."]
    return [f"{paper}: {why_not.explain_absence(reader, paper, timezone.now())}"]


def _why_day(reader: Subscriber, said: str) -> list[str]:
    try:
        day = parse_date(said) if said else None
    except ValueError:
        day = None
    if day is None:
        return [f"“{said}” is no day."] if said else []
    return progress.explain_digest(day, reader.email).said
