"""The page of an edition in the admin: how far it is, and the few things one does about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date

from papers.freshness import notices
from subscriptions import tasks
from subscriptions.editions import recovery, states
from subscriptions.models import Digest, Edition, Subscriber
from subscriptions.staff import dashboard, progress
from subscriptions.staff.desk import DeskPages

Done = str  # what was done, for the log and the message; empty: there was nothing to do


def pause(edition: Edition, request: HttpRequest) -> Done:
    why = request.POST.get("why", "").strip()[:500] or "Paused by hand."
    ours = states.pause_edition(edition.day, why, request.user.get_username(), timezone.now())
    if ours:
        Edition.objects.filter(pk=edition.pk).update(notified_at=timezone.now())  # they did it
    return f"Paused: {why}" if ours else ""


def resume(edition: Edition, request: HttpRequest) -> Done:
    if not states.resume_edition(edition.day, request.user.get_username(), timezone.now()):
        return ""
    tasks.deliver_edition.delay_on_commit(edition.day.isoformat())
    return "Resumed; the rest goes out."


def cancel(edition: Edition, request: HttpRequest) -> Done:
    if request.POST.get("sure") != "yes":
        return ""
    why = request.POST.get("why", "").strip()[:500] or "Cancelled by hand."
    ours = states.cancel_edition(edition.day, why, request.user.get_username(), timezone.now())
    return f"Cancelled: {why}" if ours else ""


def send_failed(edition: Edition, request: HttpRequest) -> Done:
    """All failed digests that may go out again; a burst of failures pauses an edition, so that
    they are few."""
    count = 0
    for chunk in recovery.failed_chunks(edition.day):
        if ready := recovery.send_again(Digest.objects.failed(chunk), timezone.now()):
            tasks.deliver_digests.delay_on_commit(ready)
            count += len(ready)
    return f"{count} failed digests are handed over again." if count else ""


def send_one(edition: Edition, request: HttpRequest) -> Done:
    """One failed or uncertain digest; the curator has been told that it may come twice."""
    pk = request.POST.get("digest", "")
    if not pk.isdecimal() or len(pk) > 18:
        return ""
    ready = recovery.send_again(Digest.objects.filter(pk=int(pk), day=edition.day), timezone.now())
    if ready:
        tasks.deliver_digests.delay_on_commit(ready)
    return f"Digest {pk} is handed over again." if ready else ""


ACTIONS: dict[str, Callable[[Edition, HttpRequest], Done]] = {
    "pause": pause,
    "resume": resume,
    "cancel": cancel,
    "send-failed": send_failed,
    "send-one": send_one,
}


@admin.register(Edition)
class EditionAdmin(DeskPages, admin.ModelAdmin):
    """Editions are made by what happens; here they are shaped, watched, paused and cancelled."""

    list_display = ("day", "state", "approved_by", "due", "changed_at", "closed_at", "totals_error")
    list_filter = ("state",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("dashboard/", view(self.dashboard), name="subscriptions_dashboard"),
            path("<str:object_id>/act/", view(self.act), name="subscriptions_edition_act"),
            *super().get_urls(),
        ]

    def dashboard(self, request: HttpRequest) -> HttpResponse:
        """How it goes."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Dashboard",
            "figures": dashboard.dashboard_figures(now),
            "coming": dashboard.upcoming_editions(now),
            "sources": notices.source_statuses(now),
            "statuses": dict(Subscriber.Status.choices),
        }
        return TemplateResponse(request, "admin/dashboard.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Progress, states, errors by kind, and why one reader did or did not get it."""
        edition = self.found(object_id)
        if not self.has_view_permission(request, edition):
            raise PermissionDenied
        who = request.GET.get("who", "").strip()[:254]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"Edition of {edition.day}",
            "edition": edition,
            "progress": progress.Progress.of(edition, timezone.now()),
            "may_act": self.has_change_permission(request, edition),
            "who": who,
            "answer": progress.explain_digest(edition.day, who) if who else None,
        }
        return TemplateResponse(request, "admin/subscriptions/edition/change_form.html", context)

    def act(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One of ACTIONS: by POST, by whoever may change editions, written down in the log."""
        edition = self.found(object_id)
        if request.method != "POST" or not self.has_change_permission(request, edition):
            raise PermissionDenied
        action = ACTIONS.get(request.POST.get("action", ""))
        if action and (done := action(edition, request)):
            self.log_change(request, edition, done)
            messages.success(request, done)
        else:
            messages.warning(request, "There was nothing to do.")
        return HttpResponseRedirect(reverse("admin:subscriptions_edition_change", args=[object_id]))

    def found(self, object_id: str) -> Edition:
        try:
            day = parse_date(object_id)
        except ValueError:
            day = None
        edition = Edition.objects.filter(day=day).first() if day else None
        if edition is None:
            raise Http404(f"There is no edition of {object_id}.")
        return edition
